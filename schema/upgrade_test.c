/*
 * Stores of every earlier version, made by the frozen migrations and filled as programs of that
 * time did: they are opened by today's program, by several processes at once, while others read and
 * write, in spite of kill -9, power cuts, full disks and I/O errors; all that was in them is there,
 * and is used.
 */
#include "schema/dictionary.h"
#include "schema/migrate.h"
#include "schema/old_store.h"
#include "schema/policy.h"
#include "schema/store_internal.h"
#include "spamtrain/classifier/fault_inject.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MESSAGES "12"

/* ---- today's program ---- */

static int open_today(const struct old_kind *kind)
{
	char *path = path_of(kind), *error = NULL;
	struct policy *policy = NULL;
	struct store *store = NULL;
	int ret;

	if (kind == &user_kind) {
		ret = store_open(&store, old_folder, false, &error) == STORE_OK &&
				      dictionary_refresh(store, &error) == STORE_OK
			      ? 0
			      : -1;
		store_close(&store);
	} else {
		ret = policy_open(path, POLICY_CREATE, -1, &policy, &error) == POLICY_OK ? 0 : -1;
		policy_close(&policy);
	}
	if (ret != 0 && getenv("UPGRADE_VERBOSE") != NULL)
		print_message("%s: %s\n", kind->file, error);
	free(error);
	free(path);
	return ret;
}

static void expect_counts(struct store *store, int spam, int innocent)
{
	struct token_counts counts[3];
	char *error = NULL;

	assert_int_equal(dictionary_refresh(store, &error), STORE_OK);
	dictionary_counts(store, old_hashes, 3, counts);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(counts[i].spam, spam);
		assert_int_equal(counts[i].innocent, innocent);
	}
}

static bool print_preference(void *context, const char *name, const char *value)
{
	strbuf_printf(context, "%s=%s ", name, value);
	return true;
}

/* It is read and written by today's functions: history, dictionary, preferences, quarantine. */
static void use_store(int version)
{
	struct lesson back = {.message = 3, .class = STORE_SPAM, .delta = -1, .tokens = true};
	struct strbuf preferences = STRBUF_INIT;
	struct store_quarantined held;
	struct store_message row;
	struct store *store = NULL;
	char *error = NULL;

	assert_int_equal(store_open(&store, old_folder, false, &error), STORE_OK);
	/* "000000000006" in hex */
	assert_int_equal(
		store_message_by_signature(store, "303030303030303030303036", &row, &error),
		STORE_OK);
	assert_string_equal(row.subject, "Subject 6");
	assert_string_equal(row.virus, version >= 7 ? "Lab.Eicar" : "");
	assert_int_equal(row.route_key, version >= 6 ? -77 : 0);
	store_message_free(&row);
	assert_int_equal(store_quarantine_get(store, "303030303030303030303033", &held, &error),
			 STORE_OK);
	assert_string_equal(held.file, "held.1");
	store_quarantined_free(&held);
	assert_int_equal(store_preference_list(store, print_preference, &preferences, &error),
			 STORE_OK);
	assert_string_equal(strbuf_text(&preferences), "spamSubject=[pourriel] trainingMode=TUM ");
	strbuf_free(&preferences);
	/* 4 of the snapshot and 6 lessons; what the old program taught is taken back exactly. */
	expect_counts(store, 4 + 6, 6);
	assert_int_equal(dictionary_lesson(store, &back, &error), STORE_OK);
	expect_counts(store, 4 + 5, 6);
	assert_int_equal(dictionary_merge(store, false, &error), STORE_OK);
	expect_counts(store, 4 + 5, 6);
	assert_int_equal(store_message_outcome(store, "303030303030303030303031",
					       STORE_OUTCOME_VIRUS, &error),
			 STORE_OK);
	dictionary_sweep(store, time(NULL) + 7200);
	assert_int_equal(store_remove(old_folder, &error), STORE_OK);
	store_close(&store);
	assert_int_equal(mkdir(old_folder, 0700), 0);
}

static bool count_folder(void *context, const struct policy_folder *row)
{
	(void)row;
	++*(int *)context;
	return true;
}

static void use_policy(void)
{
	char *path = path_of(&policy_kind), *error = NULL;
	struct policy *policy = NULL;
	int count = 0;

	assert_int_equal(policy_open(path, POLICY_READ, -1, &policy, &error), POLICY_OK);
	assert_int_equal(policy_public_list(policy, count_folder, &count, &error), POLICY_OK);
	assert_int_equal(count, 2);
	policy_close(&policy);
	sqlite3 *db = database(&policy_kind);
	struct strbuf out = STRBUF_INIT;
	append_rows(&out, db, "SELECT key, value FROM mx2_postfix_tls");
	assert_string_equal(strbuf_text(&out), "[mx.partner.test] secure match=mx.partner.test \n");
	strbuf_free(&out);
	sqlite3_close(db);
	free(path);
}

