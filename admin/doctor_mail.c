/*
 * doctor_mail.c - does mail flow, from SMTP to the mailbox and from there to the filter? For
 * doctor_user two messages are sent to this host's own Postfix. The one with EICAR must be stopped.
 * The other must arrive, judged; then it is moved to Junk and back by IMAP, and what his history
 * says of it is asked of spamtraind.
 *
 * Nothing stays but rows of that user's history: messages, a held one or a kept copy of EICAR are
 * removed, and what was learned is taken back. Nobody else hears of it: the sender is the empty
 * one. An earlier run that was killed, or whose mail came late, is cleaned up after by the next.
 */
#include "act_as.h"
#include "doctor.h"
#include "probe.h"
#include "smtp_send.h"
#include "trial.h"

#include "lib/clock.h"
#include "lib/packet.h"
#include "lib/xalloc.h"
#include "milter/kept.h"
#include "mx2/queue.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#define LEARN_TIMEOUT_MS 10000
#define LOCK_TIMEOUT_MS	 60000
#define POLL_US		 100000

static const char not_scanned_advice[] =
	"is the milter asked (`shoveler doctor milters`), is he in virus_exempt_addresses, or 127.0.0.1 in "
	"virus_exempt_networks?";

/* ---- EICAR ---- */

/* A copy that is kept for the admin is of no use to him. */
static bool drop_copy(const struct conf *conf, const char *id)
{
	const char *directory = conf_text(conf, P_VIRUS_KEEP_DIRECTORY);
	char *error = NULL;
	bool dropped = act_as(conf_text(conf, P_MILTER_USER), &error) == 0 &&
		       kept_remove(directory, id) == 0;

	act_as_self();
	free(error);
	return dropped;
}

/* One that is held, because virus_action or the brake says so; not one on its way. */
static bool drop_held(struct doctor *doctor, const struct conf *conf, const char *id)
{
	const char *const argv[] = {"postsuper", "-c", conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY),
				    "-d",	 id,   "hold",
				    NULL};
	char *queue = doctor_postconf(doctor, conf, "queue_directory");
	char *path = xasprintf("%s/hold/%s", queue, id);
	struct strbuf said = STRBUF_INIT;
	bool held = id[0] != '\0' && access(path, F_OK) == 0;

	if (held)
		(void)doctor_run(argv, &said);
	strbuf_free(&said);
	free(path);
	free(queue);
	return held;
}

/* Whether Postfix has answered; if so, smtp_answer_free(answer_r). */
static bool send_trial(struct doctor *doctor, const struct trial *trial, bool with_virus,
		       struct smtp_answer *answer_r)
{
	struct strbuf message = STRBUF_INIT;
	char *error = NULL;
	int ret;

	trial_write(trial, with_virus, &message);
	ret = smtp_send(trial->conf, trial->user, strbuf_span(&message), answer_r, &error);
	if (ret < 0)
		doctor_report(
			doctor, FINDING_ERROR, "smtp-silent",
			"does Postfix run, and listen there? systemctl restart postfix; doctor_smtp_server says where",
			"%s", error);
	strbuf_free(&message);
	free(error);
	return ret >= 0;
}

#define HANGS_MS 20000 /* Postfix waits longer for a milter that says nothing */

/* *hangs_r: another message would only be put off as slowly. */
static bool send_eicar(struct doctor *doctor, const struct trial *trial, bool *hangs_r)
{
	struct smtp_answer answer = {0};
	int64_t started = clock_ms();
	bool taken = false;

	if (!send_trial(doctor, trial, true, &answer))
		return false;
	*hangs_r = answer.code / 100 == 4 && clock_ms() - started > HANGS_MS;
	if (answer.code / 100 == 5 && strcasestr(answer.text, "virus") != NULL)
		doctor_ok(doctor, "EICAR is refused: %s", answer.text);
	else if (answer.code / 100 != 2)
		doctor_report(doctor, FINDING_ERROR, "eicar-refused",
			      "see the logs of Postfix and shoveler-milter",
			      "mail with EICAR for %s is not taken: %s", trial->user, answer.text);
	else if (drop_copy(trial->conf, answer.queue_id))
		doctor_ok(doctor, "EICAR is found, and discarded");
	else if (drop_held(doctor, trial->conf, answer.queue_id))
		doctor_ok(doctor, "EICAR is found, and held");
	else
		taken = true;
	smtp_answer_free(&answer);
	return taken;
}

