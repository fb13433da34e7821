#include "memory.h"

#include "lib/xalloc.h"
#include "lib/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE 8192

static char folder[] = "/tmp/memory.XXXXXX";
static char path[sizeof(folder) + 8];

static int setup(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/table", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

/* In a process of its own, that dies hard. Its exit code: what was in the table. */
static int in_process(uint64_t version, unsigned char value)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct memory memory = memory_open(path, version, SIZE);
		unsigned char *table = memory.table, before = table[SIZE - 1];

		table[SIZE - 1] = value;
		if (value == 255)
			kill(getpid(), SIGKILL);
		_exit(before);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void it_is_there_after_a_restart(void **state)
{
	(void)state;
	assert_int_equal(in_process(1, 7), 0);
	assert_int_equal(in_process(1, 255), -1);
	assert_int_equal(in_process(1, 3), 255);
	assert_int_equal(in_process(1, 0), 3);
}

static void another_version_begins_anew(void **state)
{
	(void)state;
	assert_int_equal(in_process(1, 7), 0);
	assert_int_equal(in_process(2, 8), 0);
	assert_int_equal(in_process(2, 9), 8);
}

static void a_damaged_file_begins_anew(void **state)
{
	(void)state;
	assert_int_equal(in_process(1, 7), 0);
	assert_int_equal(truncate(path, SIZE), 0);
	assert_int_equal(in_process(1, 8), 0);
	assert_int_equal(in_process(1, 8), 8);
}

static void without_a_file_it_works_all_the_same(void **state)
{
	struct memory first, second;

	(void)state;
	first = memory_open("/nonexistent/table", 1, SIZE);
	memset(first.table, 1, SIZE);
	/* Somebody else has it. */
	first = memory_open(path, 1, SIZE);
	memset(first.table, 2, SIZE);
	second = memory_open(path, 1, SIZE);
	assert_int_equal(*(char *)second.table, 0);
	assert_true(first.seed != second.seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_there_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(another_version_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_file_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_file_it_works_all_the_same, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
