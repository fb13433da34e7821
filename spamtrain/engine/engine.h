/*
 * engine.h - the learners: from counts of features to a calibrated score. Pure arithmetic, no
 * store.
 *
 * All learners read sums of integers, so that a lesson can be taken back exactly:
 * - Fisher's chi-square over the telling features (Robinson, "A Statistical Approach to the Spam
 *   Problem", 2003), once for each view of the message;
 * - a product over the most telling features of all (Graham, "A Plan for Spam", 2002);
 * - logistic regression by dual averaging with a step of its own for each feature (Xiao, 2010;
 *   Duchi, Hazan and Singer, 2011), for header and body apart: a feature's weight follows from the
 *   sums of the gradients of the lessons that held it, and of their squares;
 * - naive Bayes over a few dozen facts that every message has;
 * - an opinion that needs no learning (features_opinion.c), of some weight while little is learned.
 * Their raw scores cannot be compared with each other or over time, so each is turned into
 * log-odds by where it lies among the scores that the user's own past spam and innocent mail had
 * when it came; the weighted mean of these is the score. Views that are judged apart are worth a
 * third of the errors: a strange text from a known sender, or the reverse, is then unsure instead
 * of wrong.
 */
#ifndef SHOVELER_ENGINE_H
#define SHOVELER_ENGINE_H

#include "schema/dictionary.h"

#include <stdbool.h>
#include <stddef.h>

#define ENGINE_CLASS_MIN 5 /* messages of each class; until then every verdict is innocent */

struct engine_score {
	double score; /* calibrated log-odds of spam; an opinion when nothing is known */
	bool known;   /* false: too little was learned for a verdict */
	uint16_t bins[STORE_LEARNERS]; /* where the raw scores lie in the histograms */
};

/* counts[i] are those of hashes[i]. */
void engine_score(struct engine_score *score_r, const uint32_t *hashes,
		  const struct token_counts *counts, size_t count,
		  const struct dictionary_sums *sums);

/* The score from which on a message is spam, by statisticalSedation 0..10. */
double engine_threshold(unsigned sedation);

/* Should TUM learn a message of this score? */
bool engine_is_unsure(const struct engine_score *score);

/*
 * The gradients of a lesson (schema/dictionary.h): how far the logistic learners were from what is
 * taught when the message came. spam: 1 or 0 where the class is sure; the verdict's own probability
 * where it is not. They follow from the message's row alone, so that taking back finds the same.
 */
void engine_gradients(int *gradients_r, const uint16_t *bins, double spam);

/* How much a feature speaks for spam: 0..1, 0.5 is nothing. */
double engine_feature(struct token_counts counts, const struct dictionary_sums *sums);

#endif
