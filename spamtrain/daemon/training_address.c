#include "spamtrain/daemon/training_address.h"

#include "lib/header.h"
#include "lib/lmtp_server.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "spamtrain/daemon/own_mail.h"
#include "spamtrain/daemon/spamtraind_correct.h"
#include "spamtrain/daemon/traps.h"
#include "spamtrain/daemon/training_address_answer.h"
#include "spamtrain/daemon/training_address_message.h"

#include <stdlib.h>

METRIC_COUNTER(mail_trained, "shoveler_spamtraind_training_mail_total{outcome=\"trained\"}",
	       "Mail to the training addresses");
METRIC_COUNTER(mail_explained, "shoveler_spamtraind_training_mail_total{outcome=\"explained\"}",
	       "Mail to the training addresses");
METRIC_COUNTER(mail_ignored, "shoveler_spamtraind_training_mail_total{outcome=\"ignored\"}",
	       "Mail to the training addresses");
METRIC_COUNTER(mail_refused, "shoveler_spamtraind_training_mail_total{outcome=\"refused\"}",
	       "Mail to the training addresses");
METRIC_COUNTER(mail_deferred, "shoveler_spamtraind_training_mail_total{outcome=\"deferred\"}",
	       "Mail to the training addresses");

#define HISTORY_LIMIT 100000 /* rows that are looked at */

struct session {
	struct spamtraind *service;
	struct spool_worker *worker;
};

/* One message, from the end of its content to the end of the transaction. */
struct job {
	struct spamtraind *service;
	struct spool_worker *worker;
	struct training_message *message;
	struct span content;
	const char *refusal; /* why it teaches nothing, or NULL */
	struct submitter submitter;
	struct strbuf user;
	/* for one recipient */
	enum store_class class;
	unsigned learned; /* corrections done, and those that were done before */
	bool deferred;
	char *reason; /* of the last deferral */
};

static bool is_listed(char *const *list, const char *address)
{
	for (; *list != NULL; list++) {
		if (strcasecmp(*list, address) == 0)
			return true;
	}
	return false;
}

static enum store_class class_of(const struct spamtraind *service, const char *address)
{
	if (is_listed(service->spam_addresses, address))
		return STORE_SPAM;
	return is_listed(service->innocent_addresses, address) ? STORE_INNOCENT : STORE_NONE;
}

/* ---- ways to teach ---- */

/* Returns false when there is nothing that this corrects. */
static bool correct(struct job *job, const char *signature, struct span message)
{
	const struct retrain_entry entry = {
		.user = strbuf_text(&job->user),
		.class = job->class == STORE_SPAM ? RETRAIN_SPAM : RETRAIN_INNOCENT,
		.signature = signature,
		.source = SPOOL_SOURCE_MAIL,
		.mailbox = job->submitter.queue_id,
		.accepted = job->submitter.time,
	};
	struct correction_result result = {0};
	char *reason = NULL;

	if (spool_worker_correct(job->worker, &entry, message, &result, &reason) < 0)
		result.status = CORRECTION_DEFERRED;
	if (result.status == CORRECTION_DONE)
		job->learned++;
	if (result.status == CORRECTION_DEFERRED) {
		job->deferred = true;
		free(job->reason);
		job->reason = reason != NULL ? reason : result.reason;
		return true;
	}
	correction_result_free(&result);
	return result.status == CORRECTION_DONE;
}

static bool by_signature_of(struct job *job, struct span message)
{
	char signature[TRAINING_SIGNATURE_SIZE];
	struct header_field field;
	struct span value;

	if (!header_find(message, "X-DSPAM-Signature", &field))
		return false;
	value = span_trim(field.body);
	if (value.size != sizeof(signature) - 1)
		return false;
	memcpy(signature, value.data, value.size);
	signature[value.size] = '\0';
	return correct(job, signature, (struct span){NULL, 0});
}

/* The user's own mail teaches nothing, and neither do our answers and digests. */
static bool is_not_received(const struct job *job, struct span message)
{
	const char *user = strbuf_text(&job->user);
	struct header_field field;

	if (header_find(message, "From", &field) && training_from_is(field.body, user))
		return true;
	return header_find(message, "Message-ID", &field) &&
	       own_mail_is(job->service, user, field.body);
}

static bool by_resent_message(struct job *job)
{
	struct strbuf original = STRBUF_INIT;
	bool done;

	if (!job->message->resent || is_not_received(job, job->content))
		return false;
	training_message_restore(&original, span_first(job->content, CLASSIFIER_MESSAGE_MAX));
	done = correct(job, "", strbuf_span(&original));
	strbuf_free(&original);
	return done;
}

