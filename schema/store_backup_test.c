/* Copies of a store that is being written, and what a restore makes of copies that are damaged. */
#include "schema/store_backup.h"

#include "lib/xalloc.h"
#include "schema/dictionary.h"
#include "schema/store_internal.h"
#include "lib/test_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DAMAGES 150

static char folder[] = "/dev/shm/store_backup_test.XXXXXX";
static char *live, *copy, *restored;

static void expect(enum store_status status, const char *error)
{
	if (status != STORE_OK)
		fail_msg("%d: %s", status, error == NULL ? "" : error);
}

static struct store_message message(unsigned number)
{
	struct store_message row = {.received = 1700000000 + number, .size = 100, .result = 1};

	snprintf(row.signature, sizeof(row.signature), "%024x", number);
	snprintf(row.digest, sizeof(row.digest), "%032x", number);
	row.sender = row.from = row.subject = row.message_id = row.queue_id =
		(char *)(uintptr_t) "";
	row.source = row.factors = row.virus = (char *)(uintptr_t) "";
	return row;
}

/* A message and its lesson in one transaction; a snapshot of the dictionary now and then. */
static void write_one(struct store *store, unsigned number)
{
	const uint32_t hashes[] = {1000, 2000 + number, 4000000000U};
	struct lesson lesson = {.class = STORE_SPAM, .delta = 1, .tokens = true};
	struct store_message row = message(number);
	char *error = NULL;

	expect(store_begin(store, &error), error);
	expect(store_message_add(store, &row, &error), error);
	expect(store_features_add(store, row.id, 1, hashes, 3, &error), error);
	lesson.message = row.id;
	expect(dictionary_lesson(store, &lesson, &error), error);
	expect(store_commit(store, &error), error);
	if (number % 10 == 0) {
		expect(dictionary_refresh(store, &error), error);
		expect(dictionary_merge(store, false, &error), error);
	}
}

/* Tells when there is a message. */
static void writer_run(int out)
{
	struct store *store = NULL;
	char *error = NULL;

	expect(store_open(&store, live, true, &error), error);
	store_set_quick(store);
	for (unsigned number = 1;; number++) {
		write_one(store, number);
		if (number == 1)
			assert_int_equal(write(out, "1", 1), 1);
	}
}

static bool keep_row(void *context, const char *file, uint64_t size)
{
	(void)context;
	(void)file;
	(void)size;
	return true;
}

static void file_copy(int from, const char *name)
{
	char *path = xasprintf("%s/%s", copy, name), block[65536];
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ssize_t got;

	assert_true(to >= 0);
	while ((got = read(from, block, sizeof(block))) > 0)
		assert_int_equal(write(to, block, (size_t)got), got);
	assert_int_equal(got, 0);
	close(to);
	free(path);
}

static struct store_copy copy_take(void)
{
	char *path = xasprintf("%s/" STORE_BACKUP_FILE, copy), *error = NULL;
	struct store_snapshot *snapshot = NULL;
	struct store_copy counts = {0};

	test_folder_remove(copy);
	assert_int_equal(mkdir(copy, 0700), 0);
	expect(store_snapshot_open(&snapshot, live, &error), error);
	/* What happens from here on is not in it. */
	usleep(2000);
	for (size_t i = 0; i < store_snapshot_files(snapshot); i++)
		file_copy(store_snapshot_descriptor(snapshot, i), store_snapshot_name(snapshot, i));
	expect(store_snapshot_write(snapshot, path, &error), error);
	store_snapshot_close(&snapshot);
	expect(store_copy_finish(path, keep_row, NULL, &counts, &error), error);
	free(path);
	return counts;
}

static enum store_status restore(char **error_r)
{
	struct store_restore *from = NULL;
	enum store_status status = store_restore_open(&from, copy, error_r);

	if (status == STORE_OK)
		status = store_restore_install(from, restored, error_r);
	store_restore_close(&from);
	return status;
}

/* As many lessons are known as there are messages. */
static void check_restored(uint64_t messages)
{
	const uint32_t hash = 1000;
	struct token_counts counts;
	struct store *store = NULL;
	char *error = NULL;

	expect(store_open(&store, restored, false, &error), error);
	expect(dictionary_refresh(store, &error), error);
	dictionary_counts(store, &hash, 1, &counts);
	assert_int_equal(counts.spam, messages);
	assert_int_equal(dictionary_sums(store)->spam, messages);
	store_close(&store);
}

static void test_while_it_is_written(void **state)
{
	uint64_t last = 0;
	int status, begun[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(begun), 0);
	pid_t writer = fork();
	if (writer == 0) {
		writer_run(begun[1]);
		_exit(0);
	}
	close(begun[1]);
	assert_int_equal(read(begun[0], &byte, 1), 1);
	close(begun[0]);
	for (int i = 0; i < 8; i++) {
		char *error = NULL;
		struct store_copy counts = copy_take();
		assert_true(counts.messages >= last);
		last = counts.messages;
		expect(restore(&error), error);
		check_restored(counts.messages);
	}
	assert_true(last > 0);
	kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_true(WIFSIGNALED(status));
}

