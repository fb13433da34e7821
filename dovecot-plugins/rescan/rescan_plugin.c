/*
 * rescan - the command "doveadm shoveler rescan": scans again what is already in the mailboxes.
 *
 *	doveadm shoveler rescan -u USER | -A [--since TIME] [--again] [--dry-run] [--workers N]
 *		[--progress SECONDS]
 *
 * What it does: each message of every private folder, and of every public tree once, goes to the
 * scanner (scanner_listen), several at a time (pass.h). An infected one is first kept for the
 * administrator, on disk for sure (removed.h), then expunged, then noted in its user's history
 * (found.h). What was scanned with the same signatures already is skipped (state.h), so a run that
 * was interrupted goes on where it was. --since: only messages that were saved since then (as in
 * doveadm-search-query(7): "2weeks", "2026-11-01"). --dry-run: reports only. What was kept longer
 * than rescan_retention is deleted first.
 *
 * On errors: whatever could not be scanned stays where it is, is counted and logged, and makes the
 * exit code 75; so does a signature that is found in more messages than virus_brake, for the rest
 * of which it removes nothing. Without a scanner the run gives up. The last line of the log is the
 * report; a run over many users also leaves metrics and sends mail (report.h).
 *
 * Who owns what: everything belongs to the command's context, one a process.
 */
#include "compat.h"

#include "../plugin_conf.h"
#include "found.h"
#include "lib/xalloc.h"
#include "mailboxes.h"
#include "removed.h"
#include "report.h"

#include <doveadm-mail.h>
#include <doveadm.h>
#include <mail-search-build.h>
#include <mail-search.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define PROGRESS_S 60

struct rescan_command {
	struct doveadm_mail_cmd_context ctx;
	struct rescan rescan;
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
		command->rescan.partial = true;
	} else {
		command->ctx.search_args = doveadm_mail_build_search_args(all);
	}
	command->rescan.search_args = command->ctx.search_args;
}

static int read_number(struct doveadm_cmd_context *cctx, const char *name, unsigned minimum,
		       unsigned maximum, unsigned *number, char **error_r)
{
	const char *text;

	if (!doveadm_cmd_param_str(cctx, name, &text) ||
	    (str_to_uint(text, number) == 0 && *number >= minimum && *number <= maximum))
		return 0;
	*error_r = xasprintf("--%s %s: a number from %u to %u is needed", name, text, minimum,
			     maximum);
	return -1;
}

static int read_options(struct rescan *rescan, struct doveadm_cmd_context *cctx, char **error_r)
{
	unsigned progress = PROGRESS_S;

	(void)doveadm_cmd_param_bool(cctx, "dry-run", &rescan->dry_run);
	(void)doveadm_cmd_param_bool(cctx, "again", &rescan->again);
	rescan->workers = (unsigned)conf_number(rescan->conf, P_RESCAN_WORKERS);
	if (read_number(cctx, "workers", 1, RESCAN_WORKERS_MAX, &rescan->workers, error_r) < 0 ||
	    read_number(cctx, "progress", 0, 86400, &progress, error_r) < 0)
		return -1;
	rescan->progress = (int)progress;
	return 0;
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
		e_error(command->rescan.event, "rescan: %s", error);
		free(error);
	}
	if (count > 0)
		e_info(command->rescan.event, "rescan: deleted %" PRIu64 " files older than %s",
		       count, conf_text(conf, P_RESCAN_RETENTION));
}

/* Still root here, if the command was started by root. */
COMPAT_DOVEADM_INIT(rescan_init, ctx)
{
	struct rescan_command *command = (struct rescan_command *)ctx;
	const struct conf *conf;
	char *error;

	command->rescan.event = event_create(NULL);
	command->rescan.started = time(NULL);
	command->rescan.progress_at = command->rescan.started;
	command->rescan.killed = doveadm_is_killed;
	build_search(command, ctx->cctx);
	conf = plugin_conf_get(command->rescan.event);
	if (conf == NULL)
		return;
	command->rescan.conf = conf;
	if (read_options(&command->rescan, ctx->cctx, &error) < 0 ||
	    read_configuration(&command->rescan, conf, &error) < 0) {
		e_error(command->rescan.event, "rescan: %s", error);
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
	    !rescan_stops(rescan))
		return 0;
	ctx->exit_code = EX_TEMPFAIL;
	return -1;
}

/* 2.3 leaves us with those of the last user. */
static bool take_rights_back(const struct rescan *rescan)
{
	if (seteuid(getuid()) == 0 && setegid(getgid()) == 0)
		return true;
	e_error(rescan->event, "rescan: no report: %s", strerror(errno));
	return false;
}

static void rescan_deinit(struct doveadm_mail_cmd_context *ctx)
{
	struct rescan_command *command = (struct rescan_command *)ctx;
	struct rescan *rescan = &command->rescan;

	if (command->usable)
		report_log(rescan);
	/* A run for one user has his rights only, for good. */
	if (command->usable && !ctx->iterate_single_user && !rescan->dry_run && !rescan->partial &&
	    take_rights_back(rescan))
		report_run(rescan);
	found_forget(rescan);
	free(rescan->database);
	event_unref(&command->rescan.event);
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
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX "[--since <time>] [--again] [--dry-run] [--workers <n>] "
		 "[--progress <seconds>]",
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAM('s', "since", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('a', "again", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAM('n', "dry-run", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAM('w', "workers", CMD_PARAM_STR, 0)
DOVEADM_CMD_PARAM('p', "progress", CMD_PARAM_STR, 0)
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
