#include "lda/judge.h"

#include "lda/account.h"
#include "lda/site.h"
#include "lib/msg.h"
#include "lib/rewrite.h"
#include "spamtrain/user/quarantine.h"

#include <inttypes.h>
#include <stdlib.h>

static void set_deferred(struct delivery *delivery, const char *what, char *error)
{
	account_store_error();
	msg_error("%s: user=<%s>: %s: %s", delivery->message->queue_id,
		  strbuf_text(&delivery->user), what, error != NULL ? error : "unknown error");
	free(error);
	lmtp_reply_set(&delivery->recipient->reply, 451, "4.3.0 %s", what);
}

static void set_unmarked(struct delivery *delivery, char *error)
{
	account_classifier_error();
	msg_error("%s: user=<%s>: not classified: %s", delivery->message->queue_id,
		  strbuf_text(&delivery->user), error != NULL ? error : "unknown error");
	free(error);
	delivery->action = ACTION_UNMARKED;
}

static bool is_filtered(const struct site *site, const struct preferences *preferences)
{
	return !preferences->opt_out && (!site->opt_in || preferences->opt_in);
}

/*
 * A user who has no store yet gets one when he is filtered. *classifier_r is NULL, with
 * CLASSIFIER_OK, when he is not.
 */
static enum classifier_status open_filtered(struct delivery *delivery,
					    struct classifier **classifier_r, char **error_r)
{
	struct site *site = delivery->site;
	const char *user = strbuf_text(&delivery->user);
	struct preferences preferences;
	enum classifier_status status;

	status = classifier_open(site->classifiers, user, false, classifier_r, error_r);
	if (status == CLASSIFIER_OK && *classifier_r == NULL) {
		status = classifier_user_defaults(site->classifiers, user, &preferences, error_r);
		if (status == CLASSIFIER_OK && is_filtered(site, &preferences))
			status = classifier_open(site->classifiers, user, true, classifier_r,
						 error_r);
		return status;
	}
	if (status == CLASSIFIER_OK && *classifier_r != NULL &&
	    !is_filtered(site, classifier_preferences(*classifier_r)))
		classifier_close(classifier_r);
	return status;
}

static const struct classifier_message *read_message(struct delivery *delivery)
{
	struct span content = delivery->transaction->content;
	struct message *message = delivery->message;

	pthread_mutex_lock(&message->lock);
	if (message->read == NULL)
		message->read = classifier_message_read(
			span_first(content, delivery->site->classify_size), content.size);
	pthread_mutex_unlock(&message->lock);
	return message->read;
}

/* Spam that finds no room is better delivered than refused or thrown away. */
static bool fits_quarantine(struct delivery *delivery, struct classifier *classifier)
{
	uint64_t rows, bytes, max = delivery->site->quarantine_max;
	char *error = NULL;

	if (max == 0)
		return true;
	if (store_quarantine_size(classifier_store(classifier), &rows, &bytes, &error) !=
	    STORE_OK) {
		/* Then it cannot be put there either, and waits. */
		free(error);
		return true;
	}
	if (bytes + delivery->transaction->content.size <= max)
		return true;
	account_quarantine_full();
	msg_warn("%s: user=<%s>: the quarantine is full: messages=%" PRIu64 ", bytes=%" PRIu64,
		 delivery->message->queue_id, strbuf_text(&delivery->user), rows, bytes);
	return false;
}

static void choose_action(struct delivery *delivery, struct classifier *classifier)
{
	const struct preferences *preferences = classifier_preferences(classifier);

	delivery->action = ACTION_DELIVER;
	if (delivery->verdict.result != CLASSIFIER_SPAM ||
	    preferences->spam_action == SPAM_ACTION_DELIVER)
		return;
	strcpy(delivery->tag, preferences->spam_subject);
	delivery->action = ACTION_TAG;
	if (preferences->spam_action == SPAM_ACTION_QUARANTINE &&
	    fits_quarantine(delivery, classifier))
		delivery->action = ACTION_QUARANTINE;
}

