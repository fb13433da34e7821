#include "spamtrain/engine.h"

#include "lib/xalloc.h"

#include <math.h>
#include <stdlib.h>

/* Chosen by measurement: docs/classifier.md. */
#define CHI_STRENGTH	  0.03 /* weight of the prior, in messages */
#define CHI_DEVIATION_MIN 0.45 /* features nearer to 0.5 are left out */
#define GRAHAM_STRENGTH	  0.03
#define GRAHAM_FEATURES	  50  /* the most telling ones */
#define GRAHAM_LIMIT	  4.0 /* log-odds of one feature, at most */
#define LOGISTIC_STEP	  0.04
#define LOGISTIC_DAMPING  0.3 /* added to the sum of squares */
#define LOGISTIC_LENGTH	  300 /* features of a message whose score is taken as it is */
#define GRADIENT_MIN	  13  /* of LESSON_GRADIENT_MAX; smaller ones are left out */
#define SMOOTHING	  0.3 /* messages at either side of every score */
#define PRIOR_WEIGHT	  1.0 /* messages that stand for what is known before any history */
#define FIRST_MESSAGES	  12  /* scored of each class; until then raw scores count as well */
#define FIRST_LIMIT	  4.0 /* log-odds of a raw score, at most */
#define BINS_PER_UNIT	  25.0
#define SEDATION_DEFAULT  5
#define SEDATION_STEP	  0.5
#define THRESHOLD_DEFAULT 3.0
#define UNSURE_CENTRE	  2.0 /* below the threshold: most mail is innocent */
#define UNSURE_MARGIN	  5.0

enum { CHI_HEADER, CHI_BODY, GRAHAM, LOGISTIC_HEADER, LOGISTIC_BODY };

/* Raw scores of about this size are worth one unit of the histogram, and of log-odds before history. */
static const double bin_scale[STORE_LEARNERS] = {1.0, 1.0, 2.0, 0.2, 0.2};
static const double prior_scale[STORE_LEARNERS] = {5.0, 5.0, 10.0, 1.0, 1.0};
/* ... and of log-odds while there is next to no history. */
static const double first_scale[STORE_LEARNERS] = {5.0, 5.0, 20.0, 2.0, 2.0};

static double probability(struct token_counts counts, const struct dictionary_sums *sums,
			  double strength)
{
	double spam = counts.spam > 0 ? counts.spam : 0;
	double innocent = counts.innocent > 0 ? counts.innocent : 0;
	double spam_rate = spam / (sums->spam > 0 ? (double)sums->spam : 1);
	double innocent_rate = innocent / (sums->innocent > 0 ? (double)sums->innocent : 1);
	double n = spam + innocent;

	if (n <= 0)
		return 0.5;
	return (strength * 0.5 + n * spam_rate / (spam_rate + innocent_rate)) / (strength + n);
}

double engine_feature(struct token_counts counts, const struct dictionary_sums *sums)
{
	return probability(counts, sums, GRAHAM_STRENGTH);
}

/* ---- the learners, in one pass over the features ---- */

struct chi {
	double spam_sum, innocent_sum;
	double used;
};

struct logistic {
	double sum;
	double count;
};

struct raw {
	struct chi chi[VIEWS];
	struct logistic logistic[VIEWS];
	double *odds; /* of the features seen before, for Graham's product */
	size_t odds_count;
};

static void chi_add(struct chi *chi, double f)
{
	if (fabs(f - 0.5) < CHI_DEVIATION_MIN)
		return;
	chi->innocent_sum -= 2 * log(f);
	chi->spam_sum -= 2 * log1p(-f);
	chi->used++;
}

/* Wilson and Hilferty (1931): chi-square with k degrees of freedom as a normal deviate. */
static double chi_deviate(double x, double k)
{
	double variance = 2.0 / (9.0 * k);

	return (cbrt(x / k) - (1.0 - variance)) / sqrt(variance);
}

static double chi_score(const struct chi *chi)
{
	double degrees = 2.0 * chi->used;

	if (chi->used <= 0)
		return 0;
	return chi_deviate(chi->spam_sum, degrees) - chi_deviate(chi->innocent_sum, degrees);
}

static double weight(struct token_counts counts)
{
	const double unit = 1.0 / LESSON_GRADIENT_MAX;

	if (counts.square <= 0)
		return 0;
	return LOGISTIC_STEP * counts.gradient * unit /
	       sqrt(LOGISTIC_DAMPING + counts.square * unit * unit);
}

static double logistic_score(const struct logistic *logistic)
{
	return logistic->sum / sqrt((logistic->count + 1) / LOGISTIC_LENGTH);
}

static int compare_magnitude(const void *a, const void *b)
{
	double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

	return x > y ? -1 : x < y;
}

static double graham_score(double *odds, size_t count)
{
	double sum = 0;

	qsort(odds, count, sizeof(*odds), compare_magnitude);
	for (size_t i = 0; i < count && i < GRAHAM_FEATURES; i++)
		sum += fmax(-GRAHAM_LIMIT, fmin(GRAHAM_LIMIT, odds[i]));
	return sum;
}