/* It left no trace: without virus_keep that is well, unless it arrives. */
static void check_eicar(struct doctor *doctor, const struct trial *trial)
{
	char *error = NULL;

	for (size_t i = 0; i < trial->count; i++) {
		unsigned long uid = 0;

		if (trial_find(trial, trial->folders[i], trial->virus, &uid, &error) == 0 &&
		    uid != 0) {
			doctor_report(doctor, FINDING_ERROR, "eicar-delivered", not_scanned_advice,
				      "EICAR was delivered to %s", trial->user);
			return;
		}
		free(error);
		error = NULL;
	}
	doctor_ok(doctor, "EICAR is found: it did not arrive");
}

/* ---- a message that must arrive ---- */

/* queue_id_r: Postfix's, to be freed in any case. */
static bool send_message(struct doctor *doctor, const struct trial *trial, char **queue_id_r)
{
	struct smtp_answer answer = {0};
	bool taken;

	if (!send_trial(doctor, trial, false, &answer))
		return false;
	taken = answer.code / 100 == 2;
	if (!taken)
		doctor_report(doctor, FINDING_ERROR, "mail-refused",
			      "see the logs of Postfix and shoveler-milter",
			      "mail for %s is not taken: %s", trial->user, answer.text);
	*queue_id_r = xstrdup(answer.queue_id);
	smtp_answer_free(&answer);
	return taken;
}

#define EVERYWHERE_POLLS 20 /* so often the other folders are looked into, too */

/* The folder of the first count where it is; NULL: in none. */
static const char *find_message(const struct trial *trial, size_t count, unsigned long *uid_r)
{
	char *error = NULL;

	for (size_t i = 0; i < count; i++) {
		if (trial_find(trial, trial->folders[i], trial->subject, uid_r, &error) == 0 &&
		    *uid_r != 0)
			return trial->folders[i];
		free(error);
		error = NULL;
	}
	return NULL;
}

/* Returns the folder where it is, and how long it took; or NULL. */
static const char *wait_for_arrival(struct trial *trial, unsigned wait_s, unsigned long *uid_r,
				    int64_t *took_r)
{
	int64_t started = clock_ms();
	const char *folder = NULL;
	char *error = NULL;
	unsigned polls = 0;

	do {
		bool everywhere = ++polls % EVERYWHERE_POLLS == 0;

		/* Sieve may have made one. */
		if (everywhere && trial_find_folders(trial, &error) < 0)
			free(error);
		folder = find_message(trial, everywhere ? trial->count : 1 + (trial->count > 1),
				      uid_r);
		*took_r = clock_ms() - started;
		if (folder == NULL)
			usleep(POLL_US);
	} while (folder == NULL && clock_ms() - started < (int64_t)wait_s * 1000);
	return folder;
}

static void check_field(struct doctor *doctor, const char *fields, const char *name,
			const char *code, const char *advice)
{
	char *line = xasprintf("\n%s:", name);

	if (strcasestr(fields, line) != NULL)
		doctor_ok(doctor, "it has %s", name);
	else
		doctor_report(doctor, FINDING_ERROR, code, advice, "it arrived without %s", name);
	free(line);
}

