#include "spamtrain/user/quarantine.h"

#include "lib/xalloc.h"
#include "lib/test_folder.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>
/* after the headers above */
#include <cmocka.h>

#define SIGNATURE "0123456789abcdef01234567"
#define OTHER	  "fedcba9876543210fedcba98"

static char folder[64];
static struct store *store;

static int set_up(void **state)
{
	char *error = NULL;

	(void)state;
	strcpy(folder, "/tmp/quarantine_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(store_open(&store, folder, true, &error), STORE_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_close(&store);
	test_folder_remove(folder);
	return 0;
}

struct pieces {
	struct span_source source;
	size_t left, size;
};

static bool next_piece(struct span_source *source, struct span *piece_r)
{
	static char text[100000];
	struct pieces *pieces = (struct pieces *)source;

	memset(text, 'x', sizeof(text));
	if (pieces->left-- == 0)
		return false;
	*piece_r = (struct span){text, pieces->size};
	return true;
}

static enum store_status put(const char *signature, size_t count, size_t size)
{
	struct pieces pieces = {{next_piece}, count, size};
	struct store_quarantined row = {.sender = xstrdup("s@client.test"),
					.recipient = xstrdup("alice+x@example.test"),
					.added = 1000};
	char *error = NULL;
	enum store_status status;

	strcpy(row.signature, signature);
	status = quarantine_put(store, &row, &pieces.source, &error);
	assert_int_equal(status == STORE_OK, error == NULL);
	free(error);
	free(row.sender);
	free(row.recipient);
	return status;
}

static char *path_of(const char *name)
{
	return xasprintf("%s/" QUARANTINE_FOLDER "/%s", folder, name);
}

static bool exists(const char *name)
{
	char *path = path_of(name);
	bool result = access(path, F_OK) == 0;

	free(path);
	return result;
}

static struct store_quarantined row_of(const char *signature)
{
	struct store_quarantined row;
	char *error = NULL;

	assert_int_equal(store_quarantine_get(store, signature, &row, &error), STORE_OK);
	return row;
}

static char *held_path(const char *signature)
{
	struct store_quarantined row = row_of(signature);
	char *path = path_of(row.file);

	store_quarantined_free(&row);
	return path;
}

static size_t count_files(void)
{
	char *path = path_of("");
	DIR *directory = opendir(path);
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	free(path);
	return count - 2;
}

static enum store_status delete (const char *signature) {
	struct store_quarantined row = row_of(signature); char *error = NULL;
	enum store_status status = quarantine_delete(store, &row, STORE_OUTCOME_DELETED, &error);

	store_quarantined_free(&row);
	free(error);
	return status;
}

static void assert_held(const char *signature, uint64_t size)
{
	struct quarantined_file file;
	struct stat st;
	char *error = NULL;

	assert_int_equal(quarantine_open(store, signature, &file, &error), STORE_OK);
	assert_true(file.fd >= 0);
	assert_false(file.damaged);
	assert_int_equal(file.row.size, size);
	assert_string_equal(file.row.sender, "s@client.test");
	assert_string_equal(file.row.recipient, "alice+x@example.test");
	assert_int_equal(fstat(file.fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(st.st_mode & 0777, 0600);
	quarantine_close(&file);
}

static void what_is_put_is_there(void **state)
{
	char *error = NULL;
	uint64_t rows, bytes;

	(void)state;
	assert_int_equal(put(SIGNATURE, 3, 100000), STORE_OK);
	assert_int_equal(put(OTHER, 0, 0), STORE_OK);
	assert_held(SIGNATURE, 300000);
	assert_held(OTHER, 0);
	/* the same message again takes the place of the first */
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
	assert_held(SIGNATURE, 7);
	assert_int_equal(count_files(), 2);
	assert_int_equal(store_quarantine_size(store, &rows, &bytes, &error), STORE_OK);
	assert_int_equal(rows, 2);
	assert_int_equal(bytes, 7);
}

static void what_is_deleted_is_gone(void **state)
{
	struct quarantined_file file;
	char *error = NULL;

	(void)state;
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
	assert_int_equal(delete (SIGNATURE), STORE_OK);
	assert_int_equal(quarantine_open(store, SIGNATURE, &file, &error), STORE_NOT_FOUND);
	assert_int_equal(count_files(), 0);
}

/* Who deletes what he has seen does not delete what was put meanwhile. */
static void what_was_put_again_is_not_deleted(void **state)
{
	struct store_quarantined seen;
	char *error = NULL;

	(void)state;
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
	seen = row_of(SIGNATURE);
	assert_int_equal(put(SIGNATURE, 1, 8), STORE_OK);
	assert_int_equal(quarantine_delete(store, &seen, STORE_OUTCOME_RELEASED, &error),
			 STORE_NOT_FOUND);
	assert_held(SIGNATURE, 8);
	store_quarantined_free(&seen);
}

static enum store_outcome outcome(void)
{
	struct store_message message;
	char *error = NULL;
	enum store_outcome result;

	assert_int_equal(store_message_by_signature(store, SIGNATURE, &message, &error), STORE_OK);
	result = message.outcome;
	store_message_free(&message);
	return result;
}

static void the_outcome_comes_with_the_row(void **state)
{
	struct store_message message = {.signature = SIGNATURE, .digest = SIGNATURE};
	char *error = NULL;

	(void)state;
	assert_int_equal(store_message_add(store, &message, &error), STORE_OK);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
		assert_int_equal(outcome(), STORE_OUTCOME_QUARANTINED);
		assert_int_equal(delete (SIGNATURE), STORE_OK);
		assert_int_equal(outcome(), STORE_OUTCOME_DELETED);
	}
}

static void nothing_is_put_where_the_user_was_removed(void **state)
{
	char *error = NULL;

	(void)state;
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
	assert_int_equal(store_remove(folder, &error), STORE_OK);
	assert_int_equal(put(OTHER, 1, 7), STORE_DEFER);
	assert_int_equal(count_files(), 1);
}

static void vanished_and_damaged_files_are_reported(void **state)
{
	struct quarantined_file file;
	char *path, *error = NULL;

	(void)state;
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
	path = held_path(SIGNATURE);
	assert_int_equal(truncate(path, 3), 0);
	assert_int_equal(quarantine_open(store, SIGNATURE, &file, &error), STORE_OK);
	assert_true(file.damaged);
	quarantine_close(&file);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(quarantine_open(store, SIGNATURE, &file, &error), STORE_OK);
	assert_int_equal(file.fd, -1);
	quarantine_close(&file);
	assert_int_equal(delete (SIGNATURE), STORE_OK);
	free(path);
}

/* Neither a link nor a folder is followed out of the quarantine. */
static void links_are_not_followed(void **state)
{
	struct quarantined_file file;
	char *path, *error = NULL;

	(void)state;
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
	path = held_path(SIGNATURE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(quarantine_open(store, SIGNATURE, &file, &error), STORE_DEFER);
	free(error);
	free(path);
}

static void a_folder_that_cannot_be_made_defers(void **state)
{
	char *path = xasprintf("%s/" QUARANTINE_FOLDER, folder), *error = NULL;
	struct quarantined_file file;
	FILE *in_the_way = fopen(path, "w");

	(void)state;
	assert_non_null(in_the_way);
	fclose(in_the_way);
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_DEFER);
	assert_int_equal(quarantine_open(store, SIGNATURE, &file, &error), STORE_NOT_FOUND);
	free(path);
}

static void make_old(const char *path)
{
	time_t modified = time(NULL) - QUARANTINE_ORPHAN_SECONDS - 10;

	assert_int_equal(utime(path, &(struct utimbuf){modified, modified}), 0);
}

static void make_file(const char *name, bool old)
{
	char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs("message", file);
	fclose(file);
	if (old)
		make_old(path);
	free(path);
}

static struct quarantine_swept sweep(time_t now)
{
	struct quarantine_swept swept;
	char *error = NULL;

	assert_int_equal(quarantine_sweep(store, now, &swept, &error), STORE_OK);
	return swept;
}

static void only_what_is_unfinished_is_swept(void **state)
{
	time_t now = time(NULL);
	struct quarantine_swept swept = sweep(now);

	(void)state;
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
	make_file("tmp.1.1", true);
	make_file("tmp.1.2", false);
	make_file(OTHER ".1.2.3", false);
	make_file("notes", true);
	swept = sweep(now);
	assert_int_equal(swept.removed, 1);
	assert_int_equal(swept.indexed, 0);
	assert_true(exists("tmp.1.2") && exists(OTHER ".1.2.3") && exists("notes"));
	/* the row keeps its file however old */
	swept = sweep(now + 2 * QUARANTINE_ORPHAN_SECONDS);
	assert_int_equal(swept.removed, 1);
	assert_held(SIGNATURE, 7);
}

static void a_message_without_a_row_gets_one(void **state)
{
	struct quarantined_file file;
	struct quarantine_swept swept;
	char *path, *error = NULL;

	(void)state;
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
	path = held_path(SIGNATURE);
	make_old(path);
	free(path);
	store_close(&store);
	assert_int_equal(store_remove(folder, &error), STORE_OK);
	assert_int_equal(store_open(&store, folder, true, &error), STORE_OK);
	make_file(OTHER, true); /* as versions before named them */
	swept = sweep(time(NULL));
	assert_int_equal(swept.removed, 0);
	assert_int_equal(swept.indexed, 2);
	assert_int_equal(quarantine_open(store, SIGNATURE, &file, &error), STORE_OK);
	assert_true(file.fd >= 0 && !file.damaged && file.row.size == 7);
	quarantine_close(&file);
	swept = sweep(time(NULL));
	assert_int_equal(swept.removed + swept.indexed, 0);
}

static void a_copy_of_what_is_held_is_removed(void **state)
{
	char *path;

	(void)state;
	assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
	make_file(SIGNATURE ".1.2.3", true);
	assert_int_equal(sweep(time(NULL)).removed, 1);
	assert_held(SIGNATURE, 7);
	/* but not when what is held is damaged */
	make_file(SIGNATURE ".1.2.3", true);
	path = held_path(SIGNATURE);
	assert_int_equal(truncate(path, 3), 0);
	assert_int_equal(sweep(time(NULL)).removed, 0);
	assert_int_equal(count_files(), 2);
	free(path);
}

static void what_left_does_not_come_back(void **state)
{
	static const enum store_outcome outcomes[] = {STORE_OUTCOME_RELEASED,
						      STORE_OUTCOME_DELETED};
	static const enum store_outcome again[] = {STORE_OUTCOME_DELIVERED, STORE_OUTCOME_TAGGED};
	struct store_message message = {.signature = SIGNATURE, .digest = SIGNATURE};
	struct quarantine_swept swept;
	struct store_quarantined row;
	char *error = NULL;

	(void)state;
	assert_int_equal(store_message_add(store, &message, &error), STORE_OK);
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++) {
		assert_int_equal(put(SIGNATURE, 1, 7), STORE_OK);
		row = row_of(SIGNATURE);
		assert_int_equal(quarantine_delete(store, &row, outcomes[i], &error), STORE_OK);
		make_file(row.file, false);
		store_quarantined_free(&row);
		swept = sweep(time(NULL) + QUARANTINE_ORPHAN_SECONDS + 10);
		assert_int_equal(swept.removed, 1);
		assert_int_equal(swept.indexed, 0);
		assert_int_equal(store_quarantine_get(store, SIGNATURE, &row, &error),
				 STORE_NOT_FOUND);
		assert_int_equal(count_files(), 0);
		assert_int_equal(outcome(), outcomes[i]);
	}
	/* released, the removal lost; then the same message came once more, and was delivered */
	for (size_t i = 0; i < sizeof(again) / sizeof(*again); i++) {
		assert_int_equal(store_message_outcome(store, SIGNATURE, again[i], &error),
				 STORE_OK);
		make_file(SIGNATURE ".9.9.9", true);
		swept = sweep(time(NULL));
		assert_int_equal(swept.removed, 1);
		assert_int_equal(swept.indexed, 0);
		assert_int_equal(count_files(), 0);
	}
	/* what was never said to have left gets its row */
	assert_int_equal(store_message_outcome(store, SIGNATURE, STORE_OUTCOME_QUARANTINED, &error),
			 STORE_OK);
	make_file(SIGNATURE ".1.2.3", true);
	assert_int_equal(sweep(time(NULL)).indexed, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_is_there),
		TEST(what_is_deleted_is_gone),
		TEST(what_was_put_again_is_not_deleted),
		TEST(the_outcome_comes_with_the_row),
		TEST(nothing_is_put_where_the_user_was_removed),
		TEST(vanished_and_damaged_files_are_reported),
		TEST(links_are_not_followed),
		TEST(a_folder_that_cannot_be_made_defers),
		TEST(only_what_is_unfinished_is_swept),
		TEST(a_message_without_a_row_gets_one),
		TEST(a_copy_of_what_is_held_is_removed),
		TEST(what_left_does_not_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
