#include "score_limits.h"

#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct score_table table;

static void expect(unsigned classes, int note, int greylist, int reject)
{
	struct score_limits found = score_table_find(&table, classes);

	assert_int_equal(found.note, note);
	assert_int_equal(found.greylist, greylist);
	assert_int_equal(found.reject, reject);
}

static void set(const char *text)
{
	char *error = NULL;

	assert_int_equal(score_table_set(&table, text, &error), 0);
}

static void refuse(const char *text)
{
	char *error = NULL;

	assert_int_equal(score_table_set(&table, text, &error), -1);
	assert_non_null(error);
	free(error);
}

static int setup(void **state)
{
	const struct score_limits everybody = {3, 6, 8};

	(void)state;
	score_table_default(&table, &everybody);
	return 0;
}

static void defaults(void **state)
{
	(void)state;
	expect(CLASS_MAILBOX, 3, 6, 8);
	expect(CLASS_EXEMPT, 3, 6, 8);
	expect(CLASS_NOWHERE, 3, 6, 8);
	expect(CLASS_REDIRECT, SCORE_LIMIT_NEVER, 6, 8);
	expect(CLASS_RELAYED, SCORE_LIMIT_NEVER, 6, 8);
}

static void each_class_has_its_own(void **state)
{
	(void)state;
	set("relayed=4/-/12");
	set("redirect=-/5/7");
	set("mailbox=-2/1000/-");
	expect(CLASS_RELAYED, 4, SCORE_LIMIT_NEVER, 12);
	expect(CLASS_REDIRECT, SCORE_LIMIT_NEVER, 5, 7);
	expect(CLASS_MAILBOX, -2, 1000, SCORE_LIMIT_NEVER);
	expect(CLASS_MAILBOX | CLASS_REDIRECT, -2, 5, 7);
	expect(CLASS_TRAINING, SCORE_LIMIT_NEVER, 6, 8);
}

static void what_is_wrong_is_said(void **state)
{
	static const char *const wrong[] = {"",
					    "relayed",
					    "relayed=",
					    "relayed=1/2",
					    "relayed=1/2/3/4",
					    "relayed=1/2/x",
					    "relayed=1/2/3x",
					    "relayed=1//3",
					    "relayed=1/2/1001",
					    "relay=1/2/3",
					    "=1/2/3",
					    "relayed=--/2/3"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refuse(wrong[i]);
	expect(CLASS_RELAYED, SCORE_LIMIT_NEVER, 6, 8);
}

static void scoring_may_be_off(void **state)
{
	static const char *const never[] = {"mailbox=-/-/-", "redirect=-/-/-", "relayed=-/-/-",
					    "training=-/-/-"};

	(void)state;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		char *error = NULL;

		assert_true(score_table_is_used(&table));
		assert_int_equal(score_table_set(&table, never[i], &error), 0);
	}
	assert_false(score_table_is_used(&table));
}

static void actions(void **state)
{
	const struct score_limits limits = {3, 6, 8}, eager = {0, 0, 0};

	(void)state;
	assert_int_equal(score_action_find(&limits, 2, 1), SCORE_TAKE);
	assert_int_equal(score_action_find(&limits, 3, 1), SCORE_NOTE);
	assert_int_equal(score_action_find(&limits, 5, 1), SCORE_NOTE);
	assert_int_equal(score_action_find(&limits, 6, 1), SCORE_GREYLIST);
	assert_int_equal(score_action_find(&limits, 7, 1), SCORE_GREYLIST);
	assert_int_equal(score_action_find(&limits, 8, 1), SCORE_REJECT);
	assert_int_equal(score_action_find(&eager, 0, 1), SCORE_REJECT);
	assert_int_equal(score_action_find(&eager, 0, 0), SCORE_TAKE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(defaults, setup),
		cmocka_unit_test_setup(each_class_has_its_own, setup),
		cmocka_unit_test_setup(what_is_wrong_is_said, setup),
		cmocka_unit_test_setup(scoring_may_be_off, setup),
		cmocka_unit_test(actions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
