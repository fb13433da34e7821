/*
 * process.c - verdicts: score a message for a user, decide, record.
 *
 * Everything that is recorded of a message is one transaction that begins before the dictionary is
 * read, so a verdict sees the latest correction, and two processes that get the same message at
 * once cannot both record it.
 */
#include "spamtrain/classifier/classifier_internal.h"

#include "lib/xalloc.h"
#include "schema/store_correspondent.h"
#include "schema/store_web.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define LEARN_ALL_UNTIL 100 /* messages of each class; then TOE and TUM become choosy */

enum classifier_status status_of_store(enum store_status status)
{
	switch (status) {
	case STORE_OK:
		return CLASSIFIER_OK;
	case STORE_NOT_FOUND:
	case STORE_INVALID:
		return CLASSIFIER_INVALID;
	case STORE_DEFER:
		return CLASSIFIER_DEFER;
	case STORE_FAILED:
		break;
	}
	return CLASSIFIER_FAILED;
}

void signature_make(char *signature, time_t now)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)clock() << 32 ^ (uint64_t)getpid();
	snprintf(signature, STORE_SIGNATURE_SIZE, "%08x%016llx", (unsigned)(now & 0xffffffff),
		 (unsigned long long)random);
}

const char *classifier_result_name(enum classifier_result result)
{
	return result == CLASSIFIER_SPAM	  ? "Spam"
	       : result == CLASSIFIER_WHITELISTED ? "Whitelisted"
						  : "Innocent";
}

void classifier_verdict_free(struct classifier_verdict *verdict)
{
	free(verdict->factors);
	verdict->factors = NULL;
}

enum classifier_status message_score(struct classifier *classifier, const uint32_t *hashes,
				     size_t count, struct engine_score *score_r,
				     struct token_counts **counts_r, char **error_r)
{
	enum store_status status = knowledge_refresh(classifier, error_r);

	if (status != STORE_OK)
		return status_of_store(status);
	struct token_counts *counts = xmalloc((count + 1) * sizeof(*counts));
	knowledge_counts(classifier, hashes, count, counts);
	engine_score(score_r, hashes, counts, count, knowledge_sums(classifier));
	if (counts_r != NULL)
		*counts_r = counts;
	else
		free(counts);
	return CLASSIFIER_OK;
}

/*
 * By the user's word, or because all mail from there with this From: line was innocent. From there:
 * a From: line alone is known to everybody who ever had a mail of his.
 */
static enum classifier_status is_whitelisted(struct classifier *c,
					     const struct classifier_message *message, bool *yes_r,
					     char **error_r)
{
	struct store_sender sender = {0, 0};
	enum store_status status;

	*yes_r = false;
	if (message->sender_key == 0)
		return CLASSIFIER_OK;
	status = store_trusted_get(c->store, message->sender_key, error_r);
	*yes_r = status == STORE_OK;
	if (status != STORE_NOT_FOUND || !c->preferences.whitelist)
		return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
	status = store_sender_get(c->store, message->route_key, &sender, error_r);
	*yes_r = sender.spam <= 0 && sender.innocent >= c->preferences.whitelist_threshold;
	return status_of_store(status);
}

/* Their mail is judged with the least sensitivity. */
static enum classifier_status is_correspondent(struct classifier *c,
					       const struct classifier_message *message,
					       bool *yes_r, char **error_r)
{
	enum store_status status = STORE_NOT_FOUND;

	if (message->from_key != 0 && c->preferences.whitelist)
		status = store_correspondent_get(c->store, message->from_key, error_r);
	*yes_r = status == STORE_OK;
	return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
}

static void decide(const struct engine_score *score, unsigned sedation, enum classifier_basis basis,
		   struct classifier_verdict *verdict)
{
	double threshold = engine_threshold(
		basis == CLASSIFIER_BY_CORRESPONDENT ? PREFERENCE_SEDATION_MAX : sedation);
	double distance = score->score - threshold;

	verdict->threshold = threshold;
	verdict->basis = score->known ? basis : CLASSIFIER_NEW_ACCOUNT;
	verdict->score = score->score;
	verdict->probability = score->known ? 1 / (1 + exp(-distance)) : 0.5;
	verdict->result = CLASSIFIER_INNOCENT;
	verdict->confidence = fabs(verdict->probability - 0.5) * 2;
	if (!score->known)
		return;
	if (basis == CLASSIFIER_BY_SENDER)
		verdict->result = CLASSIFIER_WHITELISTED;
	else if (distance > 0)
		verdict->result = CLASSIFIER_SPAM;
}

