/*
 * imap_shoveler_acl - a Dovecot plugin in front of the IMAP commands of imap_acl (RFC 4314).
 *
 * What it does: a folder that cannot have rights (of a user who does not exist, for example) is
 * answered with NO [NONEXISTENT], where imap_acl of 2.3 ends the process. Rights for a user or a
 * group that does not exist are refused with a NO that says so. Identifiers reach imap_acl in one
 * spelling (identifier.h). The root of a public tree has rights too, and those of a folder can be
 * given to all below it (rights_command.h). Public trees that are made during a session appear in
 * it (live_trees.h).
 *
 * How: it takes the place of the commands, reads their arguments, and hands on to the originals,
 * which find the same arguments still in the command's parser. Its file sorts after
 * lib02_imap_acl, on which it depends.
 *
 * On errors: a user or group that cannot be looked up now is refused with NO [UNAVAILABLE].
 */
#include "compat.h"

#include <imap-common.h>

#include "../plugin_conf.h"
#include "identifier.h"
#include "live_trees.h"
#include "rights_command.h"

#include <imap-commands.h>
#include <imap-resp-code.h>
#include <mail-namespace.h>

#include <acl-plugin.h>

PLUGIN_EXPORT void imap_shoveler_acl_plugin_init(struct module *module);
PLUGIN_EXPORT void imap_shoveler_acl_plugin_deinit(void);
PLUGIN_EXPORT extern const char *imap_shoveler_acl_plugin_version;
PLUGIN_EXPORT extern const char *imap_shoveler_acl_plugin_dependencies[];
PLUGIN_EXPORT extern const char imap_shoveler_acl_plugin_binary_dependency[];

static bool command_listrights(struct client_command_context *cmd);
static bool command_getacl(struct client_command_context *cmd);
static bool command_myrights(struct client_command_context *cmd);
static bool command_setacl(struct client_command_context *cmd);
static bool command_deleteacl(struct client_command_context *cmd);

static struct replaced {
	const char *name;
	command_func_t *ours, *original;
} commands[] = {
	{"LISTRIGHTS", command_listrights, NULL}, {"GETACL", command_getacl, NULL},
	{"MYRIGHTS", command_myrights, NULL},	  {"SETACL", command_setacl, NULL},
	{"DELETEACL", command_deleteacl, NULL},
};

enum { LISTRIGHTS, GETACL, MYRIGHTS, SETACL, DELETEACL };

/* Can imap_acl ask for the rights of this folder? Where it is not sure, it panics. */
static bool has_rights(struct mail_namespace *ns, const char *vname)
{
	struct mailbox *box =
		mailbox_alloc(ns->list, vname, MAILBOX_FLAG_READONLY | MAILBOX_FLAG_IGNORE_ACLS);
	struct acl_mailbox_list *alist = ACL_LIST_CONTEXT(box->list);
	struct acl_mailbox *abox = ACL_CONTEXT(box);
	bool ret = alist != NULL && alist->rights.backend != NULL && abox != NULL &&
		   abox->aclobj != NULL;

	mailbox_free(&box);
	return ret;
}

/* NULL: the command is answered. target_r: ns is NULL if imap_acl shall do it. */
static const char *find_folder(struct client_command_context *cmd, unsigned int which,
			       const struct imap_arg *arg, struct rights_target *target_r)
{
	struct mail_namespace *ns;
	const char *name, *vname;

	i_zero(target_r);
	/* imap_acl complains about these itself */
	if (!imap_arg_get_astring(arg, &name) || ACL_USER_CONTEXT(cmd->client->user) == NULL)
		return "";
	vname = name;
	ns = client_find_namespace(cmd, &vname);
	if (ns == NULL)
		return NULL;
	if (which != LISTRIGHTS && rights_target_find(ns, vname, target_r) &&
	    (!target_r->below || which == SETACL || which == DELETEACL))
		return name;
	i_zero(target_r);
	if (has_rights(ns, vname))
		return name;
	client_send_tagline(cmd, t_strdup_printf("NO [" IMAP_RESP_CODE_NONEXISTENT
						 "] " MAIL_ERRSTR_MAILBOX_NOT_FOUND,
						 name));
	return NULL;
}

