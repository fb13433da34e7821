#include "scanner_shortage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FULL "/dev/full"
#define LOST "/nonexistent/folder"

/* More than there is of address space; a variable, so that no compiler knows. */
static volatile size_t too_much = (size_t)1 << 50;
/* Nor that nobody wants it. */
static void *volatile memory;

static void expect(int error)
{
	assert_int_equal(scanner_shortage(), error);
	scanner_shortage_begin();
	assert_int_equal(scanner_shortage(), 0);
}

static void test_memory(void **state)
{
	(void)state;
	scanner_shortage_begin();
	memory = malloc(too_much);
	assert_null(memory);
	expect(ENOMEM);
	memory = calloc(too_much, 2);
	assert_null(memory);
	expect(ENOMEM);
	memory = realloc(NULL, too_much);
	assert_null(memory);
	expect(ENOMEM);
	assert_ptr_equal(mmap64(NULL, too_much, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			 MAP_FAILED);
	expect(ENOMEM);
}

static void test_files(void **state)
{
	int fd = open(FULL, O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	expect(0);
	assert_int_equal(write(fd, "x", 1), -1);
	expect(ENOSPC);
	close(fd);
	assert_int_equal(open(LOST, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
	expect(ENOENT);
	assert_int_equal(open64(LOST, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
	expect(ENOENT);
	assert_int_equal(openat64(AT_FDCWD, LOST, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
	expect(ENOENT);
	assert_int_equal(mkdir(LOST, 0700), -1);
	expect(ENOENT);
	assert_int_equal(mkdir("/tmp", 0700), -1);
	expect(EEXIST);
}

static void test_streams(void **state)
{
	FILE *file = fopen64(FULL, "we");

	(void)state;
	assert_non_null(file);
	fputs("x", file);
	expect(0);
	assert_int_equal(fflush(file), EOF);
	expect(ENOSPC);
	(void)fclose(file);
	scanner_shortage_begin();
	/* So much that it fails before the end. */
	file = fopen64(FULL, "we");
	assert_int_equal(fwrite("x", 1, 0, file), 0);
	expect(0);
	while (fwrite("0123456789abcdef", 1, 16, file) == 16)
		;
	expect(ENOSPC);
	(void)fclose(file);
	assert_int_not_equal(scanner_shortage(), 0);
	scanner_shortage_begin();
	assert_null(fopen64(LOST, "we"));
	expect(ENOENT);
}

static void test_descriptors(void **state)
{
	const int used = dup(0);
	struct rlimit old, none;

	(void)state;
	close(used);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)used;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(dup(0), -1);
	expect(EMFILE);
	assert_null(opendir("/tmp"));
	expect(EMFILE);
	assert_int_equal(open("/tmp", O_RDONLY | O_CLOEXEC), -1);
	expect(EMFILE);
	assert_null(fopen64(FULL, "re"));
	expect(EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* What happens in any scan is no shortage. */
static void test_ordinary(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	scanner_shortage_begin();
	memory = malloc(10);
	free(memory);
	assert_int_equal(open(LOST, O_RDONLY | O_CLOEXEC), -1);
	assert_null(fopen64(LOST, "re"));
	assert_null(opendir(LOST));
	assert_int_equal(dup(-1), -1);
	assert_int_equal(write(1, "", 0), 0);
	assert_int_equal(fclose(file), 0);
	expect(0);
}

/* Memory is told first: it ends the worker. */
static void test_order(void **state)
{
	(void)state;
	scanner_shortage_begin();
	scanner_shortage_note(ENOSPC);
	scanner_shortage_note(EMFILE);
	assert_int_equal(scanner_shortage(), ENOSPC);
	scanner_shortage_note(ENOMEM);
	scanner_shortage_note(ENOSPC);
	expect(ENOMEM);
	/* It did not say why. */
	scanner_shortage_note(0);
	expect(EIO);
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),	 cmocka_unit_test(test_files),
		cmocka_unit_test(test_streams),	 cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_ordinary), cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
