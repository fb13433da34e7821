/*
 * rescore.c - an archive, taught one class after the other, compared with itself.
 *
 * The first class had nothing to be compared with when it was taught, and the first messages of the
 * second little: their scores say nothing of where mail of today lies, and their gradients are
 * those of a beginner. So they are judged again, each as if it had not been learned, in random
 * order: for the logistic learners that is coordinate ascent in the dual (Shalev-Shwartz and Zhang,
 * 2013), for the histograms it is leaving one out. Classes do not change.
 */
#include "spamtrain/classifier/classifier_internal.h"

#include "lib/xalloc.h"
#include "schema/store_doubt.h"
#include "spamtrain/engine/features.h"

#include <stdlib.h>

#define RESCORE_ROWS   16384 /* the newest ones */
#define RESCORE_PASSES 2
#define RESCORE_BATCH  50 /* messages a transaction */

static enum classifier_status replace_scores(struct classifier *c, struct store_message *row,
					     const struct engine_score *score, char **error_r)
{
	struct lesson_state state = {row->taught, row->counted, row->corrected};
	enum classifier_status status = teach(c, row, (struct lesson_state){0}, error_r);

	memcpy(row->scores, score->bins, sizeof(row->scores));
	if (status == CLASSIFIER_OK)
		status = teach(c, row, state, error_r);
	if (status == CLASSIFIER_OK)
		status = status_of_store(store_message_scores(c->store, row, error_r));
	return status;
}

static enum classifier_status rescore(struct classifier *c, struct store_message *row,
				      char **error_r)
{
	uint32_t *hashes = NULL;
	size_t count;
	unsigned version;
	enum classifier_status result = CLASSIFIER_OK;
	enum store_status status =
		store_features_get(c->store, row->id, &version, &hashes, &count, error_r);

	if (status == STORE_NOT_FOUND) /* expired */
		return CLASSIFIER_OK;
	if (status == STORE_OK)
		status = knowledge_refresh(c, error_r);
	if (status != STORE_OK)
		result = status_of_store(status);
	else if (version == FEATURES_VERSION) {
		struct engine_score score = score_again(c, row, hashes, count);
		if (score.known)
			result = replace_scores(c, row, &score, error_r);
	}
	free(hashes);
	return result;
}

/* It may have been corrected or purged since it was listed. */
static enum classifier_status rescore_id(struct classifier *c, int64_t id, char **error_r)
{
	struct store_message row;
	enum classifier_status result = CLASSIFIER_OK;
	enum store_status status = store_message_by_id(c->store, id, &row, error_r);

	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
	if (row.corrected != STORE_NONE && row.taught != STORE_NONE)
		result = rescore(c, &row, error_r);
	store_message_free(&row);
	return result;
}

static enum classifier_status rescore_batch(struct classifier *c, const int64_t *ids, size_t count,
					    char **error_r)
{
	enum classifier_status status = status_of_store(store_begin(c->store, error_r));

	for (size_t i = 0; i < count && status == CLASSIFIER_OK; i++)
		status = rescore_id(c, ids[i], error_r);
	if (status == CLASSIFIER_OK)
		status = status_of_store(store_commit(c->store, error_r));
	if (status != CLASSIFIER_OK)
		store_rollback(c->store);
	else
		classifier_settle(c);
	return status;
}

/* Always the same order, so that what comes out of an archive can be had again. */
static void shuffle(int64_t *ids, size_t count)
{
	uint32_t state = 1;

	for (size_t i = count; i > 1; i--) {
		state = state * UINT32_C(1664525) + UINT32_C(1013904223);
		size_t other = (size_t)(((uint64_t)state * i) >> 32);
		int64_t id = ids[i - 1];
		ids[i - 1] = ids[other];
		ids[other] = id;
	}
}

enum classifier_status classifier_rescore(struct classifier *c, size_t most, bool (*stop)(void),
					  char **error_r)
{
	int64_t *ids = xmalloc(RESCORE_ROWS * sizeof(*ids));
	size_t count = 0;
	enum classifier_status status =
		status_of_store(store_archived_list(c->store, ids, RESCORE_ROWS, &count, error_r));

	shuffle(ids, count);
	if (most > RESCORE_PASSES * count)
		most = RESCORE_PASSES * count;
	for (size_t i = 0; i < most && status == CLASSIFIER_OK && (stop == NULL || !stop());) {
		size_t at = i % count, left = most - i < count - at ? most - i : count - at;
		size_t batch = left < RESCORE_BATCH ? left : RESCORE_BATCH;
		status = rescore_batch(c, ids + at, batch, error_r);
		i += batch;
	}
	free(ids);
	return status;
}
