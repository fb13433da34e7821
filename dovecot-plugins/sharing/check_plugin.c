/*
 * check_plugin - the command "doveadm shoveler sharing check": does what is remembered of sharing
 * agree with the rights of the folders?
 *
 *	doveadm shoveler sharing check -u USER | -A [--remove-unknown] [--renamed OLD=NEW]
 *
 * What it does: see check.h. The last line of the log is the report. A timer runs it each night.
 *
 * On errors: what cannot be read or written is counted and logged, the rest is done, and the exit
 * code is 75. Users who cannot be looked up now are not taken for unknown.
 *
 * Who owns what: everything belongs to the command's context, one a process.
 */
#include "compat.h"

#include "../plugin_conf.h"
#include "check.h"

#include <doveadm-mail.h>
#include <doveadm.h>

#include <sysexits.h>
#include <time.h>

struct check_command {
	struct doveadm_mail_cmd_context ctx;
	struct sharing_check check;
	time_t started;
};

PLUGIN_EXPORT void doveadm_shoveler_sharing_plugin_init(struct module *module);
PLUGIN_EXPORT void doveadm_shoveler_sharing_plugin_deinit(void);
PLUGIN_EXPORT extern const char *doveadm_shoveler_sharing_plugin_version;

COMPAT_DOVEADM_INIT(check_init, ctx)
{
	struct check_command *command = (struct check_command *)ctx;
	struct sharing_check *check = &command->check;
	const char *renamed, *equals;

	command->started = time(NULL);
	check->pool = ctx->pool;
	check->event = event_create(NULL);
	(void)doveadm_cmd_param_bool(ctx->cctx, "remove-unknown", &check->remove_unknown);
	if (!doveadm_cmd_param_str(ctx->cctx, "renamed", &renamed))
		return;
	equals = strchr(renamed, '=');
	if (equals == NULL || equals == renamed || equals[1] == '\0')
		i_fatal_status(EX_USAGE, "--renamed: OLD=NEW is two addresses");
	check->old_name = p_strdup(ctx->pool, plugin_user_name(t_strdup_until(renamed, equals)));
	check->new_name = p_strdup(ctx->pool, plugin_user_name(equals + 1));
}

static int check_run(struct doveadm_mail_cmd_context *ctx, struct mail_user *user)
{
	struct check_command *command = (struct check_command *)ctx;

	sharing_check_user(&command->check, user);
	if (command->check.errors == 0)
		return 0;
	ctx->exit_code = EX_TEMPFAIL;
	return -1;
}

static void check_deinit(struct doveadm_mail_cmd_context *ctx)
{
	struct check_command *command = (struct check_command *)ctx;
	struct sharing_check *check = &command->check;

	if (check->event == NULL)
		return;
	e_info(check->event,
	       "sharing: users=%u folders=%u repaired=%u unknown=%u removed=%u renamed=%u errors=%u "
	       "seconds=%lld",
	       check->users, check->folders, check->repaired, check->unknown, check->removed,
	       check->renamed, check->errors, (long long)(time(NULL) - command->started));
	event_unref(&check->event);
}

static struct doveadm_mail_cmd_context *check_alloc(void)
{
	struct check_command *command = doveadm_mail_cmd_alloc(struct check_command);

	compat_doveadm_accept_options(&command->ctx);
	command->ctx.v.init = check_init;
	command->ctx.v.run = check_run;
	command->ctx.v.deinit = check_deinit;
	return &command->ctx;
}

/* clang-format off */
static struct doveadm_cmd_ver2 check_command_ver2 = {
	.name = "shoveler sharing check",
	.mail_cmd = check_alloc,
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX "[--remove-unknown] [--renamed <old>=<new>]",
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAM('r', "remove-unknown", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAM('n', "renamed", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAMS_END
};
/* clang-format on */

void doveadm_shoveler_sharing_plugin_init(struct module *module ATTR_UNUSED)
{
	doveadm_cmd_register_ver2(&check_command_ver2);
}

void doveadm_shoveler_sharing_plugin_deinit(void)
{
	plugin_conf_deinit();
}

const char *doveadm_shoveler_sharing_plugin_version = DOVECOT_ABI_VERSION;
