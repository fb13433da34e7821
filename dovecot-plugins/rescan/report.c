#include "compat.h"
#include "report.h"

#include "lib/child.h"
#include "lib/file.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <str-sanitize.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAIL_TIMEOUT_MS 30000
#define PREFIX		"shoveler_rescan_"

bool rescan_stops(const struct rescan *rescan)
{
	return rescan->killed() || rescan->absent >= RESCAN_GIVE_UP;
}

static long long seconds(const struct rescan *rescan)
{
	return (long long)(time(NULL) - rescan->started);
}

static const char *database_of(const struct rescan *rescan)
{
	return rescan->database != NULL ? rescan->database : "unknown";
}

void report_progress(struct rescan *rescan)
{
	time_t now = time(NULL);

	if (now - rescan->progress_at < rescan->progress)
		return;
	rescan->progress_at = now;
	e_info(rescan->event,
	       "rescan: so far: users=%" PRIu64 " mailboxes=%" PRIu64 " scanned=%" PRIu64
	       " skipped=%" PRIu64 " infected=%" PRIu64 " seconds=%lld",
	       rescan->users, rescan->mailboxes, rescan->scanned, rescan->skipped, rescan->infected,
	       seconds(rescan));
}

static const char *how_it_ended(const struct rescan *rescan)
{
	if (rescan->killed())
		return " (interrupted)";
	return rescan_stops(rescan) ? " (given up)" : "";
}

/* In the caller's data stack frame. */
static const char *summary(const struct rescan *rescan)
{
	return t_strdup_printf(
		"users=%" PRIu64 " mailboxes=%" PRIu64 " scanned=%" PRIu64 " skipped=%" PRIu64
		" infected=%" PRIu64 " removed=%" PRIu64 " unscanned=%" PRIu64 " errors=%" PRIu64
		" limited=%" PRIu64 " braked=%" PRIu64 " seconds=%lld database=%s%s%s",
		rescan->users, rescan->mailboxes, rescan->scanned, rescan->skipped,
		rescan->infected, rescan->removed, rescan->undecided, rescan->errors,
		rescan->limited, rescan->braked, seconds(rescan), database_of(rescan),
		rescan->dry_run ? " (dry run)" : "", how_it_ended(rescan));
}

void report_log(const struct rescan *rescan)
{
	e_info(rescan->event, "rescan: %s", summary(rescan));
}

/* ---- metrics ---- */

static void put_gauge(struct strbuf *out, const char *name, const char *help, uint64_t value)
{
	strbuf_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s gauge\n", name, help, name);
	strbuf_printf(out, PREFIX "%s %" PRIu64 "\n", name, value);
}

static void put_metrics(struct strbuf *out, const struct rescan *rescan)
{
	put_gauge(out, "end_time_seconds", "When the last run ended", (uint64_t)time(NULL));
	put_gauge(out, "duration_seconds", "How long it took", (uint64_t)seconds(rescan));
	put_gauge(out, "complete", "1: it was neither interrupted nor given up",
		  !rescan_stops(rescan));
	put_gauge(out, "users", "Users whose mailboxes were scanned", rescan->users);
	put_gauge(out, "mailboxes", "Mailboxes that were scanned", rescan->mailboxes);
	put_gauge(out, "scanned", "Messages that were scanned", rescan->scanned);
	put_gauge(out, "skipped", "Messages that these signatures had seen before",
		  rescan->skipped);
	put_gauge(out, "infected", "Messages with a virus", rescan->infected);
	put_gauge(out, "removed", "Messages that were removed", rescan->removed);
	put_gauge(out, "braked", "Messages that stayed because of virus_brake", rescan->braked);
	put_gauge(out, "limited", "Messages that exceed a limit of the scanner", rescan->limited);
	put_gauge(out, "unscanned", "Messages that could not be scanned", rescan->undecided);
	put_gauge(out, "errors", "Messages and mailboxes that could not be read or changed",
		  rescan->errors);
	strbuf_printf(out,
		      "# HELP " PREFIX "database_info Version of the signatures\n"
		      "# TYPE " PREFIX "database_info gauge\n" PREFIX
		      "database_info{version=\"%s\"} 1\n",
		      str_sanitize_utf8(database_of(rescan), 100));
}

static int write_metrics(const char *path, struct span text, char **error_r)
{
	int ret = file_replace(path, text, 0644, false);

	if (ret < 0)
		*error_r = xasprintf("cannot write %s: %s", path, strerror(errno));
	return ret;
}

/* ---- mail ---- */

static void put_mail(struct strbuf *out, const struct rescan *rescan, const char *to)
{
	strbuf_printf(out,
		      "To: %s\nSubject: [shoveler] re-scan on %s: %" PRIu64 " infected, %" PRIu64
		      " not scanned%s\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		      "Content-Type: text/plain; charset=utf-8\n\n",
		      to, conf_text(rescan->conf, P_MYHOSTNAME), rescan->infected,
		      rescan->undecided + rescan->errors, how_it_ended(rescan));
	for (const char *const *part = t_strsplit(summary(rescan), " "); *part != NULL; part++)
		strbuf_printf(out, "%s\n", *part);
	if (rescan->removed > 0)
		strbuf_printf(out,
			      "\nWhat was removed is in %s for %s: doveadm-shoveler(1) says how to "
			      "give it back.\n",
			      rescan->directory, conf_text(rescan->conf, P_RESCAN_RETENTION));
	if (rescan->undecided + rescan->errors + rescan->braked > 0)
		strbuf_printf(out, "\nThe log says why: journalctl -u shoveler-rescan\n");
}

static int send_mail(const struct rescan *rescan, const char *to, char **error_r)
{
	const char *const command[] = {
		"sendmail", "-C", conf_text(rescan->conf, P_POSTFIX_CONFIG_DIRECTORY),
		"-i",	    "-t", NULL};
	struct strbuf mail = STRBUF_INIT, said = STRBUF_INIT;
	int ret;

	put_mail(&mail, rescan, to);
	ret = child_run(command, strbuf_span(&mail), MAIL_TIMEOUT_MS, &said, &said, error_r);
	if (ret > 0)
		*error_r = xasprintf("sendmail ended with %d: %s", ret, strbuf_text(&said));
	strbuf_free(&said);
	strbuf_free(&mail);
	return ret == 0 ? 0 : -1;
}

static void log_failure(const struct rescan *rescan, char *error)
{
	e_error(rescan->event, "rescan: %s", error);
	free(error);
}

void report_run(const struct rescan *rescan)
{
	const char *path = conf_text(rescan->conf, P_RESCAN_METRICS_FILE);
	const char *to = conf_text(rescan->conf, P_RESCAN_REPORT_TO);
	struct strbuf text = STRBUF_INIT;
	char *error;

	put_metrics(&text, rescan);
	if (write_metrics(path, strbuf_span(&text), &error) < 0)
		log_failure(rescan, error);
	strbuf_free(&text);
	if (to[0] != '\0' && send_mail(rescan, to, &error) < 0)
		log_failure(rescan, error);
}
