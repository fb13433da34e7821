/* Stores of older and newer programs. */
#include "schema/dictionary.h"
#include "schema/migrate.h"
#include "schema/store_internal.h"
#include "schema/tokens.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "schema/hash_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#define SIGNATURE "0123456789abcdef01234567"

static char folder[] = "/tmp/store_test.XXXXXX";

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	return 0;
}

static int teardown(void **state)
{
	char *error = NULL;

	(void)state;
	assert_int_equal(store_remove(folder, &error), STORE_OK);
	return 0;
}

static const uint32_t hashes[] = {1000, 2000, 4000000000U};

/*
 * What the first program left: a spam in a snapshot, taught again in the log, with its signature.
 */
static void first_program(void)
{
	char *path = xasprintf("%s/store.sqlite", folder), *error = NULL;
	const struct migration first[] = {migrations_user[0], {NULL, NULL}};
	struct token tokens[3] = {0};
	struct strbuf packed = STRBUF_INIT;
	sqlite3_stmt *s;
	sqlite3 *db;

	assert_string_equal(first[0].name, "001-initial");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(migrate(db, first, &error), MIGRATE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			     "INSERT INTO message VALUES (1, x'" SIGNATURE
			     "', zeroblob(16), 1700000000,"
			     "10, '', 'f', 's', 'i', 'q', 1, 1, 1, 1, 0, 2, 2, 0, 0, '', '', 1, 2,"
			     "zeroblob(26), 0);"
			     "INSERT INTO lesson VALUES (7, 1, 2, 1, 1, zeroblob(26), 100, 50);"
			     "UPDATE dictionary SET generation = 3, seq = 6, files = 'tokens.3.a', "
			     "sums = zeroblob(26656)",
			     NULL, NULL, NULL),
		SQLITE_OK);
	hash_list_pack(&packed, hashes, 3);
	assert_int_equal(
		sqlite3_prepare_v2(db, "INSERT INTO features VALUES (1, 1, ?1)", -1, &s, NULL),
		SQLITE_OK);
	sqlite3_bind_blob64(s, 1, strbuf_text(&packed), packed.size, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
	strbuf_free(&packed);
	sqlite3_close(db);
	free(path);
	for (int i = 0; i < 3; i++) /* births were not known */
		tokens[i] = (struct token){.hash = hashes[i], .spam = 4, .day = 19000};
	path = xasprintf("%s/tokens.3.a", folder);
	assert_int_equal(tokens_write(path, tokens, 3, &error), 0);
	free(path);
}

static void test_upgrade(void **state)
{
	struct store *store = NULL;
	struct store_message row;
	struct token_counts counts[3];
	char *error = NULL;

	(void)state;
	first_program();
	assert_int_equal(store_open(&store, folder, false, &error), STORE_OK);
	assert_int_equal(store_message_by_signature(store, SIGNATURE, &row, &error), STORE_OK);
	assert_int_equal(row.taught, STORE_SPAM);
	assert_int_equal(dictionary_refresh(store, &error), STORE_OK);
	dictionary_counts(store, hashes, 3, counts);
	for (int i = 0; i < 3; i++)
		assert_int_equal(counts[i].spam, 5);

	/* What was taught by the old program is taken back. */
	struct lesson lesson = {.message = 1,
				.class = STORE_SPAM,
				.delta = -1,
				.tokens = true,
				.gradients = {100, 50}};
	assert_int_equal(dictionary_lesson(store, &lesson, &error), STORE_OK);
	assert_int_equal(dictionary_refresh(store, &error), STORE_OK);
	dictionary_counts(store, hashes, 3, counts);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(counts[i].spam, 4);
		assert_int_equal(counts[i].gradient, 0);
		assert_int_equal(counts[i].square, 0);
	}
	store_message_free(&row);
	store_close(&store);
}

static void test_newer(void **state)
{
	struct store *store = NULL;
	char *path = xasprintf("%s/store.sqlite", folder), *error = NULL;
	sqlite3 *db;

	(void)state;
	assert_int_equal(store_open(&store, folder, true, &error), STORE_OK);
	store_close(&store);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1000", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_open(&store, folder, false, &error), STORE_DEFER);
	assert_null(store);
	assert_non_null(strstr(error, "upgrade the program"));
	free(error);
	free(path);
}

static bool there(const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);
	bool found = access(path, F_OK) == 0;

	free(path);
	return found;
}

static char none[] = "none", came[] = "came", both[] = "came later";

static bool knows(void *context, const char *file)
{
	return strstr(context, file) != NULL;
}

static void hold(const char *file)
{
	char *path = xasprintf("%s/store.sqlite", folder);
	char *sql =
		xasprintf("INSERT INTO quarantine VALUES (CAST('%s' AS BLOB), '%s', '', '', 1, 1)",
			  file, file);
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	free(sql);
	free(path);
}

static void test_remove_restored(void **state)
{
	struct store *store = NULL;
	char *error = NULL;

	(void)state;
	assert_int_equal(store_remove_restored(folder, knows, came, &error), STORE_NOT_FOUND);
	first_program();
	assert_int_equal(store_open(&store, folder, true, &error), STORE_OK);
	store_close(&store);
	hold("came");
	hold("later");
	assert_int_equal(store_remove_restored(folder, knows, came, &error), STORE_DEFER);
	assert_non_null(strstr(error, "came meanwhile"));
	assert_true(there("store.sqlite"));
	assert_true(there("tokens.3.a"));
	free(error);
	assert_int_equal(store_remove_restored(folder, knows, both, &error), STORE_OK);
	assert_int_equal(access(folder, F_OK), -1);
	assert_int_equal(mkdir(folder, 0700), 0);
	first_program();
}

static void test_remove_unused(void **state)
{
	struct store *store = NULL;
	char *path = xasprintf("%s/damaged.1.store.sqlite", folder), *error = NULL;

	(void)state;
	assert_int_equal(store_open(&store, folder, true, &error), STORE_OK);
	store_close(&store);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(store_remove_unused(folder, &error), STORE_OK);
	assert_false(there("store.sqlite"));
	assert_true(there("damaged.1.store.sqlite"));
	assert_int_equal(store_remove_unused(folder, &error), STORE_NOT_FOUND);
	/* The dictionary may be the damaged one's. */
	first_program();
	assert_int_equal(store_remove_restored(folder, knows, none, &error), STORE_OK);
	assert_false(there("store.sqlite"));
	assert_true(there("tokens.3.a"));
	assert_int_equal(unlink(path), 0);
	free(path);
	path = xasprintf("%s/tokens.3.a", folder);
	assert_int_equal(unlink(path), 0);
	/* A message came meanwhile. */
	first_program();
	assert_int_equal(store_remove_unused(folder, &error), STORE_OK);
	assert_true(there("store.sqlite"));
	assert_true(there("tokens.3.a"));
	free(path);
}

/* A folder that cannot be read is not one that is gone. */
static void test_remove_unreadable(void **state)
{
	char *error = NULL;

	(void)state;
	assert_int_equal(store_remove("/dev/null", &error), STORE_DEFER);
	assert_non_null(error);
	free(error);
	error = NULL;
	assert_int_equal(store_remove("/dev/shm/no such folder", &error), STORE_NOT_FOUND);
	assert_null(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remove_unreadable),
		cmocka_unit_test_setup_teardown(test_upgrade, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_unused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_restored, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
