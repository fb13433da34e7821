#include "spamtrain/engine/engine.h"

#include "lib/xalloc.h"
#include "spamtrain/engine/features.h"

#include <math.h>
#include <stdlib.h>

/* Chosen by measurement: docs/classifier.md. */
#define CHI_STRENGTH	  0.05 /* weight of the prior, in messages */
#define CHI_DEVIATION_MIN 0.45 /* features nearer to 0.5 are left out */
#define CHI_DENSITY	  0.4  /* power of the number of features by which the deviate is divided */
#define GRAHAM_STRENGTH	  0.03
#define GRAHAM_FEATURES	  50  /* the most telling ones */
#define GRAHAM_LIMIT	  4.0 /* log-odds of one feature, at most */
#define LOGISTIC_STEP	  0.05
#define LOGISTIC_DAMPING  0.3 /* added to the sum of squares */
#define LOGISTIC_LENGTH	  400 /* features of a message whose score is taken as it is */
#define GRADIENT_MIN	  13  /* of LESSON_GRADIENT_MAX; smaller ones are left out */
#define FACT_STRENGTH	  0.1 /* weight of the prior, in messages */
#define PRIOR_MESSAGES	  2.0 /* of each class: where raw scores lie before any are known */
#define PRIOR_FLOOR	  0.1 /* of them lie anywhere */
#define BULK_MESSAGES	  50  /* learned of each class, few of them scored: raw scores count ... */
#define BULK_LIMIT	  4.0 /* ... as these log-odds, at most */
#define OPINION_WEIGHT	  5.0 /* more at the beginning */
#define OPINION_MESSAGES  10  /* learned of each class, and half of it is gone */
#define BINS_PER_UNIT	  25.0
#define UNSURE_CENTRE	  0.5
#define UNSURE_MARGIN	  4.0

/* Chi-square of each view comes first, by enum feature_view, but for two slots: */
enum {
	OPINION = VIEW_FACT, /* facts have no chi-square */
	GRAHAM = 6,
	LOGISTIC_HEADER = 7,
	FACTS = 11, /* the copies of the subject's words count as subject */
	LOGISTIC_BODY = 12
};

struct learner {
	double weight;	  /* in the mean */
	double bin_scale; /* raw scores of about this size are one unit of the histogram */
	double scale;	  /* ... and of log-odds, before any are known */
};

#define CHI_LEARNER(weight)                                                                        \
	{                                                                                          \
		weight, 0.3, 1.0                                                                   \
	}

static const struct learner learners[STORE_LEARNERS] = {
	[VIEW_SENDER] = CHI_LEARNER(1.0),     [VIEW_SUBJECT] = CHI_LEARNER(1.0),
	[VIEW_FIELD_WORD] = CHI_LEARNER(0.5), [VIEW_FIELD_PAIR] = CHI_LEARNER(0.5),
	[VIEW_ROUTE] = CHI_LEARNER(1.0),      [OPINION] = {0.5, 1.0, 1.0},
	[GRAHAM] = {0.5, 2.0, 20.0},	      [LOGISTIC_HEADER] = {1.0, 0.2, 2.0},
	[VIEW_WORD] = CHI_LEARNER(1.0),	      [VIEW_PAIR] = CHI_LEARNER(1.0),
	[VIEW_LINK] = CHI_LEARNER(0.5),	      [FACTS] = {0.5, 1.0, 2.0},
	[LOGISTIC_BODY] = {1.5, 0.2, 2.0},
};

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

struct facts {
	double sum, count;
};

