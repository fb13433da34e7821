/*
 * End of message: it is scanned if a mailbox is among the recipients, and the verdict carried out.
 *
 * Failures here never lose mail: whatever the scanner or we cannot do becomes a 4xx.
 */
#include "session.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "brake.h"
#include "kept.h"
#include "sent.h"
#include "suspects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

METRIC_COUNTER(scanned_clean, "shoveler_milter_scans_total{status=\"clean\"}", "Messages scanned");
METRIC_COUNTER(scanned_infected, "shoveler_milter_scans_total{status=\"infected\"}",
	       "Messages scanned");
METRIC_COUNTER(scanned_limit, "shoveler_milter_scans_total{status=\"limit\"}", "Messages scanned");
METRIC_COUNTER(scanned_error, "shoveler_milter_scans_total{status=\"error\"}", "Messages scanned");
METRIC_COUNTER(scanner_crashes, "shoveler_milter_scanner_crashes_total",
	       "Messages that a worker of the scanner did not survive");
METRIC_COUNTER(copies_failed, "shoveler_milter_virus_copies_failed_total",
	       "Infected messages deferred because no copy could be kept");
METRIC_COUNTER(verdict_accept, "shoveler_milter_messages_total{action=\"accept\"}", "Messages");
METRIC_COUNTER(verdict_discard, "shoveler_milter_messages_total{action=\"discard\"}", "Messages");
METRIC_COUNTER(verdict_suppress, "shoveler_milter_messages_total{action=\"suppress\"}", "Messages");
METRIC_COUNTER(verdict_reject, "shoveler_milter_messages_total{action=\"reject\"}", "Messages");
METRIC_COUNTER(verdict_hold, "shoveler_milter_messages_total{action=\"hold\"}", "Messages");
METRIC_COUNTER(verdict_defer, "shoveler_milter_messages_total{action=\"defer\"}", "Messages");
METRIC_COUNTER(verdict_split, "shoveler_milter_messages_total{action=\"split\"}", "Messages");
METRIC_COUNTER(forged_removed, "shoveler_milter_forged_fields_total", "Forged fields removed");

static struct metric *const scan_metrics[] = {&scanned_clean, &scanned_infected, &scanned_limit,
					      &scanned_error};
static struct metric *const verdict_metrics[] = {
	&verdict_accept, &verdict_discard, &verdict_suppress, &verdict_reject,
	&verdict_hold,	 &verdict_defer,   &verdict_split};

static bool wants_scan(const struct session *session)
{
	return verdict_wants_scan(session->policy, session->transaction->classes,
				  session->transaction->login != NULL);
}

static void scan_spool(struct session *session, struct scan_result *result)
{
	int fd, error = session->transaction->spool_error;

	fd = session->transaction->spool == NULL ? -1 : spool_finish(session->transaction->spool);
	if (fd < 0) {
		*result = (struct scan_result){
			.status = SCAN_ERROR,
			.name = xasprintf("temporary files cannot be written "
					  "(scanner_temp_directory): %s",
					  strerror(error != 0 ? error : errno))};
		return;
	}
	scanner_client_scan(&session->policy->scanner, fd, session->policy->scanner_timeout_s,
			    result);
}

/* Returns whether this content is known to crash the scanner; then it was not scanned. */
static bool scan(struct session *session, struct scan_result *result)
{
	struct transaction *transaction = session->transaction;
	XXH128_hash_t digest = {0, 0};

	*result = (struct scan_result){0};
	if (!wants_scan(session))
		return false;
	if (transaction->too_large) {
		*result = (struct scan_result){SCAN_LIMIT, false,
					       xstrdup("larger than scanner_max_file_size")};
		metric_add(&scanned_limit, 1);
		return false;
	}
	if (transaction->digest != NULL) {
		digest = XXH3_128bits_digest(transaction->digest);
		if (suspects_crashes(digest) >= session->policy->crash_limit)
			return true;
	}
	scan_spool(session, result);
	metric_add(scan_metrics[result->status], 1);
	if (result->status == SCAN_INFECTED)
		metric_count("shoveler_milter_viruses_total", "Messages with a virus, by its name",
			     "name", result->name);
	if (result->crashed) {
		metric_add(&scanner_crashes, 1);
		suspects_crashed(digest);
	}
	return false;
}