/* ---- the tests ---- */

static void upgrade(const struct old_kind *kind, int version)
{
	make(kind, version, MESSAGES);
	struct content before = content_of(kind);

	assert_int_equal(open_today(kind), 0);
	assert_int_equal(check_content(kind, &before), newest(kind));
	content_free(&before);
}

static void test_every_user_version(void **state)
{
	(void)state;
	for (int version = 1; version <= newest(&user_kind); version++) {
		upgrade(&user_kind, version);
		use_store(version);
	}
}

static void test_every_policy_version(void **state)
{
	(void)state;
	for (int version = 1; version <= newest(&policy_kind); version++) {
		upgrade(&policy_kind, version);
		use_policy();
	}
}

/* It waits for the other end of the pipe to be closed; SQLite must not be open across a fork. */
static pid_t fork_open(const struct old_kind *kind, const int *gate)
{
	pid_t pid = fork();
	char byte;

	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) != 0)
			_exit(2);
		_exit(open_today(kind) == 0 ? 0 : 1);
	}
	return pid;
}

static void expect_exit(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/*
 * Daemons that start together; one that still reads the old rows, and one in the middle of a write.
 */
static void at_once(const struct old_kind *kind, int version, bool reader)
{
	make(kind, version, MESSAGES);
	struct content before = content_of(kind);
	struct strbuf rows = STRBUF_INIT;
	pid_t pids[4];
	int gate[2];

	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < 4; i++)
		pids[i] = fork_open(kind, gate);
	sqlite3 *old = database(kind);
	if (kind == &policy_kind) /* It has no log: readers and writers wait for each other. */
		reader = false;
	execute(old, reader ? "BEGIN; SELECT * FROM sqlite_schema" : "BEGIN IMMEDIATE");
	close(gate[0]);
	close(gate[1]);
	usleep(20000);
	if (reader) {
		for (int i = 0; i < 4; i++)
			expect_exit(pids[i]);
		append_rows(&rows, old, "PRAGMA user_version");
		assert_int_equal(atoi(strbuf_text(&rows)), version);
	}
	execute(old, "COMMIT");
	for (int i = 0; i < 4 && !reader; i++)
		expect_exit(pids[i]);
	strbuf_free(&rows);
	sqlite3_close(old);
	assert_int_equal(check_content(kind, &before), newest(kind));
	content_free(&before);
}

static void test_at_once(void **state)
{
	(void)state;
	for (int version = 1; version < newest(&user_kind); version++)
		at_once(&user_kind, version, version % 2 == 0);
	for (int version = 1; version < newest(&policy_kind); version++)
		at_once(&policy_kind, version, false);
}

