#include "kept.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/kept_test.XXXXXX";

static const struct kept_message example = {.id = "4Q2XzK",
					    .client = "203.0.113.10",
					    .sender = "a b@c.test",
					    .to = "alice@x.test bob@x.test",
					    .signature = "Test\nSignature",
					    .time = 1000};

static int message_fd(const char *text)
{
	FILE *file = tmpfile();
	int fd;

	fputs(text, file);
	fflush(file);
	fd = dup(fileno(file));
	fclose(file);
	return fd;
}

static void count(const struct kept_message *message, void *context)
{
	char *ids = context;

	strcat(ids, message->id);
	strcat(ids, " ");
}

static void what_is_kept_comes_back(void **state)
{
	struct kept_message other = example;
	struct kept_file file;
	char *error = NULL, ids[64] = "";
	int fd = message_fd("Subject: x\r\n\r\nid=no\r\n");

	(void)state;
	assert_int_equal(kept_write(folder, &example, fd, &error), 0);
	other.id = "3Earlier";
	other.time = 500;
	assert_int_equal(kept_write(folder, &other, fd, &error), 0);
	assert_int_equal(kept_read(folder, "4Q2XzK", &file, &error), 0);
	assert_string_equal(file.message.sender, example.sender);
	assert_string_equal(file.message.to, example.to);
	assert_string_equal(file.message.signature, example.signature);
	assert_int_equal(file.message.time, 1000);
	assert_true(span_equal(file.content, span_of("Subject: x\r\n\r\nid=no\r\n")));
	kept_file_free(&file);
	assert_int_equal(kept_list(folder, count, ids, &error), 0);
	assert_string_equal(ids, "3Earlier 4Q2XzK ");
	assert_int_equal(kept_remove(folder, "3Earlier"), 0);
	close(fd);
}

static void old_ones_go(void **state)
{
	struct timespec old[2] = {{1000, 0}, {1000, 0}};
	char path[64];

	(void)state;
	assert_int_equal(kept_purge(folder, 3600), 0);
	snprintf(path, sizeof(path), "%s/4Q2XzK", folder);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(kept_purge(folder, 3600), 1);
	assert_int_equal(access(path, F_OK), -1);
}

static void names_are_checked(void **state)
{
	static const char *const bad[] = {"", "../x", "a/b", ".", "a b", "x.y"};
	struct kept_message message = example;
	struct kept_file file;
	char *error = NULL;
	int fd = message_fd("x");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		message.id = bad[i];
		assert_int_equal(kept_write(folder, &message, fd, &error), -1);
		free(error);
		assert_int_equal(kept_read(folder, bad[i], &file, &error), -1);
		free(error);
		assert_int_equal(kept_remove(folder, bad[i]), -1);
	}
	close(fd);
	message.id = "Good1";
	assert_int_equal(kept_write("/nonexistent", &message, 0, &error), -1);
	free(error);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_comes_back),
		cmocka_unit_test(old_ones_go),
		cmocka_unit_test(names_are_checked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