static void raw_add(struct raw *raw, uint32_t hash, struct token_counts counts,
		    const struct dictionary_sums *sums)
{
	struct logistic *logistic = &raw->logistic[VIEW_OF(hash)];

	logistic->sum += weight(counts);
	logistic->count++;
	if (counts.spam <= 0 && counts.innocent <= 0)
		return;
	chi_add(&raw->chi[VIEW_OF(hash)], probability(counts, sums, CHI_STRENGTH));
	double f = probability(counts, sums, GRAHAM_STRENGTH);
	raw->odds[raw->odds_count++] = log(f / (1 - f));
}

static void raw_scores(double *scores_r, const uint32_t *hashes, const struct token_counts *counts,
		       size_t count, const struct dictionary_sums *sums)
{
	struct raw raw = {.odds = xmalloc((count + 1) * sizeof(double))};

	for (size_t i = 0; i < count; i++)
		raw_add(&raw, hashes[i], counts[i], sums);
	scores_r[CHI_HEADER] = chi_score(&raw.chi[VIEW_HEADER]);
	scores_r[CHI_BODY] = chi_score(&raw.chi[VIEW_BODY]);
	scores_r[GRAHAM] = graham_score(raw.odds, raw.odds_count);
	scores_r[LOGISTIC_HEADER] = logistic_score(&raw.logistic[VIEW_HEADER]);
	scores_r[LOGISTIC_BODY] = logistic_score(&raw.logistic[VIEW_BODY]);
	free(raw.odds);
}

/* ---- calibration ---- */

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static uint16_t bin_of(int learner, double raw)
{
	double bin = DICTIONARY_BINS / 2 + BINS_PER_UNIT * asinh(raw / bin_scale[learner]);

	return (uint16_t)fmax(0, fmin(DICTIONARY_BINS - 1, bin));
}

static double raw_of(int learner, uint16_t bin)
{
	return bin_scale[learner] * sinh((bin + 0.5 - DICTIONARY_BINS / 2) / BINS_PER_UNIT);
}

static int gradient(const uint16_t *bins, int learner, bool spam)
{
	double guess =
		bins[learner] < DICTIONARY_BINS ? sigmoid(raw_of(learner, bins[learner])) : 0.5;
	double g = LESSON_GRADIENT_MAX * ((spam ? 1 : 0) - guess);

	return fabs(g) < GRADIENT_MIN ? 0 : (int)lround(g);
}

void engine_gradients(int *gradients_r, const uint16_t *bins, enum store_class class)
{
	gradients_r[VIEW_HEADER] = gradient(bins, LOGISTIC_HEADER, class == STORE_SPAM);
	gradients_r[VIEW_BODY] = gradient(bins, LOGISTIC_BODY, class == STORE_SPAM);
}

/*
 * ln of (share of past spam at or below) / (share of past innocent at or above). Shares and not counts: the
 * classes may have been taught in any proportion and order.
 */
static double calibrated(const struct dictionary_sums *sums, int learner, double raw, int bin)
{
	const int32_t *spams = sums->scores[learner][1], *innocents = sums->scores[learner][0];
	double below = 0, above = 0, spam = 0, innocent = 0;
	double prior = sigmoid(raw / prior_scale[learner]);

	for (int i = 0; i < DICTIONARY_BINS; i++) {
		spam += spams[i];
		innocent += innocents[i];
		below += i <= bin ? spams[i] : 0;
		above += i >= bin ? innocents[i] : 0;
	}
	double known = SMOOTHING + PRIOR_WEIGHT;
	double odds =
		log((fmax(below, 0) + SMOOTHING + PRIOR_WEIGHT * prior) / (fmax(spam, 0) + known)) -
		log((fmax(above, 0) + SMOOTHING + PRIOR_WEIGHT * (1 - prior)) /
		    (fmax(innocent, 0) + known));
	double share = fmin(fmin(spam, innocent) / FIRST_MESSAGES, 1);
	double first = fmax(-FIRST_LIMIT, fmin(FIRST_LIMIT, raw / first_scale[learner]));
	return share * odds + (1 - share) * first;
}

void engine_score(struct engine_score *score_r, const uint32_t *hashes,
		  const struct token_counts *counts, size_t count,
		  const struct dictionary_sums *sums)
{
	double raw[STORE_LEARNERS], sum = 0;

	score_r->known = sums->spam >= ENGINE_CLASS_MIN && sums->innocent >= ENGINE_CLASS_MIN;
	score_r->score = 0;
	for (int i = 0; i < STORE_LEARNERS; i++)
		score_r->bins[i] = SCORE_UNKNOWN;
	if (sums->spam <= 0 || sums->innocent <= 0)
		return;
	raw_scores(raw, hashes, counts, count, sums);
	for (int i = 0; i < STORE_LEARNERS; i++) {
		score_r->bins[i] = bin_of(i, raw[i]);
		sum += calibrated(sums, i, raw[i], score_r->bins[i]);
	}
	score_r->score = sum / STORE_LEARNERS;
}

double engine_threshold(unsigned sedation)
{
	return THRESHOLD_DEFAULT + SEDATION_STEP * ((double)sedation - SEDATION_DEFAULT);
}

bool engine_is_unsure(const struct engine_score *score, double threshold)
{
	return !score->known || fabs(score->score - (threshold - UNSURE_CENTRE)) < UNSURE_MARGIN;
}