/* 0: done, or refused; else killed. */
static int open_with_fault(const struct old_kind *kind, enum fault_kind fault, unsigned at)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fault_arm(fault, at);
		int ret = open_today(kind);
		fault_disarm();
		_exit(ret == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_in_range(WEXITSTATUS(status), 0, 1);
	else
		assert_int_equal(WTERMSIG(status), SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

static unsigned count_calls(const struct old_kind *kind, int version)
{
	make(kind, version, MESSAGES);
	fault_arm(FAULT_NONE, 0);
	assert_int_equal(open_today(kind), 0);
	return fault_disarm();
}

/*
 * Whatever happens at whichever call: the store is of one version, and the next one opens it.
 * UPGRADE_ALL: at every call, instead of at some of them.
 */
static void faults(const struct old_kind *kind, int version, enum fault_kind fault)
{
	unsigned calls = count_calls(kind, version), seen_old = 0;

	assert_true(calls > 5);
	unsigned stride = getenv("UPGRADE_ALL") != NULL ? 1 : calls / 6 + 1;
	for (unsigned at = 1 + (unsigned)version % stride; at <= calls; at += stride) {
		make(kind, version, MESSAGES);
		struct content before = content_of(kind);
		int end = open_with_fault(kind, fault, at);
		int now = check_content(kind, &before);
		assert_in_range(now, version, newest(kind));
		if (end == 0)
			assert_int_equal(now, newest(kind));
		seen_old += now == version;
		assert_int_equal(open_today(kind), 0);
		assert_int_equal(check_content(kind, &before), newest(kind));
		content_free(&before);
	}
	/* Else the faults hit nothing. */
	assert_true(seen_old > 0);
}

static void test_faults(void **state)
{
	(void)state;
	for (enum fault_kind fault = FAULT_KILL; fault <= FAULT_IO; fault++) {
		faults(&user_kind, 1, fault);
		faults(&policy_kind, 1, fault);
	}
	for (int version = 2; version < newest(&user_kind); version++)
		faults(&user_kind, version, FAULT_KILL);
}

/* As a migration of tomorrow: each table has a column more. */
static void upgrade_further(void)
{
	struct strbuf tables = STRBUF_INIT;
	sqlite3 *db = database(&user_kind);

	execute(db, "BEGIN IMMEDIATE");
	append_rows(&tables, db,
		    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE "
		    "'sqlite%'");
	char *rest = tables.data, *line;
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		char *sql = xasprintf("ALTER TABLE %s ADD COLUMN later INTEGER NOT NULL DEFAULT 5",
				      line);
		execute(db, sql);
		free(sql);
	}
	char *version = xasprintf("PRAGMA user_version = %d; COMMIT", newest(&user_kind) + 1);
	execute(db, version);
	free(version);
	sqlite3_close(db);
	strbuf_free(&tables);
}

/*
 * A daemon of today has a store open that a newer program upgrades: until it is restarted, and may
 * not open it again, deliveries and corrections go on.
 */
static void test_behind_its_back(void **state)
{
	struct store_quarantined held = {.signature = "303030303030303030303037",
					 .file = (char[]){"held.2"},
					 .sender = (char[]){""},
					 .recipient = (char[]){""}};
	struct lesson lesson = {.message = 1, .class = STORE_SPAM, .delta = 1, .tokens = true};
	struct store_message row;
	struct store *store = NULL;
	char *error = NULL, *replaced = NULL;
	int64_t id;

	(void)state;
	make(&user_kind, newest(&user_kind), MESSAGES);
	assert_int_equal(store_open(&store, old_folder, false, &error), STORE_OK);
	expect_counts(store, 4 + 6, 6);
	assert_int_equal(store_preference_set(store, "locale", "fr", &error), STORE_OK);
	upgrade_further();

	assert_int_equal(store_message_by_id(store, 1, &row, &error), STORE_OK);
	strcpy(row.signature, "aaaaaaaaaaaaaaaaaaaaaaaa");
	strcpy(row.digest, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_int_equal(store_begin(store, &error), STORE_OK);
	assert_int_equal(store_message_add(store, &row, &error), STORE_OK);
	id = row.id;
	assert_int_equal(store_features_add(store, id, 1, old_hashes, 3, &error), STORE_OK);
	lesson.message = id;
	assert_int_equal(dictionary_lesson(store, &lesson, &error), STORE_OK);
	assert_int_equal(store_sender_add(store, 5, STORE_SPAM, 1, &error), STORE_OK);
	assert_int_equal(store_correction_add(store, id, 1700000000, STORE_SPAM, "imap", &error),
			 STORE_OK);
	assert_int_equal(store_commit(store, &error), STORE_OK);
	store_message_free(&row);
	assert_int_equal(store_quarantine_add(store, &held, &replaced, &error), STORE_OK);
	assert_int_equal(store_preference_set(store, "locale", "en", &error), STORE_OK);
	expect_counts(store, 4 + 7, 6);
	assert_int_equal(dictionary_merge(store, false, &error), STORE_OK);
	expect_counts(store, 4 + 7, 6);
	store_close(&store);
	assert_int_equal(store_open(&store, old_folder, false, &error), STORE_DEFER);
	assert_non_null(strstr(error, "upgrade the program"));
	free(error);
	error = NULL;
	assert_int_equal(store_remove(old_folder, &error), STORE_OK);
	assert_int_equal(mkdir(old_folder, 0700), 0);
}

/* An old program after a downgrade says so, and touches nothing. */
static void test_downgrade(void **state)
{
	(void)state;
	for (int version = 1; version < newest(&user_kind); version++) {
		struct migration *steps = xcalloc((size_t)version + 1, sizeof(*steps));
		char *error = NULL;
		make(&user_kind, newest(&user_kind), MESSAGES);
		struct content before = content_of(&user_kind);
		sqlite3 *db = database(&user_kind);
		memcpy(steps, migrations_user, (size_t)version * sizeof(*steps));
		assert_int_equal(migrate(db, steps, &error), MIGRATE_NEWER);
		assert_non_null(strstr(error, "upgrade the program"));
		free(error);
		sqlite3_close(db);
		free(steps);
		assert_int_equal(check_content(&user_kind, &before), newest(&user_kind));
		content_free(&before);
	}
}

/* A history of years: what a delivery waits for, once. UPGRADE_MESSAGES: more of them, by hand. */
static void test_large(void **state)
{
	const char *messages = getenv("UPGRADE_MESSAGES");
	struct timespec start, end;

	(void)state;
	make(&user_kind, 1, messages == NULL ? "20000" : messages);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	assert_int_equal(open_today(&user_kind), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	double seconds =
		(double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	print_message("a store of %s messages: %.3f s of work\n",
		      messages == NULL ? "20000" : messages, seconds);
	/* It must stay under what another process waits for a lock. */
	assert_true(seconds < 10);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(old_folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	remove_files();
	return rmdir(old_folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_user_version),
		cmocka_unit_test(test_every_policy_version),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_downgrade),
		cmocka_unit_test(test_behind_its_back),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
