/*
 * shoveler_acl - a Dovecot plugin on top of acl: rights that cannot be taken from those who are
 * responsible, and changes that open sessions see soon.
 *
 * What it does: each change of rights is logged, by whom, for whom, before and after. The owner of
 * a folder has all rights in it, and a delegate of the policy store in the public folders given to
 * him, whatever their ACL says; no entry can lock them out. Names are stored in one spelling
 * (identifier.h). For open sessions see shared_root.h and acl_list.h.
 *
 * How: it replaces the functions of each namespace's ACL backend by its own, which call the
 * originals. Its file sorts after lib01_acl, on which it depends.
 *
 * On errors: an original that fails, fails. A policy store that cannot be read means no delegates.
 */
#include "compat.h"

#include "../plugin_conf.h"
#include "acl_list.h"
#include "nobody.h"
#include "policy_view.h"
#include "revoked.h"
#include "shared_root.h"

#include <mail-namespace.h>
#include <mailbox-list-private.h>

#include <acl-api-private.h>
#include <acl-cache.h>
#include <acl-plugin.h>

#define SHOVELER_ACL_USER(obj) MODULE_CONTEXT(obj, shoveler_acl_user_module)

struct shoveler_acl_user {
	union mail_user_module_context module_ctx;
	struct policy_view *view;
	unsigned generation; /* of the view, when rights were last forgotten */
};

PLUGIN_EXPORT void shoveler_acl_plugin_init(struct module *module);
PLUGIN_EXPORT void shoveler_acl_plugin_deinit(void);
PLUGIN_EXPORT extern const char *shoveler_acl_plugin_version;
PLUGIN_EXPORT extern const char *shoveler_acl_plugin_dependencies[];

static MODULE_CONTEXT_DEFINE_INIT(shoveler_acl_user_module, &mail_user_module_register);

/* The stock backend: the same functions for every namespace. */
static struct acl_backend_vfuncs stock;

/* ---- rights that stay ---- */

/* As the user sees it; name is as in storage, "" for the namespace itself. */
static const char *folder_name(struct mail_namespace *ns, const char *name)
{
	if (name[0] == '\0')
		return ns->prefix_len > 0 ? t_strndup(ns->prefix, ns->prefix_len - 1) : "";
	return mailbox_list_get_vname(ns->list, name);
}

static bool is_responsible(struct acl_object *object)
{
	struct mail_namespace *ns = mailbox_list_get_namespace(object->backend->list);
	struct shoveler_acl_user *auser = SHOVELER_ACL_USER(ns->user);

	if (object->backend->owner)
		return TRUE;
	return ns->type == MAIL_NAMESPACE_TYPE_PUBLIC && auser != NULL &&
	       policy_view_is_delegate(auser->view, folder_name(ns, object->name));
}

static bool has_all_rights(struct acl_cache *cache, const struct acl_mask *mask)
{
	for (unsigned int i = 0; all_mailbox_rights[i] != NULL; i++) {
		if (!acl_cache_mask_isset(mask,
					  acl_cache_right_lookup(cache, all_mailbox_rights[i])))
			return FALSE;
	}
	return TRUE;
}

static void give_all_rights(struct acl_object *object)
{
	static const char *const none[] = {NULL};
	struct acl_cache *cache = object->backend->cache;
	const struct acl_mask *mask = acl_cache_get_my_rights(cache, object->name);
	struct acl_rights_update update;

	if (mask != NULL && has_all_rights(cache, mask))
		return;
	/* "no rights are known" is an entry that cannot be changed */
	if (mask == NULL)
		acl_cache_flush(cache, object->name);
	i_zero(&update);
	update.modify_mode = ACL_MODIFY_MODE_REPLACE;
	update.neg_modify_mode = ACL_MODIFY_MODE_REPLACE;
	update.rights.id_type = ACL_ID_OWNER;
	update.rights.rights = all_mailbox_rights;
	update.rights.neg_rights = none;
	acl_cache_update(cache, object->name, &update);
}

/* Who was a delegate may be none any more: what was computed for him must go. */
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

		if (alist != NULL && alist->rights.backend != NULL)
			acl_cache_flush_all(alist->rights.backend->cache);
	}
}