struct raw {
	struct chi chi[FEATURE_VIEWS];
	struct logistic logistic[SIDES];
	struct facts facts;
	double opinion;
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

/*
 * The difference of two chi-squares as normal deviates (Wilson and Hilferty, 1931), which cannot
 * saturate; divided by a power of the number of features: how dense the evidence is, not how much
 * there is.
 */
static double chi_score(const struct chi *chi)
{
	double k = chi->used;

	if (k <= 0)
		return 0;
	return (cbrt(chi->spam_sum / (2 * k)) - cbrt(chi->innocent_sum / (2 * k))) * 3 *
	       pow(k, 0.5 - CHI_DENSITY);
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

/*
 * Of the largest by magnitude; of equal ones the first. Their order is kept while they are found.
 */
static double graham_score(const double *odds, size_t count)
{
	double most[GRAHAM_FEATURES], sum = 0;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		size_t at = kept;
		if (kept == GRAHAM_FEATURES) {
			if (fabs(odds[i]) <= fabs(most[kept - 1]))
				continue;
			at = --kept;
		}
		for (; at > 0 && fabs(most[at - 1]) < fabs(odds[i]); at--)
			most[at] = most[at - 1];
		most[at] = odds[i];
		kept++;
	}
	for (size_t i = 0; i < kept; i++)
		sum += fmax(-GRAHAM_LIMIT, fmin(GRAHAM_LIMIT, most[i]));
	return sum;
}

static void fact_add(struct facts *facts, struct token_counts counts,
		     const struct dictionary_sums *sums)
{
	double spam = (fmax(counts.spam, 0) + FACT_STRENGTH) /
		      (fmax((double)sums->spam, 0) + 2 * FACT_STRENGTH);
	double innocent = (fmax(counts.innocent, 0) + FACT_STRENGTH) /
			  (fmax((double)sums->innocent, 0) + 2 * FACT_STRENGTH);

	facts->sum += log(spam / innocent);
	facts->count++;
}

static void raw_add(struct raw *raw, uint32_t hash, struct token_counts counts,
		    const struct dictionary_sums *sums)
{
	enum feature_view view = FEATURE_VIEW(hash);
	bool seen = counts.spam > 0 || counts.innocent > 0;

	if (view == VIEW_OPINION) {
		raw->opinion = FEATURE_OPINION(hash);
		return;
	}
	if (view == VIEW_FACT) {
		if (seen)
			fact_add(&raw->facts, counts, sums);
		for (int side = 0; side < SIDES; side++)
			raw->logistic[side].sum += weight(counts);
		return;
	}
	struct logistic *logistic = &raw->logistic[SIDE_OF(hash)];
	logistic->sum += weight(counts);
	logistic->count++;
	if (!seen)
		return;
	double f = probability(counts, sums, CHI_STRENGTH);
	chi_add(&raw->chi[view == VIEW_SUBJECT_COPY ? VIEW_SUBJECT : view], f);
	f = probability(counts, sums, GRAHAM_STRENGTH);
	raw->odds[raw->odds_count++] = log(f / (1 - f));
}

static void raw_scores(double *scores_r, const uint32_t *hashes, const struct token_counts *counts,
		       size_t count, const struct dictionary_sums *sums)
{
	struct raw raw = {.odds = xmalloc((count + 1) * sizeof(double))};

	for (size_t i = 0; i < count; i++)
		raw_add(&raw, hashes[i], counts[i], sums);
	for (int view = 0; view < FEATURE_VIEWS; view++)
		scores_r[view] = chi_score(&raw.chi[view]);
	scores_r[OPINION] = raw.opinion;
	scores_r[GRAHAM] = graham_score(raw.odds, raw.odds_count);
	scores_r[LOGISTIC_HEADER] = logistic_score(&raw.logistic[SIDE_HEADER]);
	scores_r[LOGISTIC_BODY] = logistic_score(&raw.logistic[SIDE_BODY]);
	scores_r[FACTS] = raw.facts.count > 0 ? raw.facts.sum / sqrt(raw.facts.count) : 0;
	free(raw.odds);
}

/* ---- calibration ---- */

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static uint16_t bin_of(int learner, double raw)
{
	double bin = DICTIONARY_BINS / 2 + BINS_PER_UNIT * asinh(raw / learners[learner].bin_scale);

	return (uint16_t)fmax(0, fmin(DICTIONARY_BINS - 1, bin));
}

static double raw_of(int learner, uint16_t bin)
{
	return learners[learner].bin_scale *
	       sinh((bin + 0.5 - DICTIONARY_BINS / 2) / BINS_PER_UNIT);
}

static int gradient(const uint16_t *bins, int learner, double spam)
{
	double guess =
		bins[learner] < DICTIONARY_BINS ? sigmoid(raw_of(learner, bins[learner])) : 0.5;
	double g = LESSON_GRADIENT_MAX * (spam - guess);

	return fabs(g) < GRADIENT_MIN ? 0 : (int)lround(g);
}

void engine_gradients(int *gradients_r, const uint16_t *bins, double spam)
{
	gradients_r[SIDE_HEADER] = gradient(bins, LOGISTIC_HEADER, spam);
	gradients_r[SIDE_BODY] = gradient(bins, LOGISTIC_BODY, spam);
}

/*
 * Who learns an archive, one class after the other, knows much, but has no scores of the class that
 * came first, as there was nothing to compare it with. 1 in this case, 0 when mail came one by one.
 */
static double bulk_learned(const struct dictionary_sums *sums, double scored)
{
	double fewest = fmin(fmin((double)sums->spam, (double)sums->innocent), BULK_MESSAGES);

	return fmax(0, fmin(1, (fewest - 2 * fmax(scored, 0)) / (BULK_MESSAGES / 2.0)));
}

/* The share of messages at or below a score, before any are known. */
static double prior(double score)
{
	return PRIOR_FLOOR + (1 - PRIOR_FLOOR) * sigmoid(score);
}

/*
 * ln of (share of past spam at or below) / (share of past innocent at or above). Shares and not
 * counts: the classes may have been taught in any proportion and order.
 */
static double calibrated(const struct dictionary_sums *sums, int learner, double raw, int bin)
{
	const int32_t *spams = sums->scores[learner][1], *innocents = sums->scores[learner][0];
	double score = raw / learners[learner].scale;
	double below = 0, above = 0, spam = 0, innocent = 0;

	for (int i = 0; i < DICTIONARY_BINS; i++) {
		spam += spams[i];
		innocent += innocents[i];
		below += i <= bin ? spams[i] : 0;
		above += i >= bin ? innocents[i] : 0;
	}
	double bulk = bulk_learned(sums, fmin(spam, innocent));
	below = fmax(below, 0) + PRIOR_MESSAGES * prior(score);
	above = fmax(above, 0) + PRIOR_MESSAGES * prior(-score);
	double odds = log(below / (fmax(spam, 0) + PRIOR_MESSAGES)) -
		      log(above / (fmax(innocent, 0) + PRIOR_MESSAGES));
	double first = BULK_LIMIT * fmax(-1, fmin(1, score));
	return (1 - bulk) * odds + bulk * first;
}

static double weight_of(int learner, const struct dictionary_sums *sums)
{
	double fewest = fmax(0, fmin((double)sums->spam, (double)sums->innocent));
	double more = OPINION_WEIGHT * OPINION_MESSAGES / (OPINION_MESSAGES + fewest);

	return learners[learner].weight + (learner == OPINION ? more : 0);
}

/*
 * Scores of a filter that knows next to nothing of one class would be a false measure for later
 * ones. The logistic learners need theirs for the gradients.
 */
static bool is_measure(int learner, const struct engine_score *score)
{
	return score->known || learner == OPINION || learner == LOGISTIC_HEADER ||
	       learner == LOGISTIC_BODY;
}

void engine_score(struct engine_score *score_r, const uint32_t *hashes,
		  const struct token_counts *counts, size_t count,
		  const struct dictionary_sums *sums)
{
	bool both = sums->spam > 0 && sums->innocent > 0;
	double raw[STORE_LEARNERS], sum = 0, weights = 0;

	score_r->known = sums->spam >= ENGINE_CLASS_MIN && sums->innocent >= ENGINE_CLASS_MIN;
	raw_scores(raw, hashes, counts, count, sums);
	for (int i = 0; i < STORE_LEARNERS; i++) {
		double share = weight_of(i, sums);
		weights += share;
		score_r->bins[i] = SCORE_UNKNOWN;
		if (!both && i != OPINION)
			continue; /* who knows one class only finds everything to be of it */
		uint16_t bin = bin_of(i, raw[i]);
		sum += share * calibrated(sums, i, raw[i], bin);
		if (is_measure(i, score_r))
			score_r->bins[i] = bin;
	}
	score_r->score = sum / weights;
}

double engine_threshold(unsigned sedation)
{
	static const double thresholds[] = {0.4, 0.8, 1.2, 1.6, 2.0, 2.35, 2.7, 3.1, 3.6, 4.1, 4.6};

	return thresholds[sedation <= 10 ? sedation : 10];
}

bool engine_is_unsure(const struct engine_score *score)
{
	return !score->known || fabs(score->score - UNSURE_CENTRE) < UNSURE_MARGIN;
}