struct judgement {
	struct engine_score score;
	struct classifier_reason *reasons;
	size_t reason_count;
};

static enum classifier_status judge(struct classifier *c, const struct classifier_message *message,
				    struct judgement *judgement, struct classifier_verdict *verdict,
				    char **error_r)
{
	struct token_counts *counts = NULL;
	bool whitelisted = false, correspondent = false;
	enum classifier_status status = message_score(c, message->hashes, message->count,
						      &judgement->score, &counts, error_r);

	judgement->reasons = NULL;
	judgement->reason_count = 0;
	if (status == CLASSIFIER_OK)
		status = is_whitelisted(c, message, &whitelisted, error_r);
	if (status == CLASSIFIER_OK)
		status = is_correspondent(c, message, &correspondent, error_r);
	if (status == CLASSIFIER_OK) {
		decide(&judgement->score, c->preferences.sedation,
		       whitelisted     ? CLASSIFIER_BY_SENDER
		       : correspondent ? CLASSIFIER_BY_CORRESPONDENT
				       : CLASSIFIER_BY_SCORE,
		       verdict);
		judgement->reason_count =
			reasons_find(message, counts, knowledge_sums(c), &judgement->reasons);
		verdict->factors = reasons_text(judgement->reasons, judgement->reason_count);
	}
	free(counts);
	return status;
}

/* The history keeps them for all; X-DSPAM-Factors is for those who want it. */
static void hide_factors(const struct classifier *c, struct classifier_verdict *verdict)
{
	if (c->preferences.show_factors || verdict->factors == NULL)
		return;
	free(verdict->factors);
	verdict->factors = xstrdup("");
}

enum classifier_status classifier_explain(struct classifier *classifier,
					  const struct classifier_message *message,
					  struct classifier_verdict *verdict_r,
					  struct classifier_reason **reasons_r, size_t *count_r,
					  char **error_r)
{
	struct judgement judgement;

	memset(verdict_r, 0, sizeof(*verdict_r));
	enum classifier_status status = judge(classifier, message, &judgement, verdict_r, error_r);
	if (count_r != NULL) {
		*reasons_r = judgement.reasons;
		*count_r = judgement.reason_count;
	} else {
		hide_factors(classifier, verdict_r);
		classifier_reasons_free(judgement.reasons, judgement.reason_count);
	}
	return status;
}

enum classifier_status classifier_score(struct classifier *classifier,
					const struct classifier_message *message,
					struct classifier_verdict *verdict_r, char **error_r)
{
	return classifier_explain(classifier, message, verdict_r, NULL, NULL, error_r);
}

/* What the mode teaches of a verdict: the class, or nothing. */
static enum store_class lesson_of(const struct classifier *c, const struct engine_score *score,
				  enum store_class verdict)
{
	int64_t fewest = knowledge_fewest(c);

	switch (c->preferences.training_mode) {
	case TRAINING_TEFT:
		return verdict;
	case TRAINING_TOE:
		return fewest < LEARN_ALL_UNTIL ? verdict : STORE_NONE;
	case TRAINING_TUM:
		if (fewest < LEARN_ALL_UNTIL || engine_is_unsure(score))
			return verdict;
		break;
	case TRAINING_NOTRAIN:
		break;
	}
	return STORE_NONE;
}

static void again(const struct store_message *row, struct classifier_verdict *verdict)
{
	verdict->again = true;
	verdict->corrected = row->corrected != STORE_NONE;
	verdict->result =
		row->result < 0 ? CLASSIFIER_INNOCENT : (enum classifier_result)row->result;
	if (row->corrected != STORE_NONE)
		verdict->result =
			row->corrected == STORE_SPAM ? CLASSIFIER_SPAM : CLASSIFIER_INNOCENT;
	verdict->probability = row->probability;
	verdict->confidence = row->confidence;
	verdict->score = row->score;
	verdict->outcome = row->outcome;
	verdict->factors = xstrdup(row->factors);
	memcpy(verdict->signature, row->signature, sizeof(verdict->signature));
}

