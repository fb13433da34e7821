/*
 * rejudge.c - second thoughts about verdicts that nobody confirmed.
 *
 * A filter that learns its own verdicts also learns its errors, and those that the user never
 * reports would stay and breed. So with each message that comes, one of the latest unconfirmed
 * ones is judged again, as if it had not been learned: where the filter has changed its mind by
 * now, what it had learned of it is taken back. Nothing is turned around: only a user's word
 * teaches the other class.
 *
 * How sure it must be depends on the user. Who reports every error confirms by his silence what he
 * was shown, and a doubt would only cost good lessons. Who does not is found out by the doubts
 * themselves: of him, the filter takes back more verdicts than he corrects. Then it doubts sooner,
 * teaches its own verdicts only as much as it is sure of them, and looks for the kin of each spam
 * that he does report.
 */
#include "spamtrain/classifier/classifier_internal.h"

#include "lib/xalloc.h"
#include "schema/store_doubt.h"
#include "spamtrain/engine/features.h"

#include <math.h>
#include <stdlib.h>

/* Chosen by measurement: docs/classifier.md. */
#define DOUBT_INNOCENT	 0.3  /* a new score that is so far above the threshold speaks against it */
#define DOUBT_CARELESS	 -0.5 /* ... of a careless user */
#define DOUBT_SPAM	 -3.4
#define CARELESS_RATIO	 4 /* doubts that weigh as much as ... corrections */
#define CARELESS_START	 3 /* ... and these many corrections are assumed */
#define LAGS		 7 /* how far back is looked: in messages, each further than the last */
#define LAG_FIRST	 5
#define LAG_RATIO	 2.3
#define NEIGHBOURS	 5    /* judged again for a spam that was reported */
#define NEIGHBOUR_WINDOW 1000 /* messages before and after it */

enum store_status user_is_careless(struct classifier *c, bool *careless_r, char **error_r)
{
	uint64_t corrected = 0, doubted = 0;
	enum store_status status = store_doubt_count(c->store, &corrected, &doubted, error_r);

	*careless_r = CARELESS_RATIO * doubted > corrected + CARELESS_START;
	return status;
}

/* What the row's own lessons add to the counts and sums, taken out. */
static void without_itself(const struct store_message *row, const uint32_t *hashes, size_t count,
			   struct token_counts *counts, struct dictionary_sums *sums)
{
	bool spam = row->taught == STORE_SPAM;
	int gradients[SIDES];