static void check_fields(struct doctor *doctor, const struct trial *trial, unsigned long uid)
{
	char *fields = NULL, *error = NULL;

	if (trial_fields(trial, uid, "X-DSPAM-Signature X-Virus-Scanned", &fields, &error) < 0) {
		doctor_report(doctor, FINDING_ERROR, "mailbox-unreadable",
			      "journalctl -u dovecot says why", "%s", error);
		free(error);
		return;
	}
	if (service_wanted(trial->conf, &services[1]))
		check_field(
			doctor, fields, "X-DSPAM-Signature", "mail-unfiltered",
			"does Postfix deliver to shoveler-lda (`shoveler doctor delivery`), and "
			"is doctor_user filtered?");
	if (service_wanted(trial->conf, &services[0]) && conf_bool(trial->conf, P_VIRUS_SCAN) &&
	    conf_text(trial->conf, P_VIRUS_SCANNED_HEADER)[0] != '\0')
		check_field(doctor, fields, "X-Virus-Scanned", "mail-unscanned",
			    not_scanned_advice);
	free(fields);
}

/* ---- a message that did not arrive ---- */

struct waiting {
	const char *id;
	char *reason; /* NULL: it is not in the queue */
};

static void take_reason(void *context, const struct queued *message)
{
	struct waiting *waiting = context;
	const char *reason = message->count > 0 ? message->recipients[0].reason : "";

	if (strcmp(message->id, waiting->id) != 0)
		return;
	free(waiting->reason);
	waiting->reason = reason[0] != '\0'
				  ? xstrdup(reason)
				  : xasprintf("it is in the queue \"%s\"", message->queue);
}

/* What Postfix's queue says of it, which loses it then: a test is of no use to anybody later. */
static void report_late(struct doctor *doctor, const struct trial *trial, const char *queue_id)
{
	const char *postfix = conf_text(trial->conf, P_POSTFIX_CONFIG_DIRECTORY);
	struct waiting waiting = {queue_id, NULL};
	char *error = NULL;

	if (queue_id[0] != '\0' && queue_read(postfix, take_reason, &waiting, &error) == 0 &&
	    waiting.reason != NULL)
		(void)queue_change(postfix, QUEUE_DISCARD, span_of(queue_id), &error);
	doctor_report(
		doctor, FINDING_ERROR, "mail-late",
		"mailq; see the logs of Postfix, shoveler-lda and Dovecot; does a Sieve script of "
		"his, or of all, discard it?",
		"mail for %s did not arrive within %u s: %s", trial->user, doctor_wait(doctor),
		waiting.reason != NULL ? waiting.reason
				       : "Postfix has delivered, discarded or returned it");
	free(waiting.reason);
	free(error);
}

/* Whether it is in INBOX then. */
static bool check_arrival(struct doctor *doctor, struct trial *trial, const char *queue_id)
{
	unsigned long uid = 0;
	int64_t took = 0;
	const char *folder = wait_for_arrival(trial, doctor_wait(doctor), &uid, &took);
	char *error = NULL;
	bool there;

	if (folder == NULL) {
		report_late(doctor, trial, queue_id);
		return false;
	}
	doctor_ok(doctor, "mail for %s is in %s after %lld ms", trial->user, folder,
		  (long long)took);
	check_fields(doctor, trial, uid);
	there = strcmp(folder, "INBOX") == 0 || trial_move(trial, folder, "INBOX", &error) == 0;
	free(error);
	return there;
}

/* ---- moves that are learned ---- */

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

static void unlearn(const struct trial *trial)
{
	struct strbuf request = STRBUF_INIT;
	char *error = NULL;

	if (trial->signature == NULL || trial->signature[0] == '\0')
		return;
	packet_put(&request, "request", "unlearn");
	packet_put(&request, "user", trial->user);
	packet_put(&request, "signature", trial->signature);
	(void)probe_ask(conf_text(trial->conf, P_SPAMTRAIND_LISTEN), &request, NULL, &error);
	strbuf_free(&request);
	free(error);
}

/* Returns how many milliseconds it took until it was spam, or not any more; or -1 and *error_r. */
static int64_t wait_for(struct trial *trial, bool spam, char **error_r)
{
	int64_t started = clock_ms(), waited = 0;
	char *said = NULL;
	bool found = false;

	while (!found) {
		if (ask_history(trial, &said, error_r) < 0)
			return -1;
		found = said[0] != '\0' && (strcmp(said, "spam") == 0) == spam;
		waited = clock_ms() - started;
		if (!found && waited > LEARN_TIMEOUT_MS) {
			*error_r = xasprintf("after %d s the history says \"%s\"",
					     LEARN_TIMEOUT_MS / 1000, said);
			waited = -1;
			found = true;
		}
		free(said);
		if (!found)
			usleep(POLL_US);
	}
	return waited;
}