static bool check_grantee(struct client_command_context *cmd, const char *identifier,
			  const struct imap_arg *rights)
{
	const char *text, *reason;
	int ret;

	/* who is gone can still lose his rights */
	if (imap_arg_get_astring(rights, &text) && (*text == '\0' || *text == '-'))
		return TRUE;
	ret = identifier_check(cmd->client->user, identifier, &reason);
	if (ret > 0)
		return TRUE;
	client_send_tagline(
		cmd, t_strdup_printf("NO [%s] %s.",
				     ret < 0 ? IMAP_RESP_CODE_UNAVAILABLE : IMAP_RESP_CODE_CANNOT,
				     reason));
	return FALSE;
}

/* The original reads the identifier from the parser again: let it find the folded one there. */
static const char *fold_identifier(struct client_command_context *cmd, const struct imap_arg *arg)
{
	const char *identifier;

	if (!imap_arg_get_astring(arg, &identifier) || *identifier == '\0')
		return NULL;
	identifier = p_strdup(cmd->pool, identifier_fold(identifier));
	((struct imap_arg *)arg)->_data.str = identifier;
	((struct imap_arg *)arg)->str_len = strlen(identifier);
	return identifier;
}

/* Is it what only we know? Then it is answered. */
static bool run_ours(struct client_command_context *cmd, unsigned int which,
		     const struct rights_target *target, const char *name, const char *identifier,
		     const struct imap_arg *rights_arg)
{
	const char *rights = NULL;

	if (target->ns == NULL)
		return FALSE;
	if (which == SETACL || which == DELETEACL) {
		if (identifier == NULL ||
		    (which == SETACL && !imap_arg_get_astring(rights_arg, &rights)))
			client_send_command_error(cmd, "Invalid arguments.");
		else
			rights_command_set(cmd, target, identifier, rights);
		return TRUE;
	}
	if (which == GETACL)
		rights_command_get(cmd, target, name);
	else
		rights_command_mine(cmd, target, name);
	return TRUE;
}

static bool run(struct client_command_context *cmd, unsigned int which, unsigned int count)
{
	const struct imap_arg *args;
	const char *name, *identifier;
	struct rights_target target;

	if (!client_read_args(cmd, count, 0, &args))
		return FALSE;
	name = find_folder(cmd, which, &args[0], &target);
	if (name == NULL)
		return TRUE;
	identifier = count > 1 ? fold_identifier(cmd, &args[1]) : NULL;
	if (which == SETACL && identifier != NULL && !check_grantee(cmd, identifier, &args[2]))
		return TRUE;
	if (run_ours(cmd, which, &target, name, identifier, &args[count - 1]))
		return TRUE;
	/* reading them again adds them for the log once more */
	cmd->args = NULL;
	cmd->human_args = NULL;
	return commands[which].original(cmd);
}

static bool command_listrights(struct client_command_context *cmd)
{
	return run(cmd, LISTRIGHTS, 2);
}

static bool command_getacl(struct client_command_context *cmd)
{
	return run(cmd, GETACL, 1);
}

static bool command_myrights(struct client_command_context *cmd)
{
	return run(cmd, MYRIGHTS, 1);
}

static bool command_setacl(struct client_command_context *cmd)
{
	return run(cmd, SETACL, 3);
}

static bool command_deleteacl(struct client_command_context *cmd)
{
	return run(cmd, DELETEACL, 2);
}

static void replace(const char *name, command_func_t *func)
{
	enum command_flags flags = command_find(name)->flags;

	command_unregister(name);
	command_register(name, func, flags);
}

void imap_shoveler_acl_plugin_init(struct module *module)
{
	live_trees_init(module);
	for (unsigned int i = 0; i < N_ELEMENTS(commands); i++) {
		commands[i].original = command_find(commands[i].name)->func;
		replace(commands[i].name, commands[i].ours);
	}
}

void imap_shoveler_acl_plugin_deinit(void)
{
	for (unsigned int i = 0; i < N_ELEMENTS(commands); i++)
		replace(commands[i].name, commands[i].original);
	live_trees_deinit();
	plugin_conf_deinit();
}

const char *imap_shoveler_acl_plugin_version = DOVECOT_ABI_VERSION;
const char *imap_shoveler_acl_plugin_dependencies[] = {"acl", "imap_acl", "shoveler_sharing", NULL};
const char imap_shoveler_acl_plugin_binary_dependency[] = "imap";