/* Of spam, if all goes well; what goes into the quarantine is noted there. */
static enum store_outcome expected_outcome(enum spam_action action)
{
	return action == SPAM_ACTION_QUARANTINE ? STORE_OUTCOME_NONE
	       : action == SPAM_ACTION_TAG	? STORE_OUTCOME_TAGGED
						: STORE_OUTCOME_DELIVERED;
}

static enum classifier_status classify(struct delivery *delivery, char **error_r)
{
	struct classifier_envelope envelope = {.sender = delivery->transaction->sender,
					       .queue_id = delivery->message->queue_id,
					       .signature = delivery->message->signature,
					       .if_innocent = STORE_OUTCOME_DELIVERED};
	struct classifier *classifier = NULL;
	enum classifier_status status = open_filtered(delivery, &classifier, error_r);

	if (status != CLASSIFIER_OK)
		return status;
	if (classifier == NULL) {
		delivery->action = ACTION_PASS;
		return CLASSIFIER_OK;
	}
	envelope.if_spam = expected_outcome(classifier_preferences(classifier)->spam_action);
	status = classifier_process(classifier, read_message(delivery), &envelope,
				    &delivery->verdict, error_r);
	if (status == CLASSIFIER_OK)
		choose_action(delivery, classifier);
	else
		delivery->verdict = (struct classifier_verdict){0}; /* recorded nowhere */
	classifier_close(&classifier);
	return status;
}

bool judge(struct delivery *delivery)
{
	char *error = NULL;

	if (delivery->user.size == 0) {
		delivery->action = ACTION_UNMARKED;
		return true;
	}
	switch (classify(delivery, &error)) {
	case CLASSIFIER_OK:
		return true;
	case CLASSIFIER_DEFER:
		set_deferred(delivery, "The user's filter cannot be opened", error);
		return false;
	case CLASSIFIER_FAILED:
	case CLASSIFIER_INVALID:
		break;
	}
	set_unmarked(delivery, error);
	return true;
}

static enum store_status put_into_quarantine(struct delivery *delivery, struct span own,
					     struct classifier *classifier, char **error_r)
{
	struct store_quarantined row = {.sender = delivery->transaction->sender,
					.recipient = delivery->recipient->address,
					.added = time(NULL)};
	struct rewrite rewrite;
	enum store_status status;

	strcpy(row.signature, delivery->verdict.signature);
	rewrite_init(&rewrite, delivery->transaction->content, own, NULL);
	status = quarantine_put(classifier_store(classifier), &row, &rewrite.source, error_r);
	rewrite_free(&rewrite);
	return status;
}

void judge_quarantine(struct delivery *delivery, struct span own)
{
	struct classifier *classifier = NULL;
	char *error = NULL;

	if (classifier_open(delivery->site->classifiers, strbuf_text(&delivery->user), true,
			    &classifier, &error) != CLASSIFIER_OK ||
	    put_into_quarantine(delivery, own, classifier, &error) != STORE_OK)
		set_deferred(delivery, "The message cannot be quarantined", error);
	else
		lmtp_reply_set(&delivery->recipient->reply, 250, "2.0.0 Quarantined as %s",
			       delivery->verdict.signature);
	classifier_close(&classifier);
}

void judge_outcome(struct delivery *delivery, enum store_outcome outcome)
{
	struct classifier *classifier = NULL;
	char *error = NULL;

	if (delivery->verdict.signature[0] == '\0')
		return;
	if (classifier_open(delivery->site->classifiers, strbuf_text(&delivery->user), true,
			    &classifier, &error) != CLASSIFIER_OK ||
	    classifier_outcome(classifier, delivery->verdict.signature, outcome, &error) !=
		    CLASSIFIER_OK)
		msg_warn("%s: user=<%s>: the outcome is not in the history: %s",
			 delivery->message->queue_id, strbuf_text(&delivery->user),
			 error != NULL ? error : "unknown error");
	free(error);
	classifier_close(&classifier);
}
