/*
 * doctor_retrain.c - is mail that users move to Junk and back learned and unlearned? A message is put
 * into a test user's INBOX and moved both ways by IMAP; what his history says of it is asked of
 * spamtraind. It leaves nothing but that row in the history: since it was never judged, moving it
 * back calls it innocent, and that is unlearned at the end.
 */
#include "doctor.h"
#include "imap_session.h"
#include "probe.h"

#include "lib/clock.h"
#include "lib/packet.h"
#include "lib/xalloc.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define LEARN_TIMEOUT_MS 10000
#define POLL_US		 100000

struct trial {
	const struct conf *conf;
	const char *user;
	char *subject, *junk, *signature;
	struct imap_session *session;
};

/* ---- by IMAP ---- */

/* LIST (SPECIAL-USE) "" "*": the last word of the line that has \Junk. */
static int find_junk(struct trial *trial, char **error_r)
{
	const char *answer, *found, *name;
	char *line;

	if (imap_session_command(trial->session, &answer, error_r,
				 "LIST (SPECIAL-USE) \"\" \"*\"") < 0)
		return -1;
	found = strcasestr(answer, "\\Junk");
	if (found == NULL) {
		trial->junk = xstrdup(conf_list(trial->conf, P_JUNK_FOLDERS)[0] != NULL
					      ? conf_list(trial->conf, P_JUNK_FOLDERS)[0]
					      : "Junk");
		return 0;
	}
	line = xstrndup(found, strcspn(found, "\r"));
	name = strrchr(line, ' ') + 1;
	trial->junk = *name == '"' ? xstrndup(name + 1, strcspn(name + 1, "\"")) : xstrdup(name);
	free(line);
	return 0;
}

static int append(const struct trial *trial, char **error_r)
{
	struct strbuf message = STRBUF_INIT;
	const char *answer;
	char date[64];
	time_t now = time(NULL);
	struct tm tm;
	int ret;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
	strbuf_printf(&message,
		      "From: shoveler doctor <postmaster@%s>\r\nTo: <%s>\r\nSubject: %s\r\n"
		      "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n\r\n"
		      "shoveler doctor moves this message to Junk and back, and deletes it.\r\n",
		      conf_text(trial->conf, P_MYHOSTNAME), trial->user, trial->subject, date,
		      trial->subject, conf_text(trial->conf, P_MYHOSTNAME));
	ret = imap_session_command(trial->session, &answer, error_r, "APPEND INBOX {%zu+}\r\n%s",
				   message.size, strbuf_text(&message));
	strbuf_free(&message);
	return ret;
}

/* Selects the folder and finds the message in it. */
static int find_message(const struct trial *trial, const char *folder, unsigned long *uid_r,
			char **error_r)
{
	const char *answer, *numbers;

	if (imap_session_command(trial->session, &answer, error_r, "SELECT \"%s\"", folder) < 0 ||
	    imap_session_command(trial->session, &answer, error_r,
				 "UID SEARCH HEADER Subject \"%s\"", trial->subject) < 0)
		return -1;
	numbers = strstr(answer, "* SEARCH ");
	if (numbers != NULL) {
		*uid_r = strtoul(numbers + strlen("* SEARCH "), NULL, 10);
		return 0;
	}
	*error_r = xasprintf("the message is not in %s", folder);
	return -1;
}

static int move(const struct trial *trial, const char *from, const char *to, char **error_r)
{
	const char *answer;
	unsigned long uid;

	if (find_message(trial, from, &uid, error_r) < 0)
		return -1;
	return imap_session_command(trial->session, &answer, error_r, "UID MOVE %lu \"%s\"", uid,
				    to);
}

static int delete_message(const struct trial *trial, char **error_r)
{
	const char *answer;
	unsigned long uid;

	if (find_message(trial, "INBOX", &uid, error_r) < 0)
		return -1;
	if (imap_session_command(trial->session, &answer, error_r,
				 "UID STORE %lu +FLAGS.SILENT (\\Deleted)", uid) < 0)
		return -1;
	return imap_session_command(trial->session, &answer, error_r, "UID EXPUNGE %lu", uid);
}

/* ---- by spamtraind ---- */

static char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return xstrdup(text != NULL ? text : "");
}

