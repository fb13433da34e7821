/* The score: nothing from nothing, an opinion at first, the steps of sensitivity in order. */
#include "spamtrain/engine/engine.h"

#include "lib/xalloc.h"
#include "spamtrain/engine/features.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static double score_of(const uint32_t *hashes, const struct token_counts *counts, size_t count,
		       const struct dictionary_sums *sums, bool *known_r)
{
	struct engine_score score;

	engine_score(&score, hashes, counts, count, sums);
	if (known_r != NULL)
		*known_r = score.known;
	return score.score;
}

static void test_sensitivity(void **state)
{
	(void)state;
	for (unsigned step = 1; step <= 10; step++)
		assert_true(engine_threshold(step) > engine_threshold(step - 1));
	assert_true(engine_threshold(99) >= engine_threshold(10));
}

static void test_nothing_known(void **state)
{
	struct dictionary_sums *sums = xcalloc(1, sizeof(*sums));
	struct token_counts none = {0, 0, 0, 0};
	uint32_t good = FEATURE_OPINION_HASH(10), bad = FEATURE_OPINION_HASH(60);
	bool known = true;

	(void)state;
	assert_true(score_of(NULL, NULL, 0, sums, &known) == 0);
	assert_false(known);
	assert_true(score_of(&good, &none, 1, sums, NULL) < 0);
	assert_true(score_of(&bad, &none, 1, sums, &known) > 0);
	assert_false(known);
	free(sums);
}

/* Who knows one class only must not find everything to be of it. */
static void test_one_class_known(void **state)
{
	struct dictionary_sums *sums = xcalloc(1, sizeof(*sums));
	struct token_counts always = {1000, 0, 100, 10000};
	uint32_t word = 0x10 | VIEW_WORD;
	bool known = true;

	(void)state;
	sums->spam = 1000;
	assert_true(score_of(&word, &always, 1, sums, &known) == 0);
	assert_false(known);
	free(sums);
}

/* A word of spam speaks for spam, the more messages had it the louder; and the reverse. */
static void test_direction(void **state)
{
	struct dictionary_sums *sums = xcalloc(1, sizeof(*sums));
	struct token_counts spam = {20, 0, 0, 0}, innocent = {0, 20, 0, 0}, both = {20, 20, 0, 0};
	uint32_t word = 0x10 | VIEW_WORD;
	bool known = false;

	(void)state;
	sums->spam = sums->innocent = 50;
	assert_true(score_of(&word, &spam, 1, sums, &known) > 0);
	assert_true(known);
	assert_true(score_of(&word, &innocent, 1, sums, NULL) < 0);
	double even = score_of(&word, &both, 1, sums, NULL);
	assert_true(even > -0.001 && even < 0.001);
	free(sums);
}

/* What past mail scored decides what a score means. */
static void test_calibration(void **state)
{
	struct dictionary_sums *sums = xcalloc(1, sizeof(*sums));
	struct token_counts spam = {20, 0, 0, 0};
	uint32_t word = 0x10 | VIEW_WORD;
	struct engine_score score;

	(void)state;
	sums->spam = sums->innocent = 50;
	engine_score(&score, &word, &spam, 1, sums);
	uint16_t bin = score.bins[VIEW_WORD];
	for (int learner = 0; learner < STORE_LEARNERS; learner++)
		for (int class = 0; class < 2; class ++)
			sums->scores[learner][class][score.bins[learner]] = 100;
	double same = score_of(&word, &spam, 1, sums, NULL);
	sums->scores[VIEW_WORD][0][bin] = 0;
	sums->scores[VIEW_WORD][0][1] = 100; /* innocent mail scored far lower */
	assert_true(score_of(&word, &spam, 1, sums, NULL) > same);
	sums->scores[VIEW_WORD][0][1] = 0;
	sums->scores[VIEW_WORD][0][bin] = 100;
	sums->scores[VIEW_WORD][1][bin] = 0;
	sums->scores[VIEW_WORD][1][DICTIONARY_BINS - 1] = 100; /* spam scored far higher */
	assert_true(score_of(&word, &spam, 1, sums, NULL) < same);
	free(sums);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sensitivity),	cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_one_class_known), cmocka_unit_test(test_direction),
		cmocka_unit_test(test_calibration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
