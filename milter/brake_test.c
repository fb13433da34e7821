#include "brake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void holds_what_is_beyond_the_limit(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(brake_count("A", 3, 1000), BRAKE_OFF);
	assert_int_equal(brake_count("A", 3, 1000), BRAKE_BEGUN);
	assert_int_equal(brake_count("A", 3, 1001), BRAKE_ON);
	assert_int_equal(brake_count("A", 3, 2000), BRAKE_ON);
	assert_int_equal(brake_count("B", 3, 2000), BRAKE_OFF);
	/* Another hour, another chance. */
	assert_int_equal(brake_count("A", 3, 1000 + BRAKE_PERIOD_S), BRAKE_OFF);
	assert_int_equal(brake_count("A", 0, 1000), BRAKE_OFF);
}

static void is_bounded(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 3 * BRAKE_MAX_SIGNATURES; i++) {
		snprintf(name, sizeof(name), "Many-%d", i);
		assert_int_equal(brake_count(name, 1, 5000 + i), BRAKE_OFF);
	}
	assert_int_equal(brake_count(name, 1, 5000 + 3 * BRAKE_MAX_SIGNATURES), BRAKE_BEGUN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_what_is_beyond_the_limit),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
