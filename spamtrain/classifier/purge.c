/*
 * purge.c - dropping what is too old, and counting what is there.
 */
#include "spamtrain/classifier/classifier_internal.h"

#include <stdlib.h>

#define PURGE_ROWS	200 /* of one transaction: a delivery waits for so long at most */
#define TUM_YOUNG_HITS	50  /* DSPAM's: TUM keeps what more messages taught */
#define SECONDS_PER_DAY 86400

/*
 * What the mode needs is spared: TEFT teaches a feature again whenever it comes, so one that was
 * not taught is not used; TUM teaches it only when a message was unsure, and TOE only by a
 * correction, so there it may be in daily use.
 */
static struct dictionary_rules rules_of(const struct classifier *c)
{
	struct dictionary_rules rules = classifier_site_settings(c->site)->rules;

	switch (c->preferences.training_mode) {
	case TRAINING_TEFT:
		break;
	case TRAINING_TUM:
		rules.hits1s = rules.hits1i = rules.hapaxes = 0;
		rules.unused_hits = TUM_YOUNG_HITS;
		break;
	case TRAINING_TOE:
	case TRAINING_NOTRAIN:
		rules = (struct dictionary_rules){.tokens_max = rules.tokens_max};
	}
	return rules;
}

/* Of users without lessons there is nothing to do. */
static enum store_status purge_dictionary(struct classifier *c, time_t now, char **error_r)
{
	struct dictionary_rules rules = rules_of(c);
	size_t dropped;

	return dictionary_purge(c->store, &rules, (int32_t)(now / SECONDS_PER_DAY), &dropped,
				error_r);
}

enum classifier_status classifier_purge(struct classifier *classifier, time_t now, char **error_r)
{
	const struct classifier_settings *keep = classifier_site_settings(classifier->site);
	enum store_status status = purge_dictionary(classifier, now, error_r);

	if (status == STORE_OK)
		status = dictionary_refresh(classifier->store, error_r);
	if (status == STORE_OK)
		status = dictionary_merge(classifier->store, false, error_r);
	if (status == STORE_OK)
		status = dictionary_refresh(classifier->store, error_r);
	if (status == STORE_OK)
		dictionary_sweep(classifier->store, now);
	if (status == STORE_OK)
		status = store_purge_features(classifier->store, now - keep->signature_retention,
					      PURGE_ROWS, error_r);
	if (status == STORE_OK)
		status = store_purge_history(classifier->store, now - keep->history_retention,
					     PURGE_ROWS, error_r);
	return status_of_store(status);
}

/* Takes back one message; a message whose features have expired keeps its lesson. */
static enum classifier_status forget_next(struct classifier *c, int64_t *id, time_t since,
					  bool *found_r, uint64_t *forgotten, char **error_r)
{
	struct store_message row;
	uint32_t *hashes = NULL;
	size_t count;
	unsigned version;
	enum store_status status = store_message_taught_since(c->store, *id, since, &row, error_r);

	*found_r = status == STORE_OK;
	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
	*id = row.id;
	status = store_features_get(c->store, row.id, &version, &hashes, &count, error_r);
	free(hashes);
	enum classifier_status result = CLASSIFIER_OK;
	if (status == STORE_OK) {
		result = teach(c, &row, (struct lesson_state){0}, error_r);
		if (result == CLASSIFIER_OK)
			result = status_of_store(store_message_update(c->store, &row, error_r));
		(*forgotten)++;
	} else if (status != STORE_NOT_FOUND) {
		result = status_of_store(status);
	}
	store_message_free(&row);
	return result;
}

enum classifier_status classifier_forget_since(struct classifier *classifier, time_t since,
					       uint64_t *forgotten_r, char **error_r)
{
	enum classifier_status status = CLASSIFIER_OK;
	bool found = true;
	int64_t id = 0;

	*forgotten_r = 0;
	while (status == CLASSIFIER_OK && found) {
		status = status_of_store(store_begin(classifier->store, error_r));
		for (int i = 0; i < PURGE_ROWS && found && status == CLASSIFIER_OK; i++)
			status = forget_next(classifier, &id, since, &found, forgotten_r, error_r);
		if (status == CLASSIFIER_OK)
			status = status_of_store(store_commit(classifier->store, error_r));
		store_rollback(classifier->store);
	}
	return status;
}

enum classifier_status classifier_stats(struct classifier *classifier,
					struct classifier_stats *stats_r, char **error_r)
{
	enum store_status status = knowledge_refresh(classifier, error_r);

	if (status == STORE_OK)
		status = store_count(classifier->store, &stats_r->history, &stats_r->signatures,
				     &stats_r->store_bytes, error_r);
	if (status != STORE_OK)
		return status_of_store(status);
	const struct dictionary_sums *sums = dictionary_sums(classifier->store);
	stats_r->spam_learned = (uint64_t)(sums->spam > 0 ? sums->spam : 0);
	stats_r->innocent_learned = (uint64_t)(sums->innocent > 0 ? sums->innocent : 0);
	stats_r->tokens = dictionary_tokens(classifier->store);
	return CLASSIFIER_OK;
}
