#include "compat.h"
#include "live_trees.h"

#include <imap-common.h>

#include "../plugin_conf.h"
#include "policy_view.h"

#include <imap-commands.h>
#include <mail-namespace.h>

#define LIVE_TREES_USER(obj) MODULE_CONTEXT(obj, live_trees_module)

struct live_trees_user {
	union mail_user_module_context module_ctx;
	struct policy_view *view;
	unsigned generation;
};

static MODULE_CONTEXT_DEFINE_INIT(live_trees_module, &mail_user_module_register);

static void add_tree(struct mail_user *user, const struct conf *conf, const char *tree)
{
	const char *path = t_strconcat(conf_text(conf, P_PUBLIC_DIRECTORY), "/", tree + 1, NULL);
	const char *error;

	if (mail_namespace_find_prefix(user->namespaces, t_strconcat(tree, "/", NULL)) != NULL)
		return;
	if (compat_add_public_namespace(user, tree, path, &error) < 0 ||
	    compat_start_last_namespace(user, &error) < 0)
		e_error(user->event, "shoveler: %s is not shown: %s", tree, error);
}

/* Only when this is the only command: another one may be walking along the namespaces. */
static void before_command(struct client_command_context *cmd)
{
	struct mail_user *user = cmd->client->user;
	struct live_trees_user *luser = LIVE_TREES_USER(user);
	const struct conf *conf = plugin_conf_get(user->event);
	unsigned generation;

	if (luser == NULL || conf == NULL || cmd->prev != NULL || cmd->next != NULL)
		return;
	generation = policy_view_generation(luser->view);
	if (generation == luser->generation)
		return;
	luser->generation = generation;
	T_BEGIN
	{
		/* a namespace that is added looks at the view, too */
		const char *const *tree =
			p_strarray_dup(pool_datastack_create(), policy_view_trees(luser->view));

		for (; *tree != NULL; tree++)
			add_tree(user, conf, *tree);
	}
	T_END;
}

/* Dovecot calls both of a pair. */
static void after_command(struct client_command_context *cmd ATTR_UNUSED)
{
}

static void live_trees_user_created(struct mail_user *user)
{
	struct policy_view *view = shoveler_sharing_view(user);
	struct live_trees_user *luser;

	if (view == NULL)
		return;
	luser = p_new(user->pool, struct live_trees_user, 1);
	luser->view = view;
	luser->generation = policy_view_generation(view);
	MODULE_CONTEXT_SET(user, live_trees_module, luser);
}

static struct mail_storage_hooks live_trees_hooks = {
	.mail_user_created = live_trees_user_created,
};

void live_trees_init(struct module *module)
{
	mail_storage_hooks_add(module, &live_trees_hooks);
	command_hook_register(before_command, after_command);
}

void live_trees_deinit(void)
{
	command_hook_unregister(before_command, after_command);
	mail_storage_hooks_remove(&live_trees_hooks);
}