static int shoveler_object_refresh_cache(struct acl_object *object)
{
	int ret;

	forget_old_rights(mailbox_list_get_user(object->backend->list));
	ret = stock.object_refresh_cache(object);
	if (ret < 0)
		return ret;
	T_BEGIN
	{
		if (is_responsible(object))
			give_all_rights(object);
	}
	T_END;
	return ret;
}

/* ---- changes: one spelling, and a line for the audit ---- */

/* "lookup read -admin" of the entry, as it stands now; "" if there is none. */
static const char *entry_text(struct acl_object *object, const struct acl_rights *entry)
{
	struct acl_object_list_iter *iter = acl_object_list_init(object);
	struct acl_rights rights;
	const char *text = "";

	while (acl_object_list_next(iter, &rights)) {
		if (acl_rights_cmp(&rights, entry) == 0)
			text = acl_rights_export(&rights);
	}
	(void)acl_object_list_deinit(&iter);
	return text;
}

static int shoveler_object_update(struct acl_object *object, const struct acl_rights_update *update)
{
	struct mail_namespace *ns = mailbox_list_get_namespace(object->backend->list);
	struct acl_rights_update folded = *update;
	const char *before, *after;
	int ret;

	T_BEGIN
	{
		if (folded.rights.identifier != NULL)
			folded.rights.identifier = t_str_lcase(folded.rights.identifier);
		before = entry_text(object, &folded.rights);
		ret = stock.object_update(object, &folded);
		after = ret < 0 ? before : entry_text(object, &folded.rights);
		if (strcmp(before, after) != 0)
			e_info(ns->user->event,
			       "shoveler: rights changed: folder=<%s>, owner=<%s>, for=<%s>, "
			       "before=<%s>, after=<%s>",
			       folder_name(ns, object->name),
			       ns->owner != NULL ? ns->owner->username : "",
			       acl_rights_get_id(&folded.rights), before, after);
	}
	T_END;
	return ret;
}

/* ---- hooks ---- */

static void shoveler_acl_storage_added(struct mail_namespace *ns)
{
	struct acl_mailbox_list *alist = ACL_LIST_CONTEXT(ns->list);
	struct acl_backend_vfuncs *functions;

	if (alist == NULL || alist->rights.backend == NULL)
		return;
	functions = compat_acl_backend_functions(alist->rights.backend);
	stock = *functions;
	functions->object_refresh_cache = shoveler_object_refresh_cache;
	functions->object_update = shoveler_object_update;
	acl_list_wrap(functions);
}

static void shoveler_acl_list_created(struct mailbox_list *list)
{
	const struct conf *conf = plugin_conf_get(list->ns->user->event);

	if (conf != NULL)
		shared_root_list_created(list, conf);
	nobody_list_created(list);
}

static void shoveler_acl_mailbox_allocated(struct mailbox *box)
{
	nobody_mailbox_allocated(box);
	revoked_mailbox_allocated(box);
	acl_list_mailbox_allocated(box);
}

static void shoveler_acl_user_deinit(struct mail_user *user)
{
	struct shoveler_acl_user *auser = SHOVELER_ACL_USER(user);

	/* the namespaces, which may still ask for rights, go with super */
	auser->module_ctx.super.deinit(user);
	policy_view_free(&auser->view);
}

static void shoveler_acl_user_created(struct mail_user *user)
{
	struct mail_user_vfuncs *v = user->vlast;
	const struct conf *conf;
	struct shoveler_acl_user *auser;

	if (user->autocreated || user->creator != NULL ||
	    (conf = plugin_conf_get(user->event)) == NULL)
		return;
	auser = p_new(user->pool, struct shoveler_acl_user, 1);
	auser->view = policy_view_create(conf, user->event, plugin_user_name(user->username));
	auser->module_ctx.super = *v;
	user->vlast = &auser->module_ctx.super;
	v->deinit = shoveler_acl_user_deinit;
	MODULE_CONTEXT_SET(user, shoveler_acl_user_module, auser);
}

static struct mail_storage_hooks shoveler_acl_hooks = {
	.mail_user_created = shoveler_acl_user_created,
	.mailbox_list_created = shoveler_acl_list_created,
	.mailbox_allocated = shoveler_acl_mailbox_allocated,
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
const char *shoveler_acl_plugin_dependencies[] = {"acl", NULL};
