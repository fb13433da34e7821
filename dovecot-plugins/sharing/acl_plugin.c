/*
 * shoveler_acl - a Dovecot plugin on top of acl: rights that cannot be taken from those who are
 * responsible, and changes that open sessions see soon.
 *
 * What it does: rights add up, and some cannot be taken (my_rights.h). Each change of them is
 * logged (change_log.h), stored in one spelling (identifier.h), and brought to the index of who
 * shares with whom (index_entries.h). Open sessions see changes soon, those of groups too
 * (live_groups.h, shared_root.h, acl_list.h).
 *
 * How: it replaces the functions of each namespace's ACL backend by its own, which call the
 * originals. Its file sorts after lib01_acl and lib00_shoveler_sharing, on which it depends; the
 * view of the policy store is the latter's.
 *
 * On errors: an original that fails, fails. A policy store that cannot be read means no delegates
 * and no groups of ours.
 */
#include "compat.h"

#include "../plugin_conf.h"
#include "acl_list.h"
#include "change_log.h"
#include "index_entries.h"
#include "live_groups.h"
#include "my_rights.h"
#include "nobody.h"
#include "policy_view.h"
#include "revoked.h"
#include "shared_root.h"

#include <mail-namespace.h>
#include <mailbox-list-private.h>

#include <acl-cache.h>

#define SHOVELER_ACL_USER(obj) MODULE_CONTEXT(obj, shoveler_acl_user_module)

struct shoveler_acl_user {
	union mail_user_module_context module_ctx;
	struct policy_view *view;
	struct live_groups *groups;
	unsigned generation; /* of the view, when rights were last forgotten */
	bool own_domain;     /* folders of other domains' users are not for him */
};

PLUGIN_EXPORT void shoveler_acl_plugin_init(struct module *module);
PLUGIN_EXPORT void shoveler_acl_plugin_deinit(void);
PLUGIN_EXPORT extern const char *shoveler_acl_plugin_version;
PLUGIN_EXPORT extern const char *shoveler_acl_plugin_dependencies[];

static MODULE_CONTEXT_DEFINE_INIT(shoveler_acl_user_module, &mail_user_module_register);

/* The stock backend: the same functions for every namespace. */
static struct acl_backend_vfuncs stock;

/* ---- rights that stay ---- */

static bool is_responsible(struct acl_object *object)
{
	struct mail_namespace *ns = mailbox_list_get_namespace(object->backend->list);
	struct shoveler_acl_user *auser = SHOVELER_ACL_USER(ns->user);

	if (object->backend->owner)
		return TRUE;
	return ns->type == MAIL_NAMESPACE_TYPE_PUBLIC && auser != NULL &&
	       policy_view_is_delegate(auser->view, change_log_folder(ns, object->name));
}

static bool is_foreign(struct acl_object *object)
{
	struct mail_namespace *ns = mailbox_list_get_namespace(object->backend->list);
	struct shoveler_acl_user *auser = SHOVELER_ACL_USER(ns->user);

	return auser != NULL && auser->own_domain && ns->type == MAIL_NAMESPACE_TYPE_SHARED &&
	       ns->owner != NULL && !plugin_same_domain(ns->owner->username, ns->user->username);
}

/* Who was a delegate or a member may be none any more: what was computed for him must go. */
static void forget_old_rights(struct mail_user *user)
{
	struct shoveler_acl_user *auser = SHOVELER_ACL_USER(user);
	unsigned generation;

	if (auser == NULL ||
	    (generation = policy_view_generation(auser->view)) == auser->generation)
		return;
	auser->generation = generation;
	for (struct mail_namespace *ns = user->namespaces; ns != NULL; ns = ns->next) {
		struct acl_mailbox_list *alist = ACL_LIST_CONTEXT(ns->list);

		if (alist == NULL || alist->rights.backend == NULL)
			continue;
		live_groups_apply(auser->groups, alist->rights.backend,
				  policy_view_groups(auser->view));
		acl_cache_flush_all(alist->rights.backend->cache);
	}
}

