/*
 * engine.h - the learners: from counts of features to a calibrated score. Pure arithmetic, no
 * store.
 *
 * Two learners read the same counts: Fisher's chi-square over all telling features (Robinson, 2003)
 * and a product over the most telling ones (Graham, 2002). Their raw scores cannot be compared with
 * each other or over time, so each is turned into log-odds by where it lies among the scores that
 * the user's own past spam and innocent mail had; the mean of these is the score.
 */
#ifndef SHOVELER_ENGINE_H
#define SHOVELER_ENGINE_H

#include "schema/dictionary.h"

#include <stdbool.h>
#include <stddef.h>

#define ENGINE_CLASS_MIN 5 /* messages of each class, until then everything is innocent */

struct engine_score {
	double score;		       /* calibrated log-odds of spam; 0 when nothing is known */
	bool known;		       /* false: too little was learned to say anything */
	uint16_t bins[STORE_LEARNERS]; /* where the learners' raw scores lie in the histograms */
};

void engine_score(struct engine_score *score_r, const struct token_counts *counts, size_t count,
		  const struct dictionary_sums *sums);

/* The score from which on a message is spam, by statisticalSedation 0..10. */
double engine_threshold(unsigned sedation);

/* Should TUM learn a message of this score? */
bool engine_is_unsure(const struct engine_score *score, double threshold);

/* How much a feature speaks for spam: 0..1, 0.5 is nothing. */
double engine_feature(struct token_counts counts, const struct dictionary_sums *sums);

#endif
