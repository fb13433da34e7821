#include "postfix_maps.h"
#include "test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

/* Postfix's own postmap, with a main.cf of our own; skipped where there is none. */
static char folder[] = "/tmp/postfix_maps_test.XXXXXX";
static char map[64];

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	test_folder_write(folder, "main.cf", "compatibility_level = 3.6\n");
	test_folder_write(folder, "map", "alice@a.test one\nbob@a.test two three\n@b.test four\n");
	snprintf(map, sizeof(map), "texthash:%s/map", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

static void expect(struct postfix_maps *maps, const char *key, const char *value)
{
	char *found = NULL, *error = NULL;
	int ret = postfix_maps_find(maps, map, key, false, &found, &error);

	if (ret < 0)
		fail_msg("%s", error);
	assert_int_equal(ret, value != NULL);
	if (value != NULL)
		assert_string_equal(found, value);
	free(found);
}

static void finds_and_remembers(void **state)
{
	struct postfix_maps *maps = postfix_maps_new(folder, 10000, 60);

	(void)state;
	if (access("/usr/sbin/postmap", X_OK) < 0)
		skip();
	expect(maps, "alice@a.test", "one");
	expect(maps, "bob@a.test", "two three");
	expect(maps, "carol@a.test", NULL);
	expect(maps, "alice@a.test\n@b.test", NULL);
	test_folder_write(folder, "map", "");
	expect(maps, "alice@a.test", "one");
	expect(maps, "@b.test", NULL);
	postfix_maps_free(&maps);
	test_folder_write(folder, "map", "alice@a.test one\nbob@a.test two three\n@b.test four\n");
}

static void prefetches_several_keys(void **state)
{
	static const char *const keys[] = {"alice@a.test", "nobody@a.test", "@b.test"};
	struct postfix_maps *maps = postfix_maps_new(folder, 10000, 60);

	(void)state;
	if (access("/usr/sbin/postmap", X_OK) < 0)
		skip();
	postfix_maps_prefetch(maps, map, keys, 3, false);
	test_folder_write(folder, "map", "nobody@a.test somebody\n");
	expect(maps, "alice@a.test", "one");
	expect(maps, "nobody@a.test", NULL);
	expect(maps, "@b.test", "four");
	postfix_maps_free(&maps);
}

static void a_failure_is_no_answer(void **state)
{
	struct postfix_maps *maps = postfix_maps_new(folder, 10000, 60);
	char *value = NULL, *error = NULL;

	(void)state;
	if (access("/usr/sbin/postmap", X_OK) < 0)
		skip();
	assert_int_equal(postfix_maps_find(maps, "texthash:/nonexistent/map", "a@b.test", false,
					   &value, &error),
			 -1);
	assert_non_null(error);
	free(error);
	postfix_maps_free(&maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_and_remembers),
		cmocka_unit_test(prefetches_several_keys),
		cmocka_unit_test(a_failure_is_no_answer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