static bool by_attachments(struct job *job)
{
	for (size_t i = 0; i < job->message->count && !job->deferred; i++) {
		struct span original = job->message->originals[i];

		/* What has a signature of the user was received, whatever it says. */
		if (is_not_received(job, original))
			by_signature_of(job, original);
		else
			correct(job, "", original);
	}
	if (job->message->truncated)
		msg_warn("%s: user=<%s>, more than %d attached messages, or too large ones: "
			 "the rest is left out",
			 job->submitter.queue_id, strbuf_text(&job->user), TRAINING_ORIGINALS_MAX);
	return job->learned > 0 || job->deferred;
}

static bool by_quoted_signature(struct job *job)
{
	return job->message->quoted[0] != '\0' &&
	       correct(job, job->message->quoted, (struct span){NULL, 0});
}

/*
 * The signature of the only message with that Message-ID in the user's history, if the subject is
 * the same: a thread goes on about something else, too.
 */
static bool find_parent(struct job *job, struct classifier *classifier,
			char signature[STORE_SIGNATURE_SIZE])
{
	struct store_message row;
	enum store_status status = store_message_by_message_id(
		classifier_store(classifier), job->message->parent, false, &row, &job->reason);
	bool found = false;

	if (status == STORE_OK) {
		found = training_message_has_subject(job->message, row.subject);
		memcpy(signature, row.signature, STORE_SIGNATURE_SIZE);
		store_message_free(&row);
	}
	job->deferred = status != STORE_OK && status != STORE_NOT_FOUND;
	return found;
}

struct likeness {
	const struct training_message *message;
	char signature[STORE_SIGNATURE_SIZE];
	unsigned found;
};

static bool compare_row(void *context, const struct store_message *row)
{
	struct likeness *likeness = context;

	if (!training_message_quotes(likeness->message, row->from, row->subject))
		return true;
	memcpy(likeness->signature, row->signature, sizeof(likeness->signature));
	return ++likeness->found < 2;
}

/* The signature of the only message in the user's history whose sender and subject are quoted. */
static bool find_alike(struct job *job, struct classifier *classifier,
		       char signature[STORE_SIGNATURE_SIZE])
{
	const struct store_filter filter = {
		.result = -1,
		.contains = strbuf_text(&job->message->subject),
		.limit = HISTORY_LIMIT,
	};
	struct likeness likeness = {.message = job->message};
	enum store_status status;

	status = store_message_list(classifier_store(classifier), &filter, compare_row, &likeness,
				    &job->reason);
	job->deferred = status != STORE_OK;
	memcpy(signature, likeness.signature, STORE_SIGNATURE_SIZE);
	return likeness.found == 1 && !job->deferred;
}

/* Looks for the original in the history by one of the two ways above. */
static bool by_history(struct job *job, bool (*find)(struct job *job, struct classifier *classifier,
						     char signature[STORE_SIGNATURE_SIZE]))
{
	char signature[STORE_SIGNATURE_SIZE];
	struct classifier *classifier = NULL;
	bool found = false;

	if (classifier_open(job->service->site, strbuf_text(&job->user), false, &classifier,
			    &job->reason) != CLASSIFIER_OK)
		job->deferred = true;
	if (classifier != NULL)
		found = find(job, classifier, signature);
	classifier_close(&classifier);
	if (found)
		return correct(job, signature, (struct span){NULL, 0});
	return job->deferred;
}

static bool by_parent(struct job *job)
{
	return job->message->parent[0] != '\0' && by_history(job, find_parent);
}

static bool by_likeness(struct job *job)
{
	return job->message->subject.size > 0 && by_history(job, find_alike);
}

/* ---- what becomes of it ---- */

static void reply_done(struct job *job, struct lmtp_reply *reply, struct metric *metric,
		       const char *outcome)
{
	metric_add(metric, 1);
	msg_info("%s: user=<%s>, action=train, class=%s, messages=%u, outcome=%s",
		 job->submitter.queue_id, strbuf_text(&job->user), store_class_name(job->class),
		 job->learned, outcome);
	lmtp_reply_set(reply, 250, "2.0.0 %s", outcome);
}

static void reply_deferred(struct job *job, struct lmtp_reply *reply)
{
	metric_add(&mail_deferred, 1);
	msg_warn("%s: user=<%s>, action=train, class=%s, outcome=deferred, reason=%s",
		 job->submitter.queue_id, strbuf_text(&job->user), store_class_name(job->class),
		 job->reason != NULL ? job->reason : "unknown");
	lmtp_reply_set(reply, 451, "4.3.0 The filter cannot learn now, try again");
}

/* His mail tells the language, or he said it, or the site does. */
static enum training_language language_of(const struct job *job)
{
	enum training_language language = job->message->language;
	struct classifier *classifier = NULL;
	char *ignored = NULL;

	if (language != TRAINING_LANGUAGE_UNKNOWN)
		return language;
	language = job->service->language;
	classifier_open(job->service->site, strbuf_text(&job->user), false, &classifier, &ignored);
	if (classifier != NULL)
		language = spamtraind_language(job->service, classifier_preferences(classifier));
	classifier_close(&classifier);
	free(ignored);
	return language;
}

