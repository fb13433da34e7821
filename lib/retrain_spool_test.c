#include "retrain_spool.h"

#include "strbuf.h"
#include "test_folder.h"
#include "xalloc.h"

#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char *spool;

static const struct retrain_entry sample = {
	.user = "alice@example.test",
	.class = RETRAIN_SPAM,
	.signature = "0123456789abcdef01234567",
	.source = "imap",
	.mailbox = "Ju\nnk %",
	.accepted = 1763800000,
};

static void write_entry(const struct retrain_entry *entry, struct span message)
{
	char *error = NULL;

	if (retrain_spool_write(spool, entry, message, &error) < 0)
		fail_msg("%s", error);
}

static char **list(size_t expected)
{
	char **names = NULL, *error = NULL;
	size_t count;

	assert_int_equal(retrain_spool_list(spool, &names, &count, &error), 0);
	assert_int_equal(count, expected);
	return names;
}

static void what_is_written_is_read(void **state)
{
	struct retrain_file file;
	char **names, *error = NULL;
	mode_t old = umask(077);
	struct stat status;
	char *path;

	(void)state;
	write_entry(&sample, (struct span){"From: x\n\n\0y", 11});
	umask(old);
	names = list(1);
	path = xasprintf("%s/new/%s", spool, names[0]);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0644);
	assert_int_equal(retrain_spool_read(spool, names[0], &file, &error), RETRAIN_OK);
	assert_string_equal(file.entry.user, sample.user);
	assert_int_equal(file.entry.class, RETRAIN_SPAM);
	assert_string_equal(file.entry.signature, sample.signature);
	assert_int_equal(file.entry.accepted, sample.accepted);
	assert_true(llabs(retrain_spool_time(names[0]) - time(NULL)) < 60);
	assert_string_equal(file.entry.source, "imap");
	assert_string_equal(file.entry.mailbox, sample.mailbox);
	assert_int_equal(file.message.size, 11);
	assert_memory_equal(file.message.data, "From: x\n\n\0y", 11);
	retrain_file_free(&file);
	assert_int_equal(retrain_spool_delete(spool, names[0], &error), 0);
	assert_int_equal(retrain_spool_delete(spool, names[0], &error), 0);
	assert_int_equal(retrain_spool_read(spool, names[0], &file, &error), RETRAIN_GONE);
	retrain_names_free(names);
	retrain_names_free(list(0));
	free(path);
}

static void order_of_name_is_order_of_writing(void **state)
{
	char **names, *error = NULL;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		struct retrain_entry entry = sample;
		char mailbox[8];

		snprintf(mailbox, sizeof(mailbox), "%u", i);
		entry.mailbox = mailbox;
		entry.durable = i % 10 == 0;
		write_entry(&entry, (struct span){NULL, 0});
	}
	names = list(30);
	for (unsigned i = 0; i < 30; i++) {
		struct retrain_file file;

		assert_int_equal(retrain_spool_read(spool, names[i], &file, &error), RETRAIN_OK);
		assert_int_equal(atoi(file.entry.mailbox), i);
		retrain_file_free(&file);
		assert_int_equal(retrain_spool_delete(spool, names[i], &error), 0);
	}
	retrain_names_free(names);
}

static void a_long_message_is_cut(void **state)
{
	size_t size = RETRAIN_SPOOL_MAX_MESSAGE + 5;
	char *message = xmalloc(size), **names, *error = NULL;
	struct retrain_file file;

	(void)state;
	memset(message, 'x', size);
	write_entry(&sample, (struct span){message, size});
	names = list(1);
	assert_int_equal(retrain_spool_read(spool, names[0], &file, &error), RETRAIN_OK);
	assert_int_equal(file.message.size, RETRAIN_SPOOL_MAX_MESSAGE);
	retrain_file_free(&file);
	assert_int_equal(retrain_spool_delete(spool, names[0], &error), 0);
	retrain_names_free(names);
	free(message);
}

static void malformed_content_is_refused(void **state)
{
	static const char good[] = "user=a@b\nclass=spam\nsignature=x\nsize=2\n\nhi";
	static const char *const bad[] = {
		"",
		"user=a@b\nclass=spam\nsignature=x\nsize=2\n\nh",
		"user=a@b\nclass=spam\nsignature=x\nsize=2\n\nhi!",
		"user=a@b\nclass=eggs\nsignature=x\nsize=2\n\nhi",
		"user=a@b\nclass=spam\nsignature=x\nsize=-2\n\nhi",
		"user=a@b\nclass=spam\nsignature=x\nsize=\n\nhi",
		"user=a@b\nclass=spam\nsignature=x\n\nhi",
		"user=\nclass=spam\nsignature=x\nsize=2\n\nhi",
		"class=spam\nsignature=x\nsize=2\n\nhi",
		"user=a@b\nclass=spam\nsize=0\n\n",
		"user=a@b\nuser=c@d\nclass=spam\nsignature=x\nsize=2\n\nhi",
	};
	struct retrain_file file;
	char *error = NULL;

	(void)state;
	assert_int_equal(retrain_file_parse(&file, span_of(good), &error), RETRAIN_OK);
	retrain_file_free(&file);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (retrain_file_parse(&file, span_of(bad[i]), &error) != RETRAIN_MALFORMED)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(error);
		free(error);
		error = NULL;
	}
}

