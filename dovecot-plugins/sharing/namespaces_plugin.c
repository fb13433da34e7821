/*
 * shoveler_sharing - a Dovecot plugin that gives every user the namespaces in which folders are
 * shared: "#Shared/OWNER/..." for what other users share with him, and one for each public tree of
 * the policy store, "#MilkyPond/...". The administrator writes no namespace blocks.
 *
 * What it does: when a mail user is created, in whatever protocol (delivery must find the
 * namespaces that IMAP shows), it adds the namespaces to his settings, and his groups of the policy
 * store to those the acl plugin knows. Its file sorts before lib01_acl, which reads them.
 *
 * On errors: it never keeps anybody from his own folders. A store that cannot be read, or settings
 * that do not allow the namespaces, are logged, and the user has his private ones.
 */
#include "compat.h"

#include "../plugin_conf.h"
#include "nobody.h"
#include "policy_view.h"
#include "shared_index.h"

#define SHARING_USER(obj) MODULE_CONTEXT(obj, sharing_user_module)

struct sharing_user {
	union mail_user_module_context module_ctx;
	struct policy_view *view;
};

PLUGIN_EXPORT struct policy_view *shoveler_sharing_view(struct mail_user *user);
PLUGIN_EXPORT void shoveler_sharing_plugin_init(struct module *module);
PLUGIN_EXPORT void shoveler_sharing_plugin_deinit(void);
PLUGIN_EXPORT extern const char *shoveler_sharing_plugin_version;

static MODULE_CONTEXT_DEFINE_INIT(sharing_user_module, &mail_user_module_register);

struct policy_view *shoveler_sharing_view(struct mail_user *user)
{
	struct sharing_user *suser = SHARING_USER(user);

	return suser != NULL ? suser->view : NULL;
}

static void add_shared(struct mail_user *user, const struct conf *conf)
{
	const char *error;

	if (compat_add_shared_namespace(user, conf_text(conf, P_SHARED_NAMESPACE),
					conf_text(conf, P_SHARED_LOCATION), &error) < 0)
		e_error(user->event, "shoveler: folders of others are not shown: %s", error);
}

static void add_public(struct mail_user *user, const struct conf *conf, const char *tree)
{
	const char *error;
	const char *path = t_strconcat(conf_text(conf, P_PUBLIC_DIRECTORY), "/", tree + 1, NULL);

	if (compat_add_public_namespace(user, tree, path, &error) < 0)
		e_error(user->event, "shoveler: %s is not shown: %s", tree, error);
}

/*
 * Where the user's own folders are all below "INBOX/", nobody would know his subscriptions of
 * others.
 */
static void add_subscriptions(struct mail_user *user)
{
	const char *error;

	if (compat_add_subscriptions_namespace(user, SUBSCRIPTIONS_NAMESPACE, &error) < 0)
		e_error(user->event, "shoveler: nothing can be subscribed to: %s", error);
}

static void sharing_user_deinit(struct mail_user *user)
{
	struct sharing_user *suser = SHARING_USER(user);

	/* the namespaces, which may still ask for rights, go with super */
	suser->module_ctx.super.deinit(user);
	policy_view_free(&suser->view);
}

static struct policy_view *make_view(struct mail_user *user, const struct conf *conf)
{
	struct mail_user_vfuncs *v = user->vlast;
	struct sharing_user *suser = p_new(user->pool, struct sharing_user, 1);

	suser->view = policy_view_create(conf, user->event, plugin_user_name(user->username));
	suser->module_ctx.super = *v;
	user->vlast = &suser->module_ctx.super;
	v->deinit = sharing_user_deinit;
	MODULE_CONTEXT_SET(user, sharing_user_module, suser);
	return suser->view;
}

static void sharing_mail_user_created(struct mail_user *user)
{
	const struct conf *conf;
	struct policy_view *view;

	/* owners of shared folders, and the helper users of delivery, have no namespaces of ours */
	if (user->autocreated || user->creator != NULL)
		return;
	conf = plugin_conf_get(user->event);
	if (conf == NULL)
		return;
	view = make_view(user, conf);
	compat_set_sharing_index(
		user, t_strconcat(conf_text(conf, P_STATE_DIRECTORY), SHARED_INDEX_FILE, NULL));
	if (conf_bool(conf, P_SHARING_ANYONE))
		compat_allow_anyone(user);
	compat_add_acl_groups(user, policy_view_groups(view));
	add_shared(user, conf);
	for (const char *const *tree = policy_view_trees(view); *tree != NULL; tree++)
		add_public(user, conf, *tree);
	add_subscriptions(user);
}

static struct mail_storage_hooks sharing_mail_storage_hooks = {
	.mail_user_created = sharing_mail_user_created,
};

void shoveler_sharing_plugin_init(struct module *module)
{
	mail_storage_hooks_add(module, &sharing_mail_storage_hooks);
}

void shoveler_sharing_plugin_deinit(void)
{
	mail_storage_hooks_remove(&sharing_mail_storage_hooks);
	plugin_conf_deinit();
}

const char *shoveler_sharing_plugin_version = DOVECOT_ABI_VERSION;