static void answer(struct job *job, const char *address)
{
	const struct answer mail = {
		.user = strbuf_text(&job->user),
		.training_address = address,
		.class = job->class,
		.language = language_of(job),
		.learned = job->learned,
		.partly = job->message->truncated,
	};

	if (answer_send(job->service, job->worker, &mail, &job->reason) < 0)
		job->deferred = true;
}

static bool teach(struct job *job)
{
	if (job->message->sent_by_machine)
		return false;
	return by_signature_of(job, job->content) || by_resent_message(job) ||
	       (!job->message->automatic && (by_attachments(job) || by_quoted_signature(job) ||
					     by_parent(job) || by_likeness(job)));
}

static void train(struct job *job, const char *address, struct lmtp_reply *reply)
{
	bool done = teach(job);

	/* Who writes with the null sender, or by a machine, is not waiting for an answer. */
	if (!job->deferred && !job->message->automatic)
		answer(job, address);
	if (job->deferred)
		reply_deferred(job, reply);
	else if (done)
		reply_done(job, reply, &mail_trained, "trained");
	else if (job->message->automatic)
		reply_done(job, reply, &mail_ignored, "ignored");
	else
		reply_done(job, reply, &mail_explained, "explained");
}

/* ---- the session ---- */

static void on_rcpt(void *context, struct lmtp_transaction *transaction,
		    struct lmtp_recipient *recipient, struct lmtp_reply *reply)
{
	const struct session *session = context;

	(void)transaction;
	if (class_of(session->service, recipient->address) == STORE_NONE &&
	    !trap_is(session->service, recipient->address))
		lmtp_reply_set(reply, 550, "5.1.1 <%s> is no training address", recipient->address);
}

/* Returns why the message teaches nothing, or NULL. */
static const char *check_submitter(struct job *job)
{
	const char *problem;

	if (job->message->submitter.size == 0)
		return "not from an authenticated user";
	problem = submitter_verify(&job->service->secret, job->message->submitter, time(NULL),
				   &job->submitter);
	if (problem != NULL)
		return problem;
	if (!spamtraind_user(job->service, job->submitter.login, &job->user))
		return "the login is no mail address";
	return NULL;
}

static void on_data(void *context, struct lmtp_transaction *transaction)
{
	const struct session *session = context;
	struct job *job = xcalloc(1, sizeof(*job));

	job->service = session->service;
	job->worker = session->worker;
	job->content = transaction->content;
	job->message = training_message_read(job->content);
	job->refusal = check_submitter(job);
	/* A bounce; nobody's program resends mail that way. */
	if (transaction->sender[0] == '\0')
		job->message->automatic = job->message->sent_by_machine = true;
	transaction->state = job;
}

static void refuse(const struct job *job, const struct lmtp_transaction *transaction,
		   const struct lmtp_recipient *recipient, struct lmtp_reply *reply)
{
	metric_add(&mail_refused, 1);
	msg_warn("train: from=<%s>, to=<%s>, action=refuse, reason=%s", transaction->sender,
		 recipient->address, job->refusal);
	lmtp_reply_set(reply, 550, "5.7.1 Only authenticated users can train their filter: %s",
		       job->refusal);
}

/* One at a time: settings.together is 0. */
static void on_deliver(void *context, struct lmtp_transaction *transaction,
		       struct lmtp_recipient *recipient, size_t count)
{
	struct job *job = transaction->state;

	(void)context;
	(void)count;
	if (trap_is(job->service, recipient->address)) {
		trap_deliver(job->service, transaction, recipient);
		return;
	}
	if (job->refusal != NULL) {
		refuse(job, transaction, recipient, &recipient->reply);
		return;
	}
	job->class = class_of(job->service, recipient->address);
	job->learned = 0;
	job->deferred = false;
	train(job, recipient->address, &recipient->reply);
	free(job->reason);
	job->reason = NULL;
}

static void on_reset(void *context, struct lmtp_transaction *transaction)
{
	struct job *job = transaction->state;

	(void)context;
	if (job == NULL)
		return;
	training_message_free(&job->message);
	strbuf_free(&job->user);
	free(job);
	transaction->state = NULL;
}

void training_address_session(int fd, void *context)
{
	struct session session = {spamtraind_current(), context};
	const struct lmtp_server_settings settings = {
		.hostname = session.service->hostname,
		.temporary_directory = session.service->temporary_directory,
		.size_max = session.service->training_size_max,
		.timeout_s = TRAINING_TIMEOUT_S,
		.handler = {.rcpt = on_rcpt,
			    .data = on_data,
			    .deliver = on_deliver,
			    .reset = on_reset,
			    .context = &session},
	};

	lmtp_server_session(fd, &settings);
	spamtraind_drop(&session.service);
}
