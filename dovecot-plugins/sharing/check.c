#include "compat.h"
#include "check.h"

#include "../plugin_conf.h"
#include "index_entries.h"
#include "policy_view.h"
#include "user_lookup.h"

#include <acl-cache.h>
#include <mail-namespace.h>
#include <mailbox-list-iter.h>

struct known_name {
	const char *name; /* "alice@example.test", "$staff" */
	bool exists;
};

struct checked_user {
	struct sharing_check *check;
	struct mail_user *user;
	struct policy_view *view;
};

/* ---- users and groups that do not exist ---- */

/* What cannot be asked now is not unknown. */
static bool look_up(struct checked_user *checked, const char *name)
{
	if (name[0] == '$')
		return policy_view_group_exists(checked->view, name + 1);
	return user_lookup(checked->user, name) != 0;
}

static bool exists(struct checked_user *checked, const char *name)
{
	struct sharing_check *check = checked->check;
	const struct known_name *known;
	struct known_name new;

	array_foreach(&check->names, known)
	{
		if (strcmp(known->name, name) == 0)
			return known->exists;
	}
	new.name = p_strdup(check->pool, name);
	new.exists = look_up(checked, name);
	array_push_back(&check->names, &new);
	return new.exists;
}

static const char *grantee(const struct acl_rights *entry)
{
	switch (entry->id_type) {
	case ACL_ID_USER:
		return entry->identifier;
	case ACL_ID_GROUP:
	case ACL_ID_GROUP_OVERRIDE:
		return t_strconcat("$", entry->identifier, NULL);
	case ACL_ID_ANYONE:
	case ACL_ID_AUTHENTICATED:
	case ACL_ID_OWNER:
	case ACL_ID_TYPE_COUNT:
		break;
	}
	return NULL;
}

static void failed(struct sharing_check *check, struct mail_user *user, const char *what,
		   const char *why)
{
	check->errors++;
	e_error(user->event, "sharing: %s: %s", what, why);
}

static int remove_entry(struct acl_object *object, const struct acl_rights *entry)
{
	struct acl_rights_update update;

	i_zero(&update);
	update.rights.id_type = entry->id_type;
	update.rights.identifier = entry->identifier;
	update.modify_mode = ACL_MODIFY_MODE_CLEAR;
	update.neg_modify_mode = ACL_MODIFY_MODE_CLEAR;
	return acl_object_update(object, &update);
}

static int rename_entry(struct acl_object *object, const struct acl_rights *entry,
			const char *new_name)
{
	struct acl_rights_update update;

	i_zero(&update);
	update.rights = *entry;
	update.rights.identifier = new_name;
	update.modify_mode = ACL_MODIFY_MODE_ADD;
	update.neg_modify_mode = ACL_MODIFY_MODE_ADD;
	return acl_object_update(object, &update) < 0 ? -1 : remove_entry(object, entry);
}

static void check_entry(struct checked_user *checked, struct acl_object *object, const char *vname,
			const struct acl_rights *entry)
{
	struct sharing_check *check = checked->check;
	const char *name = entry->global ? NULL : grantee(entry);
	unsigned *counter = NULL;
	int ret = 0;

	if (name == NULL)
		return;
	if (check->old_name != NULL && strcmp(name, check->old_name) == 0) {
		ret = rename_entry(object, entry, check->new_name);
		counter = &check->renamed;
	} else if (!exists(checked, name)) {
		check->unknown++;
		e_warning(checked->user->event,
			  "sharing: folder=<%s> has rights for <%s>, who does not exist", vname,
			  name);
		if (check->remove_unknown) {
			ret = remove_entry(object, entry);
			counter = &check->removed;
		}
	}
	if (ret < 0)
		failed(check, checked->user, vname, "its rights cannot be changed");
	else if (counter != NULL)
		++*counter;
}

static void check_entries(struct checked_user *checked, struct acl_backend *backend,
			  const char *name, const char *vname)
{
	struct acl_object *object = acl_object_init_from_name(backend, name);
	struct acl_object_list_iter *iter = acl_object_list_init(object);
	struct acl_rights entry;

	/* the iterator has a copy */
	while (acl_object_list_next(iter, &entry)) {
		T_BEGIN
		{
			check_entry(checked, object, vname, &entry);
		}
		T_END;
	}
	if (acl_object_list_deinit(&iter) < 0)
		failed(checked->check, checked->user, vname, "its rights cannot be read");
	acl_object_deinit(&object);
}

/* ---- folders ---- */

static bool next_folder(struct mailbox_list_iterate_context *iter, const char **name_r,
			const char **vname_r)
{
	const struct mailbox_info *info = mailbox_list_iter_next(iter);

	if (info == NULL)
		return FALSE;
	*vname_r = info->vname;
	*name_r = mailbox_list_get_storage_name(info->ns->list, info->vname);
	return TRUE;
}

/* shared_r: names as in storage of those that others may look up; entries may be NULL. */
static void check_folders(struct checked_user *checked, struct mail_namespace *ns,
			  struct acl_backend *backend, struct index_entries *entries,
			  ARRAY_TYPE(const_string) * shared_r)
{
	struct sharing_check *check = checked->check;
	struct mailbox_list_iterate_context *iter = mailbox_list_iter_init(
		ns->list, "*", MAILBOX_LIST_ITER_RAW_LIST | MAILBOX_LIST_ITER_RETURN_NO_FLAGS);
	const char *name, *vname;

	while (next_folder(iter, &name, &vname)) {
		check->folders++;
		acl_cache_flush(backend->cache, name);
		check_entries(checked, backend, name, vname);
		if (entries != NULL && index_entries_add_folder(entries, backend, name) > 0) {
			name = t_strdup(name);
			array_push_back(shared_r, &name);
		}
	}
	if (mailbox_list_iter_deinit(&iter) < 0)
		failed(check, checked->user, ns->prefix, "its folders cannot be listed");
}

