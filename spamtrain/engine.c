#include "spamtrain/engine.h"

#include "lib/xalloc.h"

#include <math.h>
#include <stdlib.h>

/* Chosen by measurement on one half of the public corpus: docs/classifier.md. */
#define CHI_STRENGTH	  0.03 /* weight of the prior, in messages */
#define CHI_DEVIATION_MIN 0.40 /* features nearer to 0.5 are left out */
#define GRAHAM_STRENGTH	  0.05
#define GRAHAM_FEATURES	  30  /* the most telling ones */
#define GRAHAM_LIMIT	  4.0 /* log-odds of one feature, at most */
#define LOGISTIC_STEP	  0.03
#define LOGISTIC_DAMPING  0.3 /* added to the sum of squares */
#define LOGISTIC_LENGTH	  300 /* features of a message whose score is taken as it is */
#define GRADIENT_MIN	  6   /* of LESSON_GRADIENT_MAX; smaller ones are left out */
#define SMOOTHING	  0.2 /* messages at either side of every score */
#define PRIOR_WEIGHT	  3.0 /* messages that stand for what is known before any history */
#define BINS_PER_OCTAVE	  25.0
#define SEDATION_DEFAULT  5
#define SEDATION_STEP	  0.5
#define THRESHOLD_DEFAULT 2.0
#define UNSURE_MARGIN	  4.0

enum { CHI, GRAHAM, LOGISTIC };

/* Raw scores of about this size are worth one unit of the histogram, and of log-odds before
 * history. */
static const double bin_scale[STORE_LEARNERS] = {1.0, 2.0, 0.2};
static const double prior_scale[STORE_LEARNERS] = {5.0, 10.0, 1.0};

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

static bool is_seen(struct token_counts counts)
{
	return counts.spam > 0 || counts.innocent > 0;
}

/* Wilson and Hilferty (1931): chi-square with k degrees of freedom as a normal deviate. */
static double chi_deviate(double x, double k)
{
	double variance = 2.0 / (9.0 * k);

	return (cbrt(x / k) - (1.0 - variance)) / sqrt(variance);
}

static double chi_score(const struct token_counts *counts, size_t count,
			const struct dictionary_sums *sums)
{
	double spam_sum = 0, innocent_sum = 0;
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_seen(counts[i]))
			continue;
		double f = probability(counts[i], sums, CHI_STRENGTH);
		if (fabs(f - 0.5) < CHI_DEVIATION_MIN)
			continue;
		innocent_sum -= 2 * log(f);
		spam_sum -= 2 * log1p(-f);
		used++;
	}
	if (used == 0)
		return 0;
	double degrees = 2.0 * (double)used;
	return chi_deviate(spam_sum, degrees) - chi_deviate(innocent_sum, degrees);
}

static int compare_magnitude(const void *a, const void *b)
{
	double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

	return x > y ? -1 : x < y;
}

static double graham_score(const struct token_counts *counts, size_t count,
			   const struct dictionary_sums *sums)
{
	double *odds = xmalloc((count + 1) * sizeof(*odds));
	size_t used = 0;
	double sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_seen(counts[i]))
			continue;
		double f = probability(counts[i], sums, GRAHAM_STRENGTH);
		odds[used++] = log(f / (1 - f));
	}
	qsort(odds, used, sizeof(*odds), compare_magnitude);
	for (size_t i = 0; i < used && i < GRAHAM_FEATURES; i++)
		sum += fmax(-GRAHAM_LIMIT, fmin(GRAHAM_LIMIT, odds[i]));
	free(odds);
	return sum;
}

static double weight(double gradient, double square)
{
	const double unit = 1.0 / LESSON_GRADIENT_MAX;

	if (square <= 0)
		return 0;
	return LOGISTIC_STEP * gradient * unit / sqrt(LOGISTIC_DAMPING + square * unit * unit);
}

static double logistic_score(const struct token_counts *counts, size_t count,
			     const struct dictionary_sums *sums)
{
	double sum = weight((double)sums->gradient, (double)sums->square);

	for (size_t i = 0; i < count; i++)
		sum += weight(counts[i].gradient, counts[i].square);
	return sum / sqrt((double)(count > 0 ? count : 1) / LOGISTIC_LENGTH);
}

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* ---- calibration ---- */

static uint16_t bin_of(int learner, double raw)
{
	double bin = DICTIONARY_BINS / 2 + BINS_PER_OCTAVE * asinh(raw / bin_scale[learner]);

	return (uint16_t)fmax(0, fmin(DICTIONARY_BINS - 1, bin));
}

static double raw_of(int learner, uint16_t bin)
{
	return bin_scale[learner] * sinh((bin + 0.5 - DICTIONARY_BINS / 2) / BINS_PER_OCTAVE);
}

int engine_gradient(const uint16_t *bins, enum store_class class)
{
	double spam =
		bins[LOGISTIC] < DICTIONARY_BINS ? sigmoid(raw_of(LOGISTIC, bins[LOGISTIC])) : 0.5;
	double gradient = LESSON_GRADIENT_MAX * ((class == STORE_SPAM ? 1 : 0) - spam);

	return fabs(gradient) < GRADIENT_MIN ? 0 : (int)lround(gradient);
}

/* ln of (past spam at or below) / (past innocent at or above). */
static double calibrated(const struct dictionary_sums *sums, int learner, double raw, unsigned bin)
{
	double spam = 0, innocent = 0;
	double prior = sigmoid(raw / prior_scale[learner]);

	for (unsigned i = 0; i <= bin; i++)
		spam += sums->scores[learner][1][i];
	for (unsigned i = bin; i < DICTIONARY_BINS; i++)
		innocent += sums->scores[learner][0][i];
	return log((fmax(spam, 0) + SMOOTHING + PRIOR_WEIGHT * prior) /
		   (fmax(innocent, 0) + SMOOTHING + PRIOR_WEIGHT * (1 - prior)));
}

void engine_score(struct engine_score *score_r, const struct token_counts *counts, size_t count,
		  const struct dictionary_sums *sums)
{
	double raw[STORE_LEARNERS], sum = 0;

	score_r->known = sums->spam >= ENGINE_CLASS_MIN && sums->innocent >= ENGINE_CLASS_MIN;
	score_r->score = 0;
	for (int i = 0; i < STORE_LEARNERS; i++)
		score_r->bins[i] = SCORE_UNKNOWN;
	if (sums->spam <= 0 || sums->innocent <= 0)
		return;
	raw[CHI] = chi_score(counts, count, sums);
	raw[GRAHAM] = graham_score(counts, count, sums);
	raw[LOGISTIC] = logistic_score(counts, count, sums);
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
	return !score->known || fabs(score->score - threshold) < UNSURE_MARGIN;
}
