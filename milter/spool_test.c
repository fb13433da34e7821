#include "spool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void check_content(size_t size, size_t part)
{
	struct spool *spool = spool_new("/tmp", 100 * 1024 * 1024);
	char *data = malloc(size + 1), *back = malloc(size + 1);
	struct stat st;
	int fd;

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 7 + i / 251);
	for (size_t done = 0; done < size; done += part)
		assert_int_equal(
			spool_write(spool, data + done, size - done < part ? size - done : part),
			0);
	fd = spool_finish(spool);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(pread(fd, back, size, 0), size);
	assert_memory_equal(data, back, size);
	free(data);
	free(back);
	spool_free(&spool);
}

static void gives_back_what_was_written(void **state)
{
	(void)state;
	check_content(0, 1);
	check_content(10, 3);
	check_content(16 * 1024, 16 * 1024);
	check_content(SPOOL_MEMORY_LIMIT, 65535);
	check_content(SPOOL_MEMORY_LIMIT + 1, 65535);
	check_content(3 * 1024 * 1024 + 17, 65535);
}

static void stops_at_the_maximum(void **state)
{
	struct spool *spool = spool_new("/tmp", 100);
	char data[101] = "";

	(void)state;
	assert_int_equal(spool_write(spool, data, 100), 0);
	assert_int_equal(spool_write(spool, data, 1), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(spool_finish(spool), -1);
	spool_free(&spool);
}

static void a_bad_folder_is_an_error(void **state)
{
	struct spool *spool = spool_new("/nonexistent", 100 * 1024 * 1024);
	char *data = calloc(1, SPOOL_MEMORY_LIMIT * 2);

	(void)state;
	assert_int_equal(spool_write(spool, data, SPOOL_MEMORY_LIMIT * 2), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(spool_finish(spool), -1);
	free(data);
	spool_free(&spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_written),
		cmocka_unit_test(stops_at_the_maximum),
		cmocka_unit_test(a_bad_folder_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
