#include "spamtrain/daemon/spamtraind_backoff.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

static void the_delay_doubles_up_to_the_last(void **state)
{
	struct backoff backoff = {0};
	int64_t delay = 0, expected = BACKOFF_FIRST_MS;

	(void)state;
	for (int i = 0; i < 7; i++) {
		delay = backoff_failed(&backoff, "a@b", 1000);
		assert_int_equal(delay, expected);
		expected *= 2;
	}
	assert_int_equal(backoff_failed(&backoff, "a@b", 1000), 256000);
	assert_int_equal(backoff_failed(&backoff, "a@b", 1000), BACKOFF_LAST_MS);
	assert_int_equal(backoff_failed(&backoff, "a@b", 1000), BACKOFF_LAST_MS);
	assert_true(backoff_is_waiting(&backoff, "a@b", 1000 + BACKOFF_LAST_MS - 1));
	assert_false(backoff_is_waiting(&backoff, "a@b", 1000 + BACKOFF_LAST_MS));
	assert_true(backoff_is_known(&backoff, "a@b"));
	backoff_free(&backoff);
}

static void users_do_not_wait_for_each_other(void **state)
{
	struct backoff backoff = {0};
	char name[16];

	(void)state;
	assert_int_equal(backoff_next(&backoff), -1);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "u%d@b", i);
		backoff_failed(&backoff, name, 100 - i);
	}
	assert_int_equal(backoff_next(&backoff), 1 + BACKOFF_FIRST_MS);
	assert_false(backoff_is_waiting(&backoff, "other@b", 0));
	backoff_succeeded(&backoff, "u99@b");
	backoff_succeeded(&backoff, "other@b");
	assert_false(backoff_is_known(&backoff, "u99@b"));
	assert_true(backoff_is_known(&backoff, "u0@b"));
	assert_int_equal(backoff_next(&backoff), 2 + BACKOFF_FIRST_MS);
	backoff_forget(&backoff, 50 + BACKOFF_FIRST_MS);
	assert_int_equal(backoff.count, 50);
	assert_int_equal(backoff_next(&backoff), 51 + BACKOFF_FIRST_MS);
	backoff_free(&backoff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_delay_doubles_up_to_the_last),
		cmocka_unit_test(users_do_not_wait_for_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
