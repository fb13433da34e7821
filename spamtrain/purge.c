/*
 * purge.c - dropping what is too old, and counting what is there.
 */
#include "spamtrain/classifier_internal.h"

#define PURGE_ROWS 200 /* of one transaction: a delivery waits for so long at most */

typedef enum store_status purge_step(struct store *store, time_t before, size_t limit, bool *more_r,
				     char **error_r);

static enum store_status purge_all(struct store *store, purge_step *step, time_t before,
				   char **error_r)
{
	enum store_status status = STORE_OK;
	bool more = true;

	while (status == STORE_OK && more) {
		status = store_begin(store, error_r);
		if (status == STORE_OK)
			status = step(store, before, PURGE_ROWS, &more, error_r);
		if (status == STORE_OK)
			status = store_commit(store, error_r);
		store_rollback(store);
	}
	return status;
}

enum classifier_status classifier_purge(struct classifier *classifier, time_t now, char **error_r)
{
	struct classifier_retention keep = classifier_site_retention(classifier->site);
	enum store_status status = dictionary_refresh(classifier->store, error_r);

	if (status == STORE_OK)
		status = dictionary_merge(classifier->store, error_r);
	if (status == STORE_OK)
		status = purge_all(classifier->store, store_purge_features, now - keep.signatures,
				   error_r);
	if (status == STORE_OK)
		status = purge_all(classifier->store, store_purge_history, now - keep.history,
				   error_r);
	return status_of_store(status);
}

enum classifier_status classifier_stats(struct classifier *classifier,
					struct classifier_stats *stats_r, char **error_r)
{
	enum store_status status = dictionary_refresh(classifier->store, error_r);

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
