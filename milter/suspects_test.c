#include "suspects.h"

#include "lib/xalloc.h"
#include "lib/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
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

/* A restart is another process with the same folder. */
static void both_survive_a_restart(void **state)
{
	XXH128_hash_t bomb = XXH3_128bits("bomb", 4);
	char folder[] = "/tmp/suspects.XXXXXX";
	pid_t child;
	int status;

	(void)state;
	assert_non_null(mkdtemp(folder));
	child = fork();
	if (child == 0) {
		suspects_open(folder);
		suspects_crashed(bomb);
		suspects_split("203.0.113.9", "a@b.test");
		_exit(suspects_crashed(bomb));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 2);
	suspects_open(folder);
	assert_int_equal(suspects_crashes(bomb), 2);
	assert_true(suspects_is_split("203.0.113.9", "a@b.test"));
	/* The oldest still make room. */
	for (unsigned i = 0; i < SUSPECTS_MAX - 1; i++)
		suspects_crashed(XXH3_128bits(&i, sizeof(i)));
	assert_int_equal(suspects_crashes(bomb), 2);
	suspects_crashed(XXH3_128bits("last", 4));
	assert_int_equal(suspects_crashes(bomb), 0);
	test_folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes_are_counted_by_content),
		cmocka_unit_test(splits_end_when_the_others_have_it),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(both_survive_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