static void remove_recipient(struct session *session, const struct recipient *recipient)
{
	protocol_remove_recipient(session->protocol, recipient->given);
	for (size_t i = 0; i < recipient->class.target_count; i++) {
		char *target = xasprintf("<%s>", recipient->class.targets[i]);

		protocol_add_recipient(session->protocol, target);
		free(target);
	}
}

static void suppress_mailboxes(struct session *session)
{
	const struct transaction *transaction = session->transaction;

	for (size_t i = 0; i < transaction->recipient_count; i++) {
		if ((transaction->recipients[i].class.classes & CLASS_MAILBOX) != 0)
			remove_recipient(session, &transaction->recipients[i]);
	}
}

static void set_field(struct session *session, const char *name, const char *value)
{
	char *spaced = xasprintf(" %s", value);

	protocol_insert_header(session->protocol, name, spaced);
	free(spaced);
}

/* The last first, so that the numbers of the others stay right. */
static void remove_forged(struct session *session)
{
	const struct transaction *transaction = session->transaction;

	for (size_t i = transaction->forged_count; i > 0; i--)
		protocol_remove_header(session->protocol, transaction->forged[i - 1].name,
				       (unsigned)transaction->forged[i - 1].index);
	metric_add(&forged_removed, (int64_t)transaction->forged_count);
}

static bool wants_voucher(const struct session *session)
{
	return (session->transaction->classes & CLASS_TRAINING) != 0 &&
	       session->transaction->login != NULL && session->policy->has_secret;
}

static int vouch_for_submitter(struct session *session)
{
	struct strbuf value = STRBUF_INIT;
	int ret;

	if (!wants_voucher(session))
		return 0;
	ret = submitter_write(&value, &session->policy->secret, session->transaction->login,
			      session_queue_id(session), time(NULL));
	if (ret == 0)
		set_field(session, SUBMITTER_FIELD, strbuf_text(&value));
	strbuf_free(&value);
	return ret;
}

/* Only mail that is for mailboxes alone is marked: the others get theirs untouched. */
static void mark_scanned(struct session *session, enum verdict verdict,
			 const struct scan_result *result)
{
	if (verdict != VERDICT_ACCEPT || session->transaction->classes != CLASS_MAILBOX ||
	    !session->policy->scan || result->status != SCAN_CLEAN ||
	    session->policy->scanned_header[0] == '\0')
		return;
	set_field(session, "X-Virus-Status", "Clean");
	set_field(session, "X-Virus-Scanned", session->policy->scanned_header);
}

static bool has_score_to_note(const struct session *session)
{
	const struct transaction *transaction = session->transaction;
	const struct score *score = &transaction->score;

	/* It is in the copies of all, so all of them must have asked for it. */
	for (size_t i = 0; i < transaction->recipient_count; i++) {
		struct score_limits limits = score_table_find(
			&session->policy->score_table, transaction->recipients[i].class.classes);

		if (score->hit_count == 0 || score->total < limits.note)
			return false;
	}
	return true;
}

static void note_score(struct session *session)
{
	const struct score *score = &session->transaction->score;
	struct strbuf value = STRBUF_INIT;

	if (!has_score_to_note(session))
		return;
	strbuf_printf(&value, "%d (", score->total);
	score_write(score, &value);
	strbuf_append_char(&value, ')');
	set_field(session, "X-Shoveler-Score", strbuf_text(&value));
	strbuf_free(&value);
}

/* To the recipients who do not get it. Freed by the caller. */
static char *suppressed_recipients(const struct transaction *transaction)
{
	struct strbuf to = STRBUF_INIT;

	for (size_t i = 0; i < transaction->recipient_count; i++) {
		const struct recipient *recipient = &transaction->recipients[i];

		if ((recipient->class.classes & CLASS_MAILBOX) != 0)
			strbuf_printf(&to, "%s%s", to.size > 0 ? " " : "", recipient->address);
	}
	return strbuf_steal(&to);
}