	lesson_gradients(gradients, row);
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

struct engine_score score_again(struct classifier *c, const struct store_message *row,
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
	return score;
}

static bool is_doubtful(const struct classifier *c, const struct store_message *row, double score,
			bool careless)
{
	double threshold = engine_threshold(c->preferences.sedation);
	enum store_class class = row->taught != STORE_NONE ? row->taught : row->counted;

	if (class == STORE_SPAM)
		return score < threshold + DOUBT_SPAM;
	return score > threshold + (careless ? DOUBT_CARELESS : DOUBT_INNOCENT);
}

static enum classifier_status doubts(struct classifier *c, const char *digest, bool *doubts_r,
				     char *signature_r, char **error_r)
{
	struct store_message row;
	uint32_t *hashes = NULL;
	size_t count;
	unsigned version;
	enum store_status status = knowledge_refresh(c, error_r);

	if (status == STORE_OK)
		status = store_message_by_digest(c->store, digest, &row, error_r);
	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
	memcpy(signature_r, row.signature, STORE_SIGNATURE_SIZE);
	status = store_features_get(c->store, row.id, &version, &hashes, &count, error_r);
	if (status == STORE_OK && version == FEATURES_VERSION && row.taught == STORE_INNOCENT) {
		struct engine_score score = score_again(c, &row, hashes, count);
		*doubts_r = score.known && is_doubtful(c, &row, score.score, true);
	}
	free(hashes);
	store_message_free(&row);
	return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
}

enum classifier_status classifier_doubts(struct classifier *classifier, const char *digest,
					 bool *doubts_r, char signature_r[STORE_SIGNATURE_SIZE],
					 char **error_r)
{
	enum classifier_status status = status_of_store(store_begin(classifier->store, error_r));

	*doubts_r = false;
	signature_r[0] = '\0';
	if (status == CLASSIFIER_OK) {
		status = doubts(classifier, digest, doubts_r, signature_r, error_r);
		store_rollback(classifier->store);
	}
	return status;
}

static enum classifier_status take_back(struct classifier *c, struct store_message *row,
					char **error_r)
{
	enum classifier_status status = teach(c, row, (struct lesson_state){0}, error_r);

	free(row->source);
	row->source = xstrdup(STORE_SOURCE_FILTER);
	if (status == CLASSIFIER_OK)
		status = status_of_store(store_message_update(c->store, row, error_r));
	return status;
}

static enum classifier_status rejudge(struct classifier *c, int64_t id, bool careless,
				      char **error_r)
{
	struct store_message row;
	uint32_t *hashes = NULL;
	size_t count;
	unsigned version;
	enum classifier_status result = CLASSIFIER_OK;
	enum store_status status = store_message_by_id(c->store, id, &row, error_r);

	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
	status = store_features_get(c->store, id, &version, &hashes, &count, error_r);
	/* Features of another meaning would be compared with counts of ours. */
	if (status == STORE_OK && version == FEATURES_VERSION &&
	    is_doubtful(c, &row, score_again(c, &row, hashes, count).score, careless))
		result = take_back(c, &row, error_r);
	else if (status != STORE_OK && status != STORE_NOT_FOUND)
		result = status_of_store(status);
	free(hashes);
	store_message_free(&row);
	return result;
}

/*
 * The one of which most can be hoped: it was near the threshold when it came, and much has come
 * since. A few distances are looked at, not all messages; each message is at each of them once.
 */
static enum classifier_status rejudge_one(struct classifier *c, int64_t newest, bool careless,
					  char **error_r)
{
	double threshold = engine_threshold(c->preferences.sedation), best = 0, lag = LAG_FIRST;
	struct store_unconfirmed found[LAGS];
	int64_t ids[LAGS], chosen = 0;
	size_t count;

	for (size_t i = 0; i < LAGS; i++, lag *= LAG_RATIO)
		ids[i] = newest - (int64_t)lag;
	enum store_status status =
		store_unconfirmed_among(c->store, ids, LAGS, found, &count, error_r);
	if (status != STORE_OK)
		return status_of_store(status);
	for (size_t i = 0; i < count; i++) {
		double hope =
			(double)(newest - found[i].id) / (1 + fabs(found[i].score - threshold));
		if (hope > best) {
			best = hope;
			chosen = found[i].id;
		}
	}
	return chosen > 0 ? rejudge(c, chosen, careless, error_r) : CLASSIFIER_OK;
}

/* The spammiest innocent messages around a spam that was reported, older than the newest row. */
static enum classifier_status rejudge_neighbours(struct classifier *c, int64_t reported,
						 int64_t newest, char **error_r)
{
	int64_t above = reported - NEIGHBOUR_WINDOW, below = reported + NEIGHBOUR_WINDOW;
	struct store_unconfirmed found[NEIGHBOURS];
	enum classifier_status result;
	size_t count = 0;

	result = status_of_store(store_unconfirmed_spammiest(c->store, above,
							     below < newest ? below : newest, found,
							     NEIGHBOURS, &count, error_r));
	for (size_t i = 0; i < count && result == CLASSIFIER_OK; i++)
		result = rejudge(c, found[i].id, true, error_r);
	return result;
}

enum classifier_status rejudge_some(struct classifier *c, int64_t newest, bool careless,
				    char **error_r)
{
	int64_t reported;
	enum classifier_status result = rejudge_one(c, newest, careless, error_r);

	if (result != CLASSIFIER_OK)
		return result;
	enum store_status status = store_reported_get(c->store, &reported, error_r);
	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
	if (careless)
		result = rejudge_neighbours(c, reported, newest, error_r);
	if (result == CLASSIFIER_OK)
		result = status_of_store(store_reported_delete(c->store, reported, error_r));
	return result;
}
