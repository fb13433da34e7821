#include "folder.h"
#include "lib/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/folder_test.XXXXXX";

static uint64_t fingerprint(void)
{
	uint64_t result;
	time_t newest;
	char *error = NULL;

	assert_int_equal(folder_fingerprint(folder, &result, &newest, &error), 0);
	return result;
}

static void a_fingerprint_sees_every_change(void **state)
{
	uint64_t empty, one, two;
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(folder));
	empty = fingerprint();
	test_folder_write(folder, "a.ndb", "x");
	one = fingerprint();
	assert_int_not_equal(one, empty);
	assert_int_equal(fingerprint(), one);
	test_folder_write(folder, "b.ndb", "x");
	two = fingerprint();
	assert_int_not_equal(two, one);
	test_folder_write(folder, ".hidden", "x");
	test_folder_write(folder, "freshclam.dat", "x");
	assert_int_equal(fingerprint(), two);
	test_folder_write(folder, "a.ndb", "xx");
	assert_int_not_equal(fingerprint(), two);
	snprintf(path, sizeof(path), "%s/a.ndb", folder);
	two = fingerprint();
	unlink(path);
	assert_int_not_equal(fingerprint(), two);
}

static void removes_all_but_follows_no_links(void **state)
{
	char path[128], outside[] = "/tmp/folder_test_outside.XXXXXX";
	int fd = mkstemp(outside);

	(void)state;
	close(fd);
	snprintf(path, sizeof(path), "%s/sub", folder);
	mkdir(path, 0700);
	test_folder_write(folder, "sub/file", "x");
	snprintf(path, sizeof(path), "%s/sub/link", folder);
	assert_int_equal(symlink(outside, path), 0);
	folder_empty(folder);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(access(outside, F_OK), 0);
	unlink(outside);
}

static void a_missing_folder_is_an_error(void **state)
{
	uint64_t result;
	time_t newest;
	char *error = NULL;

	(void)state;
	assert_int_equal(folder_fingerprint("/nonexistent", &result, &newest, &error), -1);
	assert_non_null(error);
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fingerprint_sees_every_change),
		cmocka_unit_test(removes_all_but_follows_no_links),
		cmocka_unit_test(a_missing_folder_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