/* -1 after the complaint: nothing may be taken from anybody. */
static int keep_copy(const struct session *session, const struct scan_result *result)
{
	const struct transaction *transaction = session->transaction;
	int fd = transaction->spool == NULL ? -1 : spool_finish(transaction->spool);
	char *to, *error = NULL;
	struct kept_message message = {
		.id = session_queue_id(session),
		.client = session->client,
		.sender = transaction->sender,
		.signature = result->name,
		.time = time(NULL),
	};

	if (session->policy->keep_directory == NULL)
		return 0;
	message.to = to = suppressed_recipients(transaction);
	int ret = fd < 0 ? -1 : kept_write(session->policy->keep_directory, &message, fd, &error);
	if (ret < 0) {
		msg_error("%s: infected (%s), deferred until a copy can be kept: %s", message.id,
			  result->name, error == NULL ? "it was not spooled" : error);
		metric_add(&copies_failed, 1);
	}
	free(to);
	free(error);
	return ret;
}

static int edit(struct session *session, enum verdict verdict, const struct scan_result *result)
{
	remove_forged(session);
	if (vouch_for_submitter(session) < 0)
		return -1;
	mark_scanned(session, verdict, result);
	note_score(session);
	if (verdict == VERDICT_SUPPRESS)
		suppress_mailboxes(session);
	else if (verdict == VERDICT_HOLD)
		protocol_quarantine(session->protocol, "shoveler: held for the admin, see the log");
	return 0;
}

/* What a recipient of that class gets: only mailboxes are touched by a verdict of the scanner. */
static const char *action_for(const struct recipient *recipient, enum verdict verdict)
{
	bool suppressed = verdict == VERDICT_SUPPRESS || verdict == VERDICT_ACCEPT;

	if ((recipient->class.classes & CLASS_MAILBOX) == 0 && suppressed)
		return verdict_name(VERDICT_ACCEPT);
	return verdict_name(verdict);
}

static void log_verdict(const struct session *session, enum verdict verdict,
			const struct scan_result *result, bool poisonous)
{
	const struct transaction *transaction = session->transaction;
	char *description = session_describe(session), class[RCPT_CLASS_NAME_SIZE];
	bool scanned = wants_scan(session);
	const char *status = poisonous ? "crashed" : scan_status_name(result->status);

	for (size_t i = 0; i < transaction->recipient_count; i++) {
		const struct recipient *recipient = &transaction->recipients[i];

		msg_info("%s: %s, to=<%s>, class=%s, action=%s, scan=%s%s%s, score=%d",
			 session_queue_id(session), description, recipient->address,
			 rcpt_class_name(recipient->class.classes, class),
			 action_for(recipient, verdict), scanned ? status : "none",
			 result->name != NULL ? ", result=" : "",
			 result->name != NULL ? result->name : "", transaction->score.total);
	}
	free(description);
}

static enum protocol_answer reply_to(struct session *session, enum verdict verdict,
				     const struct scan_result *result)
{
	switch (verdict) {
	case VERDICT_ACCEPT:
	case VERDICT_SUPPRESS:
	case VERDICT_HOLD:
		return ANSWER_CONTINUE;
	case VERDICT_DISCARD:
		return ANSWER_DISCARD;
	case VERDICT_REJECT:
		if (result->status == SCAN_LIMIT)
			return session_reply(session, "554", "5.7.1",
					     "cannot be scanned for viruses: %s", result->name);
		return session_reply(session, "554", "5.7.1", "virus found: %s", result->name);
	case VERDICT_SPLIT:
		suspects_split(session->client, session->transaction->sender);
		break;
	case VERDICT_DEFER:
		break;
	}
	if (result->status == SCAN_INFECTED)
		return session_reply(session, "451", "4.3.0",
				     "the message cannot be processed now, try again later");
	return session_reply(session, "451", "4.7.1",
			     "the message could not be scanned for viruses, try again later");
}