static void check_moves(struct doctor *doctor, struct trial *trial, bool delivered)
{
	int64_t there = -1, back = -1;
	char *error = NULL;

	if ((delivered || trial_append(trial, &error) == 0) &&
	    trial_move(trial, "INBOX", trial->junk, &error) == 0)
		there = wait_for(trial, true, &error);
	if (there >= 0 && trial_move(trial, trial->junk, "INBOX", &error) == 0)
		back = wait_for(trial, false, &error);
	if (back >= 0)
		doctor_ok(doctor,
			  "a message of %s that is moved to %s is learned (%lld ms), and "
			  "unlearned when it is moved back (%lld ms)",
			  trial->user, trial->junk, (long long)there, (long long)back);
	else
		doctor_report(doctor, FINDING_ERROR, "moves-unlearned",
			      "look into the logs of Dovecot and spamtraind; does doctor_user have "
			      "a mailbox that loads shoveler_retrain, and is he filtered?",
			      "moving mail of %s to Junk and back teaches nothing: %s", trial->user,
			      error);
	free(error);
}

/* ---- all ---- */

static void try_all(struct doctor *doctor, struct trial *trial)
{
	const struct conf *conf = trial->conf;
	bool delivered = false, unseen = false, hangs = false;
	char *queue_id = NULL;

	if (service_wanted(conf, &services[0]) && conf_bool(conf, P_VIRUS_SCAN))
		unseen = send_eicar(doctor, trial, &hangs);
	if (service_wanted(conf, &services[1]) && !hangs && send_message(doctor, trial, &queue_id))
		delivered = check_arrival(doctor, trial, queue_id);
	free(queue_id);
	if (unseen)
		check_eicar(doctor, trial);
	if (service_wanted(conf, &services[2])) {
		check_moves(doctor, trial, delivered);
		unlearn(trial);
	}
}

/*
 * Two at once would clean up after each other too early. Returns a descriptor; -1: still another.
 */
static int wait_for_turn(const struct conf *conf)
{
	int fd = open(conf_text(conf, P_RUNTIME_DIRECTORY), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t started = clock_ms();

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (clock_ms() - started < LOCK_TIMEOUT_MS) {
			usleep(POLL_US);
			continue;
		}
		close(fd);
		fd = -1;
	}
	return fd;
}

static void try_user(struct doctor *doctor, const struct conf *conf)
{
	struct trial trial;
	char *error = NULL;

	if (trial_begin(&trial, conf, doctor_user(doctor), &error) == 0)
		try_all(doctor, &trial);
	else
		doctor_report(doctor, FINDING_ERROR, "mailbox-closed",
			      "does Dovecot run, and know him? doveadm user, doveadm exec imap -u",
			      "the mailbox of %s does not open: %s", doctor_user(doctor), error);
	trial_end(&trial);
	free(error);
}

void doctor_check_mail(struct doctor *doctor, const struct conf *conf)
{
	int turn;

	if (!service_wanted(conf, &services[1]) && !service_wanted(conf, &services[2]))
		return;
	if (doctor_user(doctor)[0] == '\0') {
		doctor_ok(doctor,
			  "not tried: with doctor_user or --user, a mailbox for tests, mail is "
			  "sent, and moved to Junk and back");
		return;
	}
	turn = wait_for_turn(conf);
	if (turn < 0) {
		doctor_report(doctor, FINDING_WARNING, "mail-busy",
			      "does another `shoveler doctor` hang? do the daemons run?",
			      "not tried: another is at it for %d s, or there is no %s",
			      LOCK_TIMEOUT_MS / 1000, conf_text(conf, P_RUNTIME_DIRECTORY));
		return;
	}
	try_user(doctor, conf);
	close(turn);
}