static int shoveler_object_refresh_cache(struct acl_object *object)
{
	bool has_all, has_none;

	forget_old_rights(mailbox_list_get_user(object->backend->list));
	T_BEGIN
	{
		has_all = is_responsible(object);
		has_none = is_foreign(object);
	}
	T_END;
	return my_rights_refresh(object, &stock, has_all, has_none);
}

/* ---- changes ---- */

static int shoveler_object_update(struct acl_object *object, const struct acl_rights_update *update)
{
	struct acl_rights_update folded = *update;
	const char *before;
	int ret;

	T_BEGIN
	{
		if (folded.rights.identifier != NULL)
			folded.rights.identifier = t_str_lcase(folded.rights.identifier);
		before = change_log_entry(object, &folded.rights);
		ret = stock.object_update(object, &folded);
		/* what is cached was computed before */
		acl_cache_flush(object->backend->cache, object->name);
		if (ret == 0) {
			change_log_write(object, &folded.rights, before,
					 change_log_entry(object, &folded.rights));
			index_entries_follow(object->backend);
		}
	}
	T_END;
	return ret;
}

/* ---- hooks ---- */

static void shoveler_acl_storage_added(struct mail_namespace *ns)
{
	struct acl_mailbox_list *alist = ACL_LIST_CONTEXT(ns->list);
	struct shoveler_acl_user *auser = SHOVELER_ACL_USER(ns->user);
	struct acl_backend_vfuncs *functions;

	if (alist == NULL || alist->rights.backend == NULL)
		return;
	if (auser != NULL)
		live_groups_apply(auser->groups, alist->rights.backend,
				  policy_view_groups(auser->view));
	functions = compat_acl_backend_functions(alist->rights.backend);
	stock = *functions;
	functions->object_refresh_cache = shoveler_object_refresh_cache;
	functions->object_update = shoveler_object_update;
	acl_list_wrap(functions);
}

static void shoveler_acl_list_created(struct mailbox_list *list)
{
	struct mail_user *user = list->ns->user;
	const struct conf *conf = plugin_conf_get(user->event);
	struct shoveler_acl_user *auser = SHOVELER_ACL_USER(user);

	if (conf != NULL && auser != NULL)
		shared_root_list_created(list, conf, auser->view);
	nobody_list_created(list);
}

static void shoveler_acl_mailbox_allocated(struct mailbox *box)
{
	nobody_mailbox_allocated(box);
	revoked_mailbox_allocated(box);
	acl_list_mailbox_allocated(box);
}

static void shoveler_acl_user_created(struct mail_user *user)
{
	struct policy_view *view = shoveler_sharing_view(user);
	const struct conf *conf = plugin_conf_get(user->event);
	struct shoveler_acl_user *auser;

	if (view == NULL || conf == NULL)
		return;
	auser = p_new(user->pool, struct shoveler_acl_user, 1);
	auser->view = view;
	auser->groups = live_groups_create(user->pool, policy_view_groups(view));
	auser->generation = policy_view_generation(view);
	auser->own_domain = !conf_bool(conf, P_SHARING_ACROSS_DOMAINS);
	MODULE_CONTEXT_SET(user, shoveler_acl_user_module, auser);
}

static struct mail_storage_hooks shoveler_acl_hooks = {
	.mail_user_created = shoveler_acl_user_created,
	.mailbox_list_created = shoveler_acl_list_created,
	.mailbox_allocated = shoveler_acl_mailbox_allocated,
	.mail_allocated = revoked_mail_allocated,
	.mail_namespace_storage_added = shoveler_acl_storage_added,
};

void shoveler_acl_plugin_init(struct module *module)
{
	mail_storage_hooks_add(module, &shoveler_acl_hooks);
}

void shoveler_acl_plugin_deinit(void)
{
	mail_storage_hooks_remove(&shoveler_acl_hooks);
	plugin_conf_deinit();
}

const char *shoveler_acl_plugin_version = DOVECOT_ABI_VERSION;
const char *shoveler_acl_plugin_dependencies[] = {"acl", "shoveler_sharing", NULL};
