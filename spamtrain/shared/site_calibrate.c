#include "spamtrain/shared/site_calibrate.h"

#include "lib/xalloc.h"
#include "spamtrain/engine/engine.h"
#include "spamtrain/engine/features.h"
#include "spamtrain/user/users.h"

#include <stdlib.h>

/* A user's share of messages beyond each score, of 65535. */
struct shares {
	uint16_t of[STORE_LEARNERS][DICTIONARY_BINS];
};

/* [0] innocent, [1] spam */
struct job {
	const struct site_build *build;
	const struct site_dictionary *dictionary;
	struct dictionary_sums *sums; /* what a new user knows */
	struct shares *users[2];
	size_t count[2];
	bool given_up;
};

struct scored {
	const struct job *job;
	uint32_t bins[2][STORE_LEARNERS][DICTIONARY_BINS];
	uint32_t messages[2];
};

static bool score(void *context, enum store_class class, unsigned version, const uint32_t *hashes,
		  size_t count)
{
	struct scored *scored = context;
	int c = class == STORE_SPAM;
	struct engine_score result;

	if (version == FEATURES_VERSION && scored->messages[c] < SITE_CALIBRATE_MESSAGES) {
		struct token_counts *counts = xcalloc(count + 1, sizeof(*counts));
		site_dictionary_add(scored->job->dictionary, SITE_WEIGHT, hashes, count, counts);
		engine_score(&result, hashes, counts, count, scored->job->sums);
		for (int learner = 0; learner < STORE_LEARNERS; learner++)
			if (result.bins[learner] < DICTIONARY_BINS)
				scored->bins[c][learner][result.bins[learner]]++;
		scored->messages[c]++;
		free(counts);
	}
	return scored->messages[0] < SITE_CALIBRATE_MESSAGES ||
	       scored->messages[1] < SITE_CALIBRATE_MESSAGES;
}

static uint16_t share_of(uint32_t part, uint32_t whole)
{
	return (uint16_t)((uint64_t)part * UINT16_MAX / whole);
}

/* Of spam so many score as low, of innocent mail as high. */
static void shares_set(struct shares *shares, const struct scored *scored, int c)
{
	for (int learner = 0; learner < STORE_LEARNERS; learner++) {
		uint32_t sum = 0;
		for (int i = 0; i < DICTIONARY_BINS; i++) {
			int bin = c == 1 ? i : DICTIONARY_BINS - 1 - i;
			sum += scored->bins[c][learner][bin];
			shares->of[learner][bin] = share_of(sum, scored->messages[c]);
		}
	}
}

static bool user_score(void *context, const char *user)
{
	struct job *job = context;
	struct scored *scored = xcalloc(1, sizeof(*scored));
	char *error = NULL;

	scored->job = job;
	job->given_up = job->build->next != NULL && !job->build->next(job->build->context);
	/* Who cannot be read was logged when he was asked first. */
	if (!job->given_up &&
	    site_user_confirmed(job->build, user, score, scored, &error) == STORE_OK) {
		for (int c = 0; c < 2; c++) {
			if (scored->messages[c] < SITE_USER_MINIMUM ||
			    job->count[c] == SITE_CALIBRATE_USERS)
				continue;
			job->users[c] = xrealloc(job->users[c],
						 (job->count[c] + 1) * sizeof(*job->users[c]));
			shares_set(&job->users[c][job->count[c]++], scored, c);
		}
	}
	free(error);
	free(scored);
	return !job->given_up &&
	       (job->count[0] < SITE_CALIBRATE_USERS || job->count[1] < SITE_CALIBRATE_USERS);
}

static int compare(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The mean without the highest quorum - 1. */
static uint16_t mean_of(uint16_t *values, size_t count, size_t quorum)
{
	uint64_t sum = 0;

	if (count < quorum)
		return UINT16_MAX;
	qsort(values, count, sizeof(*values), compare);
	for (size_t i = 0; i <= count - quorum; i++)
		sum += values[i];
	return (uint16_t)(sum / (count - quorum + 1));
}

static void means_set(const struct job *job, struct site_header *header, int c)
{
	uint16_t *values = xmalloc((job->count[c] + 1) * sizeof(*values));

	for (int learner = 0; learner < STORE_LEARNERS; learner++) {
		for (int bin = 0; bin < DICTIONARY_BINS; bin++) {
			for (size_t user = 0; user < job->count[c]; user++)
				values[user] = job->users[c][user].of[learner][bin];
			header->shares[learner][c][bin] =
				mean_of(values, job->count[c], header->quorum);
		}
	}
	free(values);
}

int site_calibrate(const struct site_build *build, const struct site_dictionary *dictionary,
		   struct site_header *header, char **error_r)
{
	struct job job = {
		.build = build, .dictionary = dictionary, .sums = xcalloc(1, sizeof(*job.sums))};

	job.sums->spam = job.sums->innocent = SITE_WEIGHT;
	int result = users_each(build->users_directory, user_score, &job, error_r);
	if (result == 0 && job.given_up) {
		*error_r = xasprintf("%s: given up", build->file);
		result = -1;
	}
	for (int c = 0; c < 2; c++) {
		if (result == 0)
			means_set(&job, header, c);
		free(job.users[c]);
	}
	free(job.sums);
	return result;
}
