/*
 * rescan - the command "doveadm shoveler rescan": scans again what is already in the mailboxes.
 *
 *	doveadm shoveler rescan -u USER | -A [--since TIME] [--dry-run]
 *
 * What it does: each message of every private folder, and of every public tree once, goes to the
 * scanner (scanner_listen). An infected one is first kept for the administrator, on disk for sure
 * (removed.h), and then expunged. --since: only messages that were saved since then (as in
 * doveadm-search-query(7): "2weeks", "2026-11-01"). --dry-run: reports only. What was kept longer
 * than rescan_retention is deleted first.
 *
 * On errors: whatever could not be scanned stays where it is, is counted and logged, and makes the
 * exit code 75; so does a signature that is found in more messages than virus_brake, for the rest of
 * which it removes nothing. The last line of the log is the report.
 *
 * Who owns what: everything belongs to the command's context, one a process.
 */
#include "compat.h"

#include "../plugin_conf.h"
#include "lib/xalloc.h"
#include "mailboxes.h"
#include "removed.h"

#include <doveadm-mail.h>
#include <doveadm.h>
#include <mail-search-build.h>
#include <mail-search.h>

#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

struct rescan_command {
	struct doveadm_mail_cmd_context ctx;
	struct rescan rescan;
	struct event *event; /* NULL until init */
	time_t started;
	bool usable; /* the configuration could be read */
};

PLUGIN_EXPORT void doveadm_shoveler_plugin_init(struct module *module);
PLUGIN_EXPORT void doveadm_shoveler_plugin_deinit(void);
PLUGIN_EXPORT extern const char *doveadm_shoveler_plugin_version;

static void build_search(struct rescan_command *command, struct doveadm_cmd_context *cctx)
{
	const char *since, *all[] = {"all", NULL}, *saved[] = {"savedsince", NULL, NULL};

	if (doveadm_cmd_param_str(cctx, "since", &since)) {
		saved[1] = since;
		command->ctx.search_args = doveadm_mail_build_search_args(saved);
	} else {
		command->ctx.search_args = doveadm_mail_build_search_args(all);
	}
	command->rescan.search_args = command->ctx.search_args;
}

static int read_configuration(struct rescan *rescan, const struct conf *conf, char **error_r)
{
	rescan->timeout = (int)conf_number(conf, P_SCANNER_TIMEOUT);
	rescan->directory = conf_text(conf, P_RESCAN_DIRECTORY);
	rescan->brake = conf_number(conf, P_VIRUS_BRAKE);
	if (endpoint_parse(conf_text(conf, P_SCANNER_LISTEN), &rescan->scanner, error_r) < 0)
		return -1;
	if (rescan->dry_run)
		return 0;
	return removed_prepare(rescan->directory, conf_text(conf, P_MAIL_USER), error_r);
}

/* What was removed long ago; nobody asked for it back. */
static void expire_removed(struct rescan_command *command, const struct conf *conf)
{
	uint64_t count;
	char *error;

	if (removed_expire(command->rescan.directory, conf_number(conf, P_RESCAN_RETENTION), &count,
			   &error) < 0) {
		e_error(command->event, "rescan: %s", error);
		free(error);
	}
	if (count > 0)
		e_info(command->event, "rescan: deleted %" PRIu64 " files older than %s", count,
		       conf_text(conf, P_RESCAN_RETENTION));
}

/* Still root here, if the command was started by root. */
COMPAT_DOVEADM_INIT(rescan_init, ctx)
{
	struct rescan_command *command = (struct rescan_command *)ctx;
	const struct conf *conf;
	char *error;

	command->event = event_create(NULL);
	command->started = time(NULL);
	command->rescan.stop = doveadm_is_killed;
	(void)doveadm_cmd_param_bool(ctx->cctx, "dry-run", &command->rescan.dry_run);
	build_search(command, ctx->cctx);
	conf = plugin_conf_get(command->event);
	if (conf == NULL)
		return;
	if (read_configuration(&command->rescan, conf, &error) < 0) {
		e_error(command->event, "rescan: %s", error);
		free(error);
		return;
	}
	command->usable = true;
	if (!command->rescan.dry_run)
		expire_removed(command, conf);
}

static int rescan_run(struct doveadm_mail_cmd_context *ctx, struct mail_user *user)
{
	struct rescan_command *command = (struct rescan_command *)ctx;
	const struct rescan *rescan = &command->rescan;

	if (!command->usable) {
		ctx->exit_code = EX_CONFIG;
		return -1;
	}
	rescan_user(&command->rescan, user);
	if (rescan->errors == 0 && rescan->undecided == 0 && rescan->braked == 0 &&
	    !doveadm_is_killed())
		return 0;
	ctx->exit_code = EX_TEMPFAIL;
	return -1;
}

static void rescan_deinit(struct doveadm_mail_cmd_context *ctx)
{
	struct rescan_command *command = (struct rescan_command *)ctx;
	struct rescan *rescan = &command->rescan;

	if (command->usable)
		e_info(command->event,
		       "rescan: users=%" PRIu64 " mailboxes=%" PRIu64 " scanned=%" PRIu64
		       " infected=%" PRIu64 " removed=%" PRIu64 " unscanned=%" PRIu64
		       " errors=%" PRIu64 " limited=%" PRIu64 " braked=%" PRIu64
		       " seconds=%lld database=%s%s%s",
		       rescan->users, rescan->mailboxes, rescan->scanned, rescan->infected,
		       rescan->removed, rescan->undecided, rescan->errors, rescan->limited,
		       rescan->braked, (long long)(time(NULL) - command->started),
		       rescan->database != NULL ? rescan->database : "unknown",
		       rescan->dry_run ? " (dry run)" : "",
		       doveadm_is_killed() ? " (interrupted)" : "");
	rescan_free(rescan);
	event_unref(&command->event);
}

static struct doveadm_mail_cmd_context *rescan_alloc(void)
{
	struct rescan_command *command = doveadm_mail_cmd_alloc(struct rescan_command);

	compat_doveadm_accept_options(&command->ctx);
	command->ctx.v.init = rescan_init;
	command->ctx.v.run = rescan_run;
	command->ctx.v.deinit = rescan_deinit;
	return &command->ctx;
}

/* clang-format off */
static struct doveadm_cmd_ver2 rescan_command_ver2 = {
	.name = "shoveler rescan",
	.mail_cmd = rescan_alloc,
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX "[--since <time>] [--dry-run]",
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAM('s', "since", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('n', "dry-run", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAMS_END
};
/* clang-format on */

void doveadm_shoveler_plugin_init(struct module *module ATTR_UNUSED)
{
	doveadm_cmd_register_ver2(&rescan_command_ver2);
}

void doveadm_shoveler_plugin_deinit(void)
{
	plugin_conf_deinit();
}

const char *doveadm_shoveler_plugin_version = DOVECOT_ABI_VERSION;