/* A copy of a store with 15 messages; where it is to be restored, one with 40 others is open. */
static struct store *copy_and_other(void)
{
	struct store *store = NULL;
	char *error = NULL;

	test_folder_remove(live);
	test_folder_remove(restored);
	expect(store_open(&store, live, true, &error), error);
	for (unsigned number = 1; number <= 15; number++)
		write_one(store, number);
	store_close(&store);
	assert_int_equal(copy_take().messages, 15);
	expect(store_open(&store, restored, true, &error), error);
	for (unsigned number = 101; number <= 140; number++)
		write_one(store, number);
	return store;
}

/* The same store is open meanwhile: it shows what was restored, and goes on from there. */
static void test_open_meanwhile(void **state)
{
	const uint32_t hash = 1000;
	struct token_counts counts;
	struct store *store = copy_and_other();
	char *error = NULL;

	(void)state;
	expect(dictionary_refresh(store, &error), error);
	expect(restore(&error), error);
	expect(dictionary_refresh(store, &error), error);
	dictionary_counts(store, &hash, 1, &counts);
	assert_int_equal(counts.spam, 15);
	write_one(store, 200);
	expect(dictionary_refresh(store, &error), error);
	dictionary_counts(store, &hash, 1, &counts);
	assert_int_equal(counts.spam, 16);
	store_close(&store);
}

static void restored_execute(const char *sql)
{
	char *path = xasprintf("%s/" STORE_BACKUP_FILE, restored);
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	free(path);
}

/* Whichever table cannot be written: all is as it was. */
static void test_fails_half_way(void **state)
{
	static const char *const tables[] = {"message", "features", "lesson", "dictionary"};
	struct store *store = copy_and_other();
	char *error = NULL;

	(void)state;
	store_close(&store);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		char *sql = xasprintf("CREATE TRIGGER no BEFORE INSERT ON %s BEGIN SELECT "
				      "RAISE(ABORT, 'no'); END; CREATE TRIGGER nor BEFORE UPDATE "
				      "ON %s BEGIN SELECT RAISE(ABORT, 'no'); END",
				      tables[i], tables[i]);
		restored_execute(sql);
		free(sql);
		assert_int_not_equal(restore(&error), STORE_OK);
		free(error);
		error = NULL;
		restored_execute("DROP TRIGGER no; DROP TRIGGER nor");
		check_restored(40);
	}
	expect(restore(&error), error);
	check_restored(15);
}

/* Bytes that are flipped, files that are cut: refused, or what is restored is sound. */
static void damage(unsigned seed, const char *name)
{
	char *path = xasprintf("%s/%s", copy, name);
	int fd = open(path, O_RDWR);
	struct stat st;

	srand(seed);
	assert_true(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0);
	if (seed % 8 == 0)
		assert_int_equal(ftruncate(fd, rand() % st.st_size), 0);
	for (int i = rand() % 8; seed % 8 != 0 && i >= 0; i--) {
		char byte = (char)rand();
		off_t at = seed % 2 == 0 ? rand() % st.st_size : rand() % 200;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	close(fd);
	free(path);
}

static void test_damaged(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (unsigned seed = 0; seed < DAMAGES; seed++) {
		char *error = NULL, *name = xstrdup(STORE_BACKUP_FILE);
		copy_take();
		if (seed % 3 == 2) {
			struct store_snapshot *snapshot = NULL;
			expect(store_snapshot_open(&snapshot, live, &error), error);
			free(name);
			name = xstrdup(store_snapshot_name(snapshot, 0));
			store_snapshot_close(&snapshot);
		}
		damage(seed, name);
		test_folder_remove(restored);
		enum store_status status = restore(&error);
		if (status == STORE_OK) {
			struct store *store = NULL;
			char *path = xasprintf("%s/" STORE_BACKUP_FILE, restored);
			assert_false(sqlite_is_damaged(path));
			expect(store_open(&store, restored, false, &error), error);
			/* Nonsense may be in it, but it can be read. */
			expect(dictionary_refresh(store, &error), error);
			store_close(&store);
			free(path);
		} else {
			refused++;
			assert_non_null(error);
			assert_int_not_equal(access(restored, F_OK), 0);
		}
		free(error);
		free(name);
	}
	print_message("%u of %u damaged copies refused\n", refused, DAMAGES);
	assert_true(refused > DAMAGES / 3);
}

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	live = xasprintf("%s/live", folder);
	copy = xasprintf("%s/copy", folder);
	restored = xasprintf("%s/restored", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_folder_remove(folder);
	free(live);
	free(copy);
	free(restored);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_while_it_is_written),
		cmocka_unit_test(test_open_meanwhile),
		cmocka_unit_test(test_fails_half_way),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