static enum classifier_status record(struct classifier *c, const struct classifier_message *message,
				     const struct classifier_envelope *envelope,
				     const struct engine_score *score,
				     struct classifier_verdict *verdict, char **error_r)
{
	enum store_class class = verdict->result == CLASSIFIER_SPAM ? STORE_SPAM : STORE_INNOCENT;
	enum store_class taught = lesson_of(c, score, class);
	bool counts = c->preferences.training_mode != TRAINING_NOTRAIN, careless = false;
	time_t now = store_now(c->store);
	struct store_message row = {
		.received = envelope != NULL && envelope->received != 0 ? envelope->received : now,
		.size = message->full_size,
		.sender = envelope != NULL ? (char *)(uintptr_t)envelope->sender : NULL,
		.queue_id = envelope != NULL ? (char *)(uintptr_t)envelope->queue_id : NULL,
		.from = message->from,
		.subject = message->subject,
		.message_id = message->message_id,
		.result = (int)verdict->result,
		.probability = verdict->probability,
		.confidence = verdict->confidence,
		.score = verdict->score,
		.outcome = envelope == NULL	 ? STORE_OUTCOME_NONE
			   : class == STORE_SPAM ? envelope->if_spam
						 : envelope->if_innocent,
		.initially = taught,
		.factors = verdict->factors,
		.sender_key = message->sender_key,
		.route_key = message->route_key,
	};

	enum classifier_status status = status_of_store(user_is_careless(c, &careless, error_r));
	if (status != CLASSIFIER_OK)
		return status;
	if (envelope != NULL && envelope->signature != NULL)
		memcpy(row.signature, envelope->signature, sizeof(row.signature));
	else
		signature_make(row.signature, now);
	memcpy(row.digest, message->digest, sizeof(row.digest));
	memcpy(row.scores, score->bins, sizeof(row.scores));
	memcpy(verdict->signature, row.signature, sizeof(verdict->signature));
	verdict->outcome = row.outcome;
	row.taught = taught;
	row.counts = counts;
	row.counted = counts ? class : STORE_NONE;
	row.wary = careless;
	status = status_of_store(store_message_add(c->store, &row, error_r));
	row.taught = row.counted = STORE_NONE; /* so far; teach() makes it true */
	if (status == CLASSIFIER_OK)
		status = status_of_store(store_features_add(c->store, row.id, FEATURES_VERSION,
							    message->hashes, message->count,
							    error_r));
	if (status == CLASSIFIER_OK)
		status = teach(
			c, &row,
			(struct lesson_state){taught, counts ? class : STORE_NONE, STORE_NONE},
			error_r);
	if (status == CLASSIFIER_OK && counts)
		status = rejudge_some(c, row.id, careless, error_r);
	return status;
}

static enum classifier_status process(struct classifier *c,
				      const struct classifier_message *message,
				      const struct classifier_envelope *envelope,
				      struct classifier_verdict *verdict, char **error_r)
{
	struct store_message row;
	struct judgement judgement;
	enum store_status found = store_message_by_digest(c->store, message->digest, &row, error_r);

	if (found == STORE_OK) {
		again(&row, verdict);
		store_message_free(&row);
		return CLASSIFIER_OK;
	}
	if (found != STORE_NOT_FOUND)
		return status_of_store(found);
	enum classifier_status status = judge(c, message, &judgement, verdict, error_r);
	classifier_reasons_free(judgement.reasons, judgement.reason_count);
	const struct classifier_settings *settings = classifier_site_settings(c->site);
	if (settings->judged != NULL)
		settings->judged(settings->judged_context);
	if (status == CLASSIFIER_OK)
		status = record(c, message, envelope, &judgement.score, verdict, error_r);
	return status;
}

enum classifier_status classifier_process(struct classifier *classifier,
					  const struct classifier_message *message,
					  const struct classifier_envelope *envelope,
					  struct classifier_verdict *verdict_r, char **error_r)
{
	memset(verdict_r, 0, sizeof(*verdict_r));
	enum classifier_status status = status_of_store(store_begin(classifier->store, error_r));
	if (status == CLASSIFIER_OK)
		status = process(classifier, message, envelope, verdict_r, error_r);
	if (status == CLASSIFIER_OK)
		status = status_of_store(store_commit(classifier->store, error_r));
	if (status != CLASSIFIER_OK) {
		store_rollback(classifier->store);
		classifier_verdict_free(verdict_r);
		return status;
	}
	hide_factors(classifier, verdict_r);
	classifier_settle(classifier);
	return CLASSIFIER_OK;
}

enum classifier_status classifier_outcome(struct classifier *classifier, const char *signature,
					  enum store_outcome outcome, char **error_r)
{
	/* A note that may be lost: nobody waits for the disk. */
	store_set_synced(classifier->store, false);
	enum store_status status =
		store_message_outcome(classifier->store, signature, outcome, error_r);
	store_set_synced(classifier->store, true);

	if (status == STORE_NOT_FOUND)
		*error_r =
			xasprintf("%s: no message with signature %s", classifier->user, signature);
	return status_of_store(status);
}