static void a_bad_file_is_put_aside(void **state)
{
	static const char name[] = "0000000000000001.1.1";
	char **names, *error = NULL, *path = xasprintf("%s/bad/%s", spool, name);
	struct retrain_file file;

	(void)state;
	test_folder_write(spool, "new/0000000000000001.1.1", "nonsense");
	test_folder_write(spool, "new/.hidden", "no name of ours");
	test_folder_write(spool, "new/0000000000000001.1.1x", "no name of ours");
	names = list(1);
	assert_int_equal(retrain_spool_read(spool, names[0], &file, &error), RETRAIN_MALFORMED);
	free(error);
	assert_int_equal(retrain_spool_refuse(spool, names[0], &error), 0);
	assert_int_equal(access(path, F_OK), 0);
	retrain_names_free(names);
	retrain_names_free(list(0));
	free(path);
}

static void links_and_folders_are_malformed(void **state)
{
	char *link_path = xasprintf("%s/new/0000000000000002.1.1", spool);
	char *folder = xasprintf("%s/new/0000000000000003.1.1", spool), *error = NULL;
	struct retrain_file file;

	(void)state;
	assert_int_equal(symlink("/etc/passwd", link_path), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	for (int i = 2; i <= 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "000000000000000%d.1.1", i);
		assert_int_equal(retrain_spool_read(spool, name, &file, &error), RETRAIN_MALFORMED);
		free(error);
	}
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(rmdir(folder), 0);
	free(folder);
	free(link_path);
}

static void left_overs_are_removed_and_fresh_files_stay(void **state)
{
	char *old = xasprintf("%s/tmp/old", spool), *fresh = xasprintf("%s/tmp/fresh", spool);
	struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	char *bad = xasprintf("%s/bad/old", spool);

	(void)state;
	test_folder_write(spool, "tmp/old", "x");
	test_folder_write(spool, "bad/old", "x");
	test_folder_write(spool, "tmp/fresh", "x");
	assert_int_equal(utimensat(AT_FDCWD, old, times, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, bad, times, 0), 0);
	retrain_spool_clean(spool);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(bad, F_OK), -1);
	free(bad);
	assert_int_equal(access(fresh, F_OK), 0);
	free(old);
	free(fresh);
}

static void a_missing_spool_is_an_error(void **state)
{
	char *error = NULL;

	(void)state;
	assert_int_equal(retrain_spool_write("/nonexistent", &sample, span_of("x"), &error), -1);
	assert_non_null(strstr(error, "No such file"));
	free(error);
}

/* The same, for one user: the others have room. */
static void a_user_takes_no_more_than_his_share(void **state)
{
	struct retrain_entry other = sample;
	char *error = NULL, *name = NULL;
	const char *tag;

	(void)state;
	assert_int_equal(retrain_spool_write_named(spool, &sample, span_of("x"), &name, &error), 0);
	assert_true(retrain_spool_is_name(name));
	tag = strrchr(name, '.');
	for (unsigned i = 0; i < RETRAIN_SPOOL_MAX_OF_USER; i++) {
		char file[64];

		snprintf(file, sizeof(file), "new/%016u.1.2%s", i, tag);
		test_folder_write(spool, file, "");
	}
	free(name);
	sleep(1);
	assert_int_equal(retrain_spool_write(spool, &sample, span_of("x"), &error), -1);
	assert_non_null(strstr(error, "of this user"));
	free(error);
	other.user = "other@example.test";
	assert_int_equal(retrain_spool_write(spool, &other, span_of("x"), &error), 0);
}

/* The count is taken at most once a second: wait for the next one. */
static void a_full_spool_takes_no_more(void **state)
{
	char *error = NULL;
	int ret = 0;

	(void)state;
	for (unsigned i = 0; i < RETRAIN_SPOOL_MAX_FILES; i++) {
		char name[48];

		snprintf(name, sizeof(name), "new/%016u.1.1", i);
		test_folder_write(spool, name, "");
	}
	sleep(1);
	ret = retrain_spool_write(spool, &sample, span_of("x"), &error);
	assert_int_equal(ret, -1);
	assert_non_null(strstr(error, "corrections wait"));
	free(error);
}

static int make_spool(void **state)
{
	char folder[] = "/tmp/retrain_spool_test.XXXXXX", *error = NULL;

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	spool = xasprintf("%s/spool/retrain", folder);
	return retrain_spool_prepare(spool, getuid(), getgid(), &error);
}

static int remove_spool(void **state)
{
	char *command =
		xasprintf("rm -rf '%.*s'", (int)(strlen(spool) - strlen("/spool/retrain")), spool);
	int ret = system(command);

	(void)state;
	free(command);
	free(spool);
	return ret;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(order_of_name_is_order_of_writing),
		cmocka_unit_test(a_long_message_is_cut),
		cmocka_unit_test(malformed_content_is_refused),
		cmocka_unit_test(a_bad_file_is_put_aside),
		cmocka_unit_test(links_and_folders_are_malformed),
		cmocka_unit_test(left_overs_are_removed_and_fresh_files_stay),
		cmocka_unit_test(a_missing_spool_is_an_error),
		cmocka_unit_test(a_user_takes_no_more_than_his_share),
		cmocka_unit_test(a_full_spool_takes_no_more),
	};

	return cmocka_run_group_tests(tests, make_spool, remove_spool);
}