/* Also counts this hit. */
static bool is_braked(const struct session *session, const struct scan_result *result)
{
	struct timespec now;
	enum brake brake;

	if (result->status != SCAN_INFECTED)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	brake = brake_count(result->name, session->policy->brake, now.tv_sec);
	if (brake == BRAKE_BEGUN)
		msg_warn("signature %s was found more than %d times in an hour: action=hold",
			 result->name, session->policy->brake);
	return brake != BRAKE_OFF;
}

/* To whom users write: not what is sent to a training address, nor what has no sender. */
static void tell_sent(const struct session *session)
{
	const struct transaction *transaction = session->transaction;
	struct strbuf recipients = STRBUF_INIT;

	if (!session->policy->learn_sent || transaction->login == NULL ||
	    transaction->sender[0] == '\0' || (transaction->classes & CLASS_TRAINING) != 0 ||
	    transaction->recipient_count > SENT_RECIPIENTS_MAX)
		return;
	for (size_t i = 0; i < transaction->recipient_count; i++)
		strbuf_printf(&recipients, "%s ", transaction->recipients[i].address);
	sent_tell(&session->policy->spamtraind, session_queue_id(session), transaction->login,
		  strbuf_text(&recipients));
	strbuf_free(&recipients);
}

static enum protocol_answer judge_message(struct session *session)
{
	const struct transaction *transaction = session->transaction;
	struct scan_result result;
	bool poisonous = scan(session, &result);
	struct verdict_input input = {
		.classes = transaction->classes,
		.separable = transaction->separable,
		.inseparable = transaction->inseparable,
		.submitted = transaction->login != NULL,
		.poisonous = poisonous,
		.braked = is_braked(session, &result),
		.status = result.status,
	};
	enum verdict verdict = verdict_find(session->policy, &input);
	enum protocol_answer ret;

	if ((verdict == VERDICT_DISCARD || verdict == VERDICT_SUPPRESS) &&
	    keep_copy(session, &result) < 0) {
		input.unkept = true;
		verdict = verdict_find(session->policy, &input);
	}
	log_verdict(session, verdict, &result, poisonous);
	metric_add(verdict_metrics[verdict], 1);
	if (verdict == VERDICT_DISCARD || verdict == VERDICT_SUPPRESS)
		session_tell_users(session, &result,
				   transaction->spool == NULL ? -1
							      : spool_finish(transaction->spool));
	ret = reply_to(session, verdict, &result);
	if (ret == ANSWER_CONTINUE && edit(session, verdict, &result) < 0) {
		msg_error("%s: cannot sign " SUBMITTER_FIELD ", deferred",
			  session_queue_id(session));
		ret = ANSWER_TEMPFAIL;
	}
	if (ret == ANSWER_CONTINUE && verdict == VERDICT_ACCEPT)
		tell_sent(session);
	if (ret == ANSWER_CONTINUE && (transaction->classes & CLASS_MAILBOX) == 0)
		suspects_unsplit(session->client, transaction->sender);
	scan_result_free(&result);
	return ret;
}

/* Without a scan and a change there is nothing to wait for: Postfix need not send the body. */
enum protocol_answer session_end_of_header(struct session *session)
{
	bool is_changed = session->transaction->forged_count > 0 || wants_voucher(session) ||
			  has_score_to_note(session);
	enum protocol_answer verdict;

	session_body(session, SPAN_LITERAL("\r\n"));
	if (is_changed || wants_scan(session))
		return ANSWER_CONTINUE;
	verdict = session_end_of_message(session);
	return verdict == ANSWER_CONTINUE ? ANSWER_ACCEPT : verdict;
}

static enum protocol_answer refuse_forged(struct session *session)
{
	char *description = session_describe(session);

	msg_info("%s: %s, action=reject, reason=more than %d forged fields",
		 session_queue_id(session), description, SESSION_MAX_FORGED);
	free(description);
	metric_add(&verdict_reject, 1);
	return session_reply(session, "554", "5.7.1", "too many X-Shoveler-* or X-Virus-* fields");
}

enum protocol_answer session_end_of_message(struct session *session)
{
	return session->transaction->too_forged ? refuse_forged(session) : judge_message(session);
}
