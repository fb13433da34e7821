#include "suspects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void crashes_are_counted_by_content(void **state)
{
	XXH128_hash_t a = XXH3_128bits("a", 1), b = XXH3_128bits("b", 1);

	(void)state;
	assert_int_equal(suspects_crashes(a), 0);
	assert_int_equal(suspects_crashed(a), 1);
	assert_int_equal(suspects_crashed(a), 2);
	assert_int_equal(suspects_crashed(b), 1);
	assert_int_equal(suspects_crashes(a), 2);
}

static void splits_end_when_the_others_have_it(void **state)
{
	(void)state;
	assert_false(suspects_is_split("203.0.113.1", "a@b.test"));
	suspects_split("203.0.113.1", "a@b.test");
	assert_true(suspects_is_split("203.0.113.1", "a@b.test"));
	assert_false(suspects_is_split("203.0.113.2", "a@b.test"));
	assert_false(suspects_is_split("203.0.113.1", "c@b.test"));
	suspects_unsplit("203.0.113.1", "c@b.test");
	assert_true(suspects_is_split("203.0.113.1", "a@b.test"));
	suspects_unsplit("203.0.113.1", "a@b.test");
	assert_false(suspects_is_split("203.0.113.1", "a@b.test"));
}

static void memory_is_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SUSPECTS_MAX + 10; i++)
		suspects_crashed(XXH3_128bits(&i, sizeof(i)));
	for (unsigned i = SUSPECTS_MAX; i < SUSPECTS_MAX + 10; i++)
		assert_int_equal(suspects_crashes(XXH3_128bits(&i, sizeof(i))), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes_are_counted_by_content),
		cmocka_unit_test(splits_end_when_the_others_have_it),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
