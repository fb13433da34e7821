#include "spamtrain/engine.h"

#include "lib/xalloc.h"

#include <math.h>
#include <stdlib.h>

#define CHI_STRENGTH	  0.03 /* weight of the prior, in messages */
#define CHI_DEVIATION_MIN 0.40 /* features nearer to 0.5 are left out */
#define GRAHAM_STRENGTH	  0.30
#define GRAHAM_FEATURES	  30  /* the most telling ones */
#define GRAHAM_LIMIT	  5.0 /* log-odds of one feature, at most */
#define SMOOTHING	  0.7
#define SEDATION_DEFAULT  5
#define SEDATION_STEP	  0.5
#define THRESHOLD_DEFAULT 2.0
#define UNSURE_MARGIN	  4.0

static double probability(struct token_counts counts, const struct dictionary_sums *sums,
			  double strength)
{
	double spam = counts.spam > 0 ? counts.spam : 0;
	double innocent = counts.innocent > 0 ? counts.innocent : 0;
	double spams = sums->spam > 0 ? (double)sums->spam : 1;
	double innocents = sums->innocent > 0 ? (double)sums->innocent : 1;
	double spam_rate = spam / spams, innocent_rate = innocent / innocents;
	double n = spam + innocent;

	if (n <= 0)
		return 0.5;
	double p = spam_rate / (spam_rate + innocent_rate);
	return (strength * 0.5 + n * p) / (strength + n);
}

double engine_feature(struct token_counts counts, const struct dictionary_sums *sums)
{
	return probability(counts, sums, GRAHAM_STRENGTH);
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
		if (counts[i].spam <= 0 && counts[i].innocent <= 0)
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
		if (counts[i].spam <= 0 && counts[i].innocent <= 0)
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

static uint16_t bin_of(double raw)
{
	double bin = DICTIONARY_BINS / 2 + 24.0 * asinh(raw / 3.0);

	return (uint16_t)fmax(0, fmin(DICTIONARY_BINS - 1, bin));
}

/* ln of (past spam at or below) / (past innocent at or above). */
static double calibrated(const int32_t histogram[2][DICTIONARY_BINS], unsigned bin)
{
	double spam = 0, innocent = 0;

	for (unsigned i = 0; i <= bin; i++)
		spam += histogram[1][i];
	for (unsigned i = bin; i < DICTIONARY_BINS; i++)
		innocent += histogram[0][i];
	return log((fmax(spam, 0) + SMOOTHING) / (fmax(innocent, 0) + SMOOTHING));
}

void engine_score(struct engine_score *score_r, const struct token_counts *counts, size_t count,
		  const struct dictionary_sums *sums)
{
	*score_r = (struct engine_score){0};
	score_r->bins[0] = bin_of(chi_score(counts, count, sums));
	score_r->bins[1] = bin_of(graham_score(counts, count, sums));
	score_r->bins[2] = DICTIONARY_BINS / 2;
	score_r->known = sums->spam >= ENGINE_CLASS_MIN && sums->innocent >= ENGINE_CLASS_MIN;
	score_r->score = (calibrated(sums->scores[0], score_r->bins[0]) +
			  calibrated(sums->scores[1], score_r->bins[1])) /
			 2;
}

double engine_threshold(unsigned sedation)
{
	return THRESHOLD_DEFAULT + SEDATION_STEP * ((double)sedation - SEDATION_DEFAULT);
}

bool engine_is_unsure(const struct engine_score *score, double threshold)
{
	return !score->known || fabs(score->score - threshold) < UNSURE_MARGIN;
}