static int read_list(struct acl_backend *backend, ARRAY_TYPE(const_string) * listed_r)
{
	struct acl_mailbox_list_context *iter = acl_backend_nonowner_lookups_iter_init(backend);
	const char *name;

	while (acl_backend_nonowner_lookups_iter_next(iter, &name)) {
		name = t_strdup(name);
		array_push_back(listed_r, &name);
	}
	return acl_backend_nonowner_lookups_iter_deinit(&iter);
}

static bool are_equal(ARRAY_TYPE(const_string) * names, ARRAY_TYPE(const_string) * others)
{
	unsigned int count = array_count(names);

	array_sort(names, i_strcmp_p);
	array_sort(others, i_strcmp_p);
	if (array_count(others) != count)
		return FALSE;
	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(array_idx_elem(names, i), array_idx_elem(others, i)) != 0)
			return FALSE;
	}
	return TRUE;
}

static void check_list(struct checked_user *checked, struct acl_backend *backend,
		       ARRAY_TYPE(const_string) * shared)
{
	struct sharing_check *check = checked->check;
	ARRAY_TYPE(const_string) listed;

	t_array_init(&listed, 16);
	if (read_list(backend, &listed) >= 0 && are_equal(&listed, shared))
		return;
	if (acl_backend_nonowner_lookups_rebuild(backend) < 0) {
		failed(check, checked->user, "list of shared folders", "it cannot be made anew");
		return;
	}
	check->repaired++;
	e_info(checked->user->event,
	       "sharing: repaired the list of shared folders: it had %u, there are %u",
	       array_count(&listed), array_count(shared));
}

static struct acl_backend *usable_backend(struct mail_namespace *ns)
{
	struct acl_mailbox_list *alist = ACL_LIST_CONTEXT(ns->list);

	if (alist == NULL || (ns->flags & (NAMESPACE_FLAG_NOACL | NAMESPACE_FLAG_UNUSABLE)) != 0)
		return NULL;
	return alist->rights.backend;
}

static void repair_index(struct checked_user *checked, struct index_entries *entries,
			 const char *owner)
{
	struct sharing_check *check = checked->check;
	const char *error;
	int changed = index_entries_finish(&entries, checked->user, &error);

	if (changed < 0)
		failed(check, checked->user, "sharing index", error);
	if (changed <= 0)
		return;
	check->repaired++;
	e_info(checked->user->event, "sharing: repaired the index: owner=<%s>, entries=%d", owner,
	       changed);
}

/* ---- a run ---- */

struct checked_namespace {
	struct acl_backend *backend;
	ARRAY_TYPE(const_string) shared;
};

/* The index first: making a list anew would bring it up to date without a word. */
static void check_private(struct checked_user *checked)
{
	struct mail_user *user = checked->user;
	struct index_entries *entries = index_entries_begin(user->username);
	ARRAY(struct checked_namespace) namespaces;
	struct checked_namespace *each;

	t_array_init(&namespaces, 4);
	for (struct mail_namespace *ns = user->namespaces; ns != NULL; ns = ns->next) {
		struct acl_backend *backend = usable_backend(ns);

		if (ns->type != MAIL_NAMESPACE_TYPE_PRIVATE || ns->alias_for != NULL ||
		    backend == NULL)
			continue;
		each = array_append_space(&namespaces);
		each->backend = backend;
		t_array_init(&each->shared, 16);
		check_folders(checked, ns, backend, entries, &each->shared);
	}
	repair_index(checked, entries, user->username);
	array_foreach_modifiable(&namespaces, each)
		check_list(checked, each->backend, &each->shared);
}

static void check_public(struct checked_user *checked)
{
	struct acl_backend *backend;

	for (struct mail_namespace *ns = checked->user->namespaces; ns != NULL; ns = ns->next) {
		if (ns->type != MAIL_NAMESPACE_TYPE_PUBLIC ||
		    (backend = usable_backend(ns)) == NULL)
			continue;
		check_entries(checked, backend, "", ns->prefix);
		check_folders(checked, ns, backend, NULL, NULL);
	}
}

/* Nobody else would look at the entries of those who are gone. */
static void check_owners(struct checked_user *checked)
{
	const char *error, *const *owners = index_entries_owners(checked->user, &error);

	if (owners == NULL)
		failed(checked->check, checked->user, "sharing index", error);
	for (; owners != NULL && *owners != NULL; owners++) {
		if (!exists(checked, *owners))
			repair_index(checked, index_entries_begin(*owners), *owners);
	}
}

void sharing_check_user(struct sharing_check *check, struct mail_user *user)
{
	const struct conf *conf = plugin_conf_get(user->event);
	struct checked_user checked = {.check = check, .user = user};

	if (conf == NULL || ACL_USER_CONTEXT(user) == NULL) {
		failed(check, user, "not checked",
		       conf == NULL ? "no configuration" : "the acl plugin is not loaded");
		return;
	}
	checked.view = policy_view_create(conf, user->event, plugin_user_name(user->username));
	if (!array_is_created(&check->names))
		p_array_init(&check->names, check->pool, 64);
	check->users++;
	T_BEGIN
	{
		check_private(&checked);
		if (!check->once_done) {
			check->once_done = TRUE;
			check_public(&checked);
			check_owners(&checked);
		}
	}
	T_END;
	policy_view_free(&checked.view);
}