/* What the user said of it: "spam", "innocent", "none", or "" if it is not in the history. */
static int ask_history(struct trial *trial, char **said_r, char **error_r)
{
	struct strbuf request = STRBUF_INIT, content = STRBUF_INIT;
	json_t *history;
	const json_t *row;
	int ret;

	packet_put(&request, "request", "history");
	packet_put(&request, "user", trial->user);
	packet_put(&request, "contains", trial->subject);
	packet_put(&request, "limit", "1");
	ret = probe_ask(conf_text(trial->conf, P_SPAMTRAIND_LISTEN), &request, &content, error_r);
	strbuf_free(&request);
	if (ret == 0) {
		history = json_loadb(strbuf_text(&content), content.size, 0, NULL);
		row = json_array_get(json_object_get(history, "rows"), 0);
		*said_r = member(row, "corrected");
		free(trial->signature);
		trial->signature = member(row, "signature");
		json_decref(history);
	}
	strbuf_free(&content);
	return ret;
}

static int unlearn(const struct trial *trial, char **error_r)
{
	struct strbuf request = STRBUF_INIT;
	int ret;

	packet_put(&request, "request", "unlearn");
	packet_put(&request, "user", trial->user);
	packet_put(&request, "signature", trial->signature);
	ret = probe_ask(conf_text(trial->conf, P_SPAMTRAIND_LISTEN), &request, NULL, error_r);
	strbuf_free(&request);
	return ret;
}

/* Returns how many milliseconds it took, or -1 and *error_r. */
static int64_t wait_for(struct trial *trial, const char *wanted, char **error_r)
{
	int64_t started = clock_ms(), waited = 0;
	char *said = NULL;
	bool found = false;

	while (!found) {
		if (ask_history(trial, &said, error_r) < 0)
			return -1;
		found = strcmp(said, wanted) == 0;
		waited = clock_ms() - started;
		if (!found && waited > LEARN_TIMEOUT_MS) {
			*error_r = xasprintf("after %d s the history says \"%s\" and not \"%s\"",
					     LEARN_TIMEOUT_MS / 1000, said, wanted);
			waited = -1;
			found = true;
		}
		free(said);
		if (!found)
			usleep(POLL_US);
	}
	return waited;
}

/* ---- both ---- */

/* Whatever came of it, the message must not stay. */
static int give_up(const struct trial *trial, const char *folder)
{
	char *error = NULL;

	if (strcmp(folder, "INBOX") != 0 && move(trial, folder, "INBOX", &error) < 0) {
		free(error);
		return -1;
	}
	if (delete_message(trial, &error) < 0)
		free(error);
	return -1;
}

static int try_both_ways(struct trial *trial, int64_t *there_r, int64_t *back_r, char **error_r)
{
	if (find_junk(trial, error_r) < 0 || append(trial, error_r) < 0)
		return -1;
	if (move(trial, "INBOX", trial->junk, error_r) < 0)
		return give_up(trial, "INBOX");
	*there_r = wait_for(trial, "spam", error_r);
	if (*there_r < 0 || move(trial, trial->junk, "INBOX", error_r) < 0)
		return give_up(trial, trial->junk);
	*back_r = wait_for(trial, "innocent", error_r);
	if (*back_r < 0)
		return give_up(trial, "INBOX");
	return delete_message(trial, error_r) < 0 ? -1 : unlearn(trial, error_r);
}

static void report_trial(struct doctor *doctor, struct trial *trial)
{
	int64_t there = 0, back = 0;
	char *error = NULL;
	int ret = imap_session_open(trial->user, &trial->session, &error);

	if (ret == 0) {
		ret = try_both_ways(trial, &there, &back, &error);
		imap_session_close(&trial->session);
	}
	if (ret == 0)
		doctor_report(doctor, FINDING_OK, NULL,
			      "a message of %s that is moved to %s is learned (%lld ms), and "
			      "unlearned when it is moved back (%lld ms)",
			      trial->user, trial->junk, (long long)there, (long long)back);
	else
		doctor_report(doctor, FINDING_ERROR,
			      "look into the logs of Dovecot and spamtraind; does doctor_user have "
			      "a mailbox that loads shoveler_retrain, and is he filtered?",
			      "moving mail of %s to Junk and back teaches nothing: %s", trial->user,
			      error);
	free(error);
}

void doctor_check_retrain(struct doctor *doctor, const struct conf *conf)
{
	struct trial trial = {.conf = conf, .user = conf_text(conf, P_DOCTOR_USER)};

	if (!service_wanted(conf, &services[2]))
		return;
	if (trial.user[0] == '\0') {
		doctor_report(
			doctor, FINDING_OK, NULL,
			"not tried: with doctor_user, a mailbox for tests, a message is moved "
			"to Junk and back");
		return;
	}
	trial.subject =
		xasprintf("shoveler-doctor-%lld-%ld", (long long)time(NULL), (long)getpid());
	report_trial(doctor, &trial);
	free(trial.subject);
	free(trial.junk);
	free(trial.signature);
}
