/*
 * rejudge.c - second thoughts about verdicts that nobody confirmed.
 *
 * A filter that learns its own verdicts also learns its errors, and those that the user never
 * reports would stay and breed. So with each message that comes, one of the latest unconfirmed
 * ones is judged again, as if it had not been learned: where the filter has changed its mind by
 * now, what it had learned of it is taken back. Nothing is turned around: only a user's word
 * teaches the other class.
 */
#include "spamtrain/classifier_internal.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define REJUDGE_COUNT  1    /* a message that comes */
#define REJUDGE_WINDOW 1000 /* the latest rows of the history */

/* From where, measured from the threshold, a new score speaks against an unconfirmed verdict. */
#define DOUBT_INNOCENT -0.5
#define DOUBT_SPAM     -3.4

/* What the row's own lessons add to the counts and sums, taken out. */
static void without_itself(const struct store_message *row, const uint32_t *hashes, size_t count,
			   struct token_counts *counts, struct dictionary_sums *sums)
{
	bool spam = row->taught == STORE_SPAM;
	int gradients[SIDES] = {0};

	if (row->taught != STORE_NONE)
		engine_gradients(gradients, row->scores, row->taught);
	for (size_t i = 0; i < count && row->taught != STORE_NONE; i++) {
		int gradient = gradients[SIDE_OF(hashes[i])];
		counts[i].spam -= spam;
		counts[i].innocent -= !spam;
		counts[i].gradient -= gradient;
		counts[i].square -= gradient * gradient;
	}
	if (row->taught != STORE_NONE) {
		sums->spam -= spam;
		sums->innocent -= !spam;
	}
	for (int i = 0; i < STORE_LEARNERS && row->counted != STORE_NONE; i++)
		if (row->scores[i] < DICTIONARY_BINS)
			sums->scores[i][row->counted == STORE_SPAM][row->scores[i]]--;
}

static double score_again(struct classifier *c, const struct store_message *row,
			  const uint32_t *hashes, size_t count)
{
	struct token_counts *counts = xmalloc((count + 1) * sizeof(*counts));
	struct dictionary_sums *sums = xmalloc(sizeof(*sums));
	struct engine_score score;

	*sums = *knowledge_sums(c);
	knowledge_counts(c, hashes, count, counts);
	without_itself(row, hashes, count, counts, sums);
	engine_score(&score, hashes, counts, count, sums);
	free(counts);
	free(sums);
	return score.score;
}

static bool is_doubtful(const struct classifier *c, const struct store_message *row, double score)
{
	double threshold = engine_threshold(c->preferences.sedation);
	enum store_class class = row->taught != STORE_NONE ? row->taught : row->counted;

	return class == STORE_SPAM ? score < threshold + DOUBT_SPAM
				   : score > threshold + DOUBT_INNOCENT;
}

static enum classifier_status rejudge_row(struct classifier *c, struct store_message *row,
					  char **error_r)
{
	uint32_t *hashes = NULL;
	size_t count;
	unsigned version;
	enum store_status status =
		store_features_get(c->store, row->id, &version, &hashes, &count, error_r);
	enum classifier_status result = CLASSIFIER_OK;

	if (status == STORE_OK && is_doubtful(c, row, score_again(c, row, hashes, count))) {
		result = teach(c, row, STORE_NONE, STORE_NONE, error_r);
		if (result == CLASSIFIER_OK)
			result = status_of_store(store_message_update(c->store, row, error_r));
	} else if (status != STORE_OK && status != STORE_NOT_FOUND) {
		result = status_of_store(status);
	}
	free(hashes);
	return result;
}

enum classifier_status rejudge_some(struct classifier *c, int64_t newest, uint32_t seed,
				    char **error_r)
{
	enum classifier_status result = CLASSIFIER_OK;

	for (uint32_t i = 1; i <= REJUDGE_COUNT && result == CLASSIFIER_OK; i++) {
		/* Any spread over the window will do: Knuth's multiplier. */
		int64_t back =
			1 + (int64_t)((seed + i) * UINT32_C(2654435761) >> 8) % REJUDGE_WINDOW;
		struct store_message row;
		enum store_status status = store_message_unconfirmed(
			c->store, newest - back, newest - REJUDGE_WINDOW, &row, error_r);
		if (status == STORE_NOT_FOUND)
			continue;
		if (status != STORE_OK)
			return status_of_store(status);
		result = rejudge_row(c, &row, error_r);
		store_message_free(&row);
	}
	return result;
}
