#include "compat.h"
#include "index_entries.h"

#include <mail-namespace.h>

#define PREFIX DICT_PATH_SHARED "shared-boxes/"

struct index_entries {
	const char *owner;
	pool_t pool;
	ARRAY_TYPE(const_string) wanted; /* "user/alice@example.test" */
	bool incomplete;
};

struct index_entries *index_entries_begin(const char *owner)
{
	pool_t pool = pool_alloconly_create("shoveler index entries", 1024);
	struct index_entries *entries = p_new(pool, struct index_entries, 1);

	entries->pool = pool;
	entries->owner = p_strdup(pool, owner);
	p_array_init(&entries->wanted, pool, 16);
	return entries;
}

/* ---- what the folders say ---- */

static const char *reader_key(const struct acl_rights *rights)
{
	switch (rights->id_type) {
	case ACL_ID_ANYONE:
	case ACL_ID_AUTHENTICATED:
		return "anyone";
	case ACL_ID_USER:
		return t_strconcat("user/", rights->identifier, NULL);
	case ACL_ID_GROUP:
	case ACL_ID_GROUP_OVERRIDE:
		return t_strconcat("group/", rights->identifier, NULL);
	case ACL_ID_OWNER:
	case ACL_ID_TYPE_COUNT:
		break;
	}
	return NULL;
}

static bool has(const ARRAY_TYPE(const_string) * keys, const char *key)
{
	const char *const *other;

	array_foreach(keys, other)
	{
		if (strcmp(*other, key) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Does the entry let others look it up? */
static bool want(struct index_entries *entries, const struct acl_rights *rights)
{
	const char *key;

	/* owners do not share with themselves, though some clients do */
	if (!acl_rights_has_nonowner_lookup_changes(rights) ||
	    (rights->id_type == ACL_ID_USER && strcmp(rights->identifier, entries->owner) == 0))
		return FALSE;
	key = reader_key(rights);
	if (key != NULL && !has(&entries->wanted, key)) {
		key = p_strdup(entries->pool, key);
		array_push_back(&entries->wanted, &key);
	}
	return TRUE;
}

int index_entries_add_folder(struct index_entries *entries, struct acl_backend *backend,
			     const char *name)
{
	struct acl_object *object = acl_object_init_from_name(backend, name);
	struct acl_object_list_iter *iter = acl_object_list_init(object);
	struct acl_rights rights;
	int ret, found = 0;

	while (acl_object_list_next(iter, &rights)) {
		T_BEGIN
		{
			if (want(entries, &rights))
				found = 1;
		}
		T_END;
	}
	ret = acl_object_list_deinit(&iter);
	acl_object_deinit(&object);
	if (ret >= 0)
		return found;
	entries->incomplete = TRUE;
	return -1;
}

/* The folders of one of his namespaces, by its list (acl_list.h). */
static void index_entries_add(struct index_entries *entries, struct acl_backend *backend)
{
	struct acl_mailbox_list_context *iter = acl_backend_nonowner_lookups_iter_init(backend);
	const char *name;

	while (acl_backend_nonowner_lookups_iter_next(iter, &name))
		(void)index_entries_add_folder(entries, backend, name);
	if (acl_backend_nonowner_lookups_iter_deinit(&iter) < 0)
		entries->incomplete = TRUE;
}

/* ---- what the index says ---- */

/* key: "user/alice@example.test/bob@example.test"; bob is the owner. */
static const char *owner_of(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash != NULL ? slash + 1 : "";
}

/* Keys without PREFIX, of one owner or (NULL) of all. */
static int read_keys(struct dict *dict, struct mail_user *by, const char *owner,
		     ARRAY_TYPE(const_string) * keys, const char **error_r)
{
	struct dict_iterate_context *iter =
		dict_iterate_init(dict, mail_user_get_dict_op_settings(by), PREFIX,
				  DICT_ITERATE_FLAG_RECURSE | DICT_ITERATE_FLAG_NO_VALUE);
	const char *key, *value;

	while (dict_iterate(iter, &key, &value)) {
		key = t_strdup(key + strlen(PREFIX));
		if (owner == NULL || strcmp(owner_of(key), owner) == 0)
			array_push_back(keys, &key);
	}
	return dict_iterate_deinit(&iter, error_r);
}

static int write_changes(struct index_entries *entries, struct dict *dict, struct mail_user *by,
			 const char **error_r)
{
	struct dict_transaction_context *transaction;
	ARRAY_TYPE(const_string) wanted, old;
	const char *const *key, *full;
	int count = 0;

	t_array_init(&wanted, 16);
	t_array_init(&old, 16);
	array_foreach(&entries->wanted, key)
	{
		full = t_strdup_printf("%s/%s", *key, entries->owner);
		array_push_back(&wanted, &full);
	}
	if (read_keys(dict, by, entries->owner, &old, error_r) < 0)
		return -1;
	transaction = dict_transaction_begin(dict, mail_user_get_dict_op_settings(by));
	array_foreach(&wanted, key)
	{
		if (!has(&old, *key)) {
			dict_set(transaction, t_strconcat(PREFIX, *key, NULL), "1");
			count++;
		}
	}
	array_foreach(&old, key)
	{
		if (!entries->incomplete && !has(&wanted, *key)) {
			dict_unset(transaction, t_strconcat(PREFIX, *key, NULL));
			count++;
		}
	}
	if (count == 0) {
		dict_transaction_rollback(&transaction);
		return 0;
	}
	return dict_transaction_commit(&transaction, error_r) < 0 ? -1 : count;
}

int index_entries_finish(struct index_entries **_entries, struct mail_user *by,
			 const char **error_r)
{
	struct index_entries *entries = *_entries;
	struct dict *dict;
	int ret = compat_open_sharing_index(by, &dict, error_r);

	*_entries = NULL;
	if (ret > 0) {
		ret = write_changes(entries, dict, by, error_r);
		dict_deinit(&dict);
	}
	pool_unref(&entries->pool);
	return ret;
}

void index_entries_follow(struct acl_backend *backend)
{
	struct mail_namespace *ns = mailbox_list_get_namespace(backend->list);
	struct index_entries *entries;
	const char *error;

	if (ns->type != MAIL_NAMESPACE_TYPE_SHARED || ns->owner == NULL)
		return;
	T_BEGIN
	{
		entries = index_entries_begin(ns->owner->username);
		index_entries_add(entries, backend);
		if (index_entries_finish(&entries, ns->user, &error) < 0)
			e_error(ns->user->event, "shoveler: the sharing index of %s: %s",
				ns->owner->username, error);
	}
	T_END;
}

const char *const *index_entries_owners(struct mail_user *by, const char **error_r)
{
	ARRAY_TYPE(const_string) keys, owners;
	const char *const *key, *owner;
	struct dict *dict;
	int ret = compat_open_sharing_index(by, &dict, error_r);

	t_array_init(&keys, 64);
	t_array_init(&owners, 64);
	if (ret > 0) {
		ret = read_keys(dict, by, NULL, &keys, error_r);
		dict_deinit(&dict);
	}
	if (ret < 0)
		return NULL;
	array_foreach(&keys, key)
	{
		owner = owner_of(*key);
		if (!has(&owners, owner))
			array_push_back(&owners, &owner);
	}
	array_sort(&owners, i_strcmp_p);
	array_append_zero(&owners);
	return array_front(&owners);
}
