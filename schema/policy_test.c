#include "policy.h"

#include "lib/xalloc.h"
#include "migrate.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/policy_test.XXXXXX";
static char path[sizeof(directory) + 16];

static struct policy *open_store(enum policy_mode mode)
{
	struct policy *policy = NULL;
	char *error = NULL;

	if (policy_open(path, mode, -1, &policy, &error) != POLICY_OK)
		fail_msg("%s", error);
	return policy;
}

static void expect(enum policy_status want, enum policy_status got, char **error)
{
	if (want != got)
		fail_msg("expected %d, got %d: %s", want, got, *error != NULL ? *error : "");
	if (got == POLICY_OK)
		assert_null(*error);
	else
		assert_non_null(*error);
	free(*error);
	*error = NULL;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/policy.sqlite", directory);
	unlink(path);
	return 0;
}

static bool count(void *context, const struct policy_folder *folder)
{
	(void)folder;
	(*(int *)context)++;
	return true;
}

static int folders(struct policy *policy)
{
	char *error = NULL;
	int number = 0;

	expect(POLICY_OK, policy_public_list(policy, count, &number, &error), &error);
	return number;
}

static void store_is_made_with_its_mode_and_read_without_writing(void **state)
{
	struct policy *policy = NULL;
	char *error = NULL;
	struct stat st;

	(void)state;
	expect(POLICY_NOT_FOUND, policy_open(path, POLICY_READ, -1, &policy, &error), &error);
	assert_null(policy);
	policy = open_store(POLICY_CREATE);
	policy_close(&policy);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	policy = open_store(POLICY_READ);
	expect(POLICY_FAILED, policy_group_add(policy, "staff", "a@example.test", &error), &error);
	policy_close(&policy);
}

static void newer_store_is_refused(void **state)
{
	struct policy *policy = open_store(POLICY_CREATE);
	char *error = NULL;
	sqlite3 *db;

	(void)state;
	policy_close(&policy);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(policy_open(path, POLICY_CREATE, -1, &policy, &error), POLICY_FAILED);
	assert_non_null(strstr(error, "999"));
	assert_non_null(strstr(error, "upgrade the program"));
	free(error);
}

static void old_store_is_refused_by_readers_only(void **state)
{
	struct policy *policy = NULL;
	char *error = NULL;
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	fclose(file);
	expect(POLICY_FAILED, policy_open(path, POLICY_READ, -1, &policy, &error), &error);
	policy = open_store(POLICY_CREATE);
	policy_close(&policy);
	policy = open_store(POLICY_READ);
	policy_close(&policy);
}

static void damaged_store_is_refused(void **state)
{
	struct policy *policy = NULL;
	char *error = NULL;
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("no database at all\n", file);
	fclose(file);
	expect(POLICY_FAILED, policy_open(path, POLICY_CREATE, -1, &policy, &error), &error);
	assert_null(policy);
}

static void failed_migration_leaves_the_store_as_it_was(void **state)
{
	static const struct migration broken[] = {
		{"001-good", "CREATE TABLE one (a)"},
		{"002-bad", "CREATE TABLE two (a); CREATE TABLE one (b)"},
		{NULL, NULL}};
	sqlite3 *db;
	char *error = NULL;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(migrate(db, broken, &error), MIGRATE_FAILED);
	assert_non_null(strstr(error, "002-bad"));
	free(error);
	assert_int_equal(sqlite3_exec(db, "SELECT a FROM one", NULL, NULL, NULL), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(db, "SELECT a FROM two", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void public_folders_come_with_their_parents_and_go_with_their_children(void **state)
{
	struct policy *policy = open_store(POLICY_CREATE);
	char *error = NULL;

	(void)state;
	expect(POLICY_OK, policy_public_create(policy, "#MilkyPond/News/Old", &error), &error);
	assert_int_equal(folders(policy), 3);
	expect(POLICY_EXISTS, policy_public_create(policy, "#MilkyPond/News", &error), &error);
	expect(POLICY_EXISTS, policy_public_create(policy, "#milkypond", &error), &error);
	expect(POLICY_OK, policy_public_create(policy, "#MilkyPond/Newspaper", &error), &error);
	expect(POLICY_OK, policy_public_delete(policy, "#MilkyPond/News", &error), &error);
	assert_int_equal(folders(policy), 2);
	expect(POLICY_NOT_FOUND, policy_public_delete(policy, "#MilkyPond/News", &error), &error);
	expect(POLICY_OK, policy_public_delete(policy, "#MilkyPond", &error), &error);
	assert_int_equal(folders(policy), 0);
	policy_close(&policy);
}

struct sought {
	const char *name;
	bool found;
};

static bool seek_delegate(void *context, const struct policy_folder *folder,
			  const struct policy_identifier *delegate)
{
	struct sought *sought = context;

	(void)folder;
	if (strcmp(delegate->name, sought->name) == 0)
		sought->found = true;
	return true;
}

static bool is_delegate(struct policy *policy, const char *folder, const char *name)
{
	struct sought sought = {name, false};
	char *error = NULL;

	expect(POLICY_OK, policy_delegate_list(policy, folder, seek_delegate, &sought, &error),
	       &error);
	return sought.found;
}

static bool find_group(void *context, const struct policy_folder *folder,
		       const struct policy_identifier *delegate)
{
	assert_string_equal(folder->tree, "#Pond");
	if (delegate->is_group)
		strcpy(context, delegate->name);
	return true;
}

static void delegates_rule_below_their_folder(void **state)
{
	struct policy *policy = open_store(POLICY_CREATE);
	struct policy_identifier bob, staff;
	char group[POLICY_NAME_MAX + 1] = "";
	char *error = NULL;

	(void)state;
	assert_int_equal(policy_identifier_parse("Bob@Example.test", &bob, &error), 0);
	assert_int_equal(policy_identifier_parse("group=Staff", &staff, &error), 0);
	expect(POLICY_OK, policy_public_create(policy, "#Pond/News/Old", &error), &error);
	expect(POLICY_OK, policy_public_delegate(policy, "#Pond/News", &bob, true, &error), &error);
	expect(POLICY_EXISTS, policy_public_delegate(policy, "#Pond/News", &bob, true, &error),
	       &error);
	expect(POLICY_NOT_FOUND, policy_public_delegate(policy, "#Pond", &staff, true, &error),
	       &error);
	expect(POLICY_OK, policy_group_add(policy, "$staff", "alice@example.test", &error), &error);
	expect(POLICY_OK, policy_public_delegate(policy, "#Pond", &staff, true, &error), &error);
	assert_false(is_delegate(policy, "#Pond", "bob@example.test"));
	assert_true(is_delegate(policy, "#Pond/News", "bob@example.test"));
	assert_false(is_delegate(policy, "#Pond/News/Old", "bob@example.test"));
	assert_true(is_delegate(policy, "#Pond", "staff"));
	expect(POLICY_OK, policy_delegate_list(policy, NULL, find_group, group, &error), &error);
	assert_string_equal(group, "staff");
	expect(POLICY_OK, policy_group_remove(policy, "staff", NULL, &error), &error);
	expect(POLICY_OK, policy_group_add(policy, "staff", "alice@example.test", &error), &error);
	assert_false(is_delegate(policy, "#Pond", "staff"));
	expect(POLICY_OK, policy_public_delegate(policy, "#Pond/News", &bob, false, &error),
	       &error);
	assert_false(is_delegate(policy, "#Pond/News", "bob@example.test"));
	policy_close(&policy);
}

static void changes_of_others_are_seen(void **state)
{
	struct policy *writer = open_store(POLICY_CREATE), *reader = open_store(POLICY_READ);
	char *error = NULL;

	(void)state;
	assert_false(policy_changed(reader));
	expect(POLICY_OK, policy_group_add(writer, "staff", "a@example.test", &error), &error);
	assert_true(policy_changed(reader));
	assert_false(policy_changed(reader));
	policy_close(&writer);
	policy_close(&reader);
}

static void folder_names(void **state)
{
	static const char *const good[] = {"#Pond", "#Pond/News 2.0", "#\xc3\x89tang/\xe2\x82\xac"};
	static const char *const bad[] = {"",
					  "Pond",
					  "#",
					  "#/a",
					  "#Pond/",
					  "#Pond//a",
					  "#Pond/..",
					  "#Pond/cur",
					  "#Pond/dovecot",
					  "#Shared/x",
					  "#Pond/a*b",
					  "#Pond/\r",
					  "#Pond/#a",
					  "#Pond/\xc0\xaf",
					  "#Pond/\xed\xa0\x80",
					  "#a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"};
	char name[POLICY_NAME_MAX + 1], *error = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(policy_name_folder(good[i], name, &error), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (policy_name_folder(bad[i], name, &error) == 0)
			fail_msg("\"%s\" was accepted", bad[i]);
		free(error);
	}
}

static void user_and_domain_names(void **state)
{
	static const char *const bad[] = {"alice",
					  "@example.test",
					  "a@b",
					  "a..b@example.test",
					  ".a@example.test",
					  "a b@example.test",
					  "a@-x.test",
					  "a@example.test.",
					  "a\n@example.test",
					  "$staff"};
	char name[POLICY_NAME_MAX + 1], *error = NULL;

	(void)state;
	assert_int_equal(policy_name_user("Alice.O'Hara@EXAMPLE.test", name, &error), 0);
	assert_string_equal(name, "alice.o'hara@example.test");
	assert_int_equal(policy_name_domain("Partner.Test", name, &error), 0);
	assert_string_equal(name, "partner.test");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (policy_name_user(bad[i], name, &error) == 0)
			fail_msg("\"%s\" was accepted", bad[i]);
		free(error);
	}
}

static void set_all(struct policy_mx2 *mx2, const char *const *pairs)
{
	char *error = NULL;

	policy_mx2_init(mx2);
	for (; *pairs != NULL; pairs += 2) {
		if (policy_mx2_set(mx2, pairs[0], pairs[1], &error) < 0)
			fail_msg("%s", error);
	}
}

/* What Postfix would get for the key; "" if nothing. */
static void ask(const char *view, const char *key, const char *want)
{
	char *sql = sqlite3_mprintf("SELECT value FROM %s WHERE key = %Q", view, key);
	const char *got = "";
	sqlite3_stmt *statement;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	if (sqlite3_step(statement) == SQLITE_ROW)
		got = (const char *)sqlite3_column_text(statement, 0);
	assert_string_equal(got, want);
	assert_int_not_equal(sqlite3_step(statement), SQLITE_ROW);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	sqlite3_free(sql);
}

static void postfix_reads_what_was_set(void **state)
{
	static const char *const partner[] = {
		"domain", "Partner.test", "primary", "mx1.example.test:2525", "retention",  "3w",
		"tls",	  "secure",	  "cafile",  "/etc/ssl/lab",	      "recipients", "list",
		NULL};
	static const char *const other[] = {"domain", "other.test", "recipients", "learned", NULL};
	struct policy *policy = open_store(POLICY_CREATE);
	struct policy_mx2 mx2;
	char *error = NULL;

	(void)state;
	set_all(&mx2, partner);
	expect(POLICY_OK, policy_mx2_add(policy, &mx2, &error), &error);
	expect(POLICY_EXISTS, policy_mx2_add(policy, &mx2, &error), &error);
	expect(POLICY_OK,
	       policy_mx2_recipient(policy, "partner.test", "Pat@partner.test", true, &error),
	       &error);
	expect(POLICY_INVALID,
	       policy_mx2_recipient(policy, "partner.test", "pat@other.test", true, &error),
	       &error);
	set_all(&mx2, other);
	expect(POLICY_OK, policy_mx2_add(policy, &mx2, &error), &error);
	ask("mx2_postfix_domain", "partner.test", "partner.test");
	ask("mx2_postfix_domain", "third.test", "");
	ask("mx2_postfix_transport", "partner.test", "shoveler-relay:[mx1.example.test]:2525");
	ask("mx2_postfix_transport", "other.test", "shoveler-relay:other.test");
	ask("mx2_postfix_tls", "[mx1.example.test]:2525", "secure tafile=/etc/ssl/lab");
	ask("mx2_postfix_tls", "other.test", "may");
	ask("mx2_postfix_recipient", "PAT@partner.test", "OK");
	ask("mx2_postfix_recipient", "nobody@partner.test", "");
	ask("mx2_postfix_recipient", "@partner.test", "");
	ask("mx2_postfix_recipient", "@other.test", "OK");
	ask("mx2_postfix_verify", "other.test", "reject_unverified_recipient");
	ask("mx2_postfix_verify", "partner.test", "");
	expect(POLICY_OK, policy_mx2_remove(policy, "partner.test", &error), &error);
	ask("mx2_postfix_recipient", "pat@partner.test", "");
	policy_close(&policy);
}

static void shared_next_hop_gets_the_strictest_tls(void **state)
{
	static const char *const weak[] = {"domain", "a.test", "primary", "mx.b.test",
					   "tls",    "may",    NULL};
	static const char *const strict[] = {"domain", "b.test", "primary", "[mx.b.test]",
					     "tls",    "secure", NULL};
	struct policy *policy = open_store(POLICY_CREATE);
	struct policy_mx2 mx2;
	char *error = NULL;

	(void)state;
	set_all(&mx2, weak);
	expect(POLICY_OK, policy_mx2_add(policy, &mx2, &error), &error);
	set_all(&mx2, strict);
	expect(POLICY_OK, policy_mx2_add(policy, &mx2, &error), &error);
	ask("mx2_postfix_tls", "[mx.b.test]", "secure");
	policy_close(&policy);
}

static void mx2_values_are_kept_and_checked(void **state)
{
	static const char *const bad[] = {
		"primary",    "[mx.test",
		"primary",    "mx.example.test:0",
		"primary",    "a b.test",
		"retention",  "0",
		"retention",  "101d",
		"retention",  "5x",
		"retention",  "14",
		"until",      "tomorrow",
		"tls",	      "on",
		"match",      "a b",
		"cafile",     "relative",
		"recipients", "some",
		"contact",    "nobody",
		"key",	      "AAAA",
		"url",	      "http://a.test/list",
		"url",	      "https://a.test/a b",
		"key",	      "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo",
		"colour",     "blue",
		NULL};
	struct policy *policy = open_store(POLICY_CREATE);
	struct policy_mx2 mx2, again;
	char *error = NULL;

	(void)state;
	policy_mx2_init(&mx2);
	for (const char *const *pair = bad; *pair != NULL; pair += 2) {
		if (policy_mx2_set(&mx2, pair[0], pair[1], &error) == 0)
			fail_msg("%s=%s was accepted", pair[0], pair[1]);
		free(error);
	}
	assert_int_equal(policy_mx2_set(&mx2, "domain", "a.test", &error), 0);
	assert_int_equal(policy_mx2_set(&mx2, "tls", "secure", &error), 0);
	expect(POLICY_INVALID, policy_mx2_add(policy, &mx2, &error), &error);
	assert_int_equal(policy_mx2_set(&mx2, "match", "mx1.a.test:mx2.a.test", &error), 0);
	assert_int_equal(policy_mx2_set(&mx2, "until", "2030-01-31", &error), 0);
	again = mx2;
	assert_int_equal(policy_mx2_set(&again, "tls", "fingerprint", &error), 0);
	expect(POLICY_INVALID, policy_mx2_add(policy, &again, &error), &error);
	assert_int_equal(
		policy_mx2_set(&again, "match",
			       "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF|"
			       "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33",
			       &error),
		0);
	assert_int_equal(policy_mx2_check(&again, &error), 0);
	assert_int_equal(policy_mx2_set(&again, "match", "00:11:22", &error), 0);
	expect(POLICY_INVALID, policy_mx2_add(policy, &again, &error), &error);
	expect(POLICY_NOT_FOUND, policy_mx2_update(policy, &mx2, &error), &error);
	expect(POLICY_OK, policy_mx2_add(policy, &mx2, &error), &error);
	assert_int_equal(policy_mx2_set(&mx2, "retention", "2d", &error), 0);
	expect(POLICY_OK, policy_mx2_update(policy, &mx2, &error), &error);
	expect(POLICY_OK, policy_mx2_get(policy, "A.test", &again, &error), &error);
	assert_memory_equal(&again, &mx2, sizeof(mx2));
	expect(POLICY_NOT_FOUND, policy_mx2_get(policy, "b.test", &again, &error), &error);
	policy_close(&policy);
}

/* Nobody is refused before the first list came; then those on it alone are known. */
static void signed_lists_come_in_order(void **state)
{
	static const char *const partner[] = {
		"domain", "partner.test", "recipients",
		"list",	  "key",	  "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
		NULL};
	static const char *const pat[] = {"pat@partner.test"}, *const sam[] = {"sam@partner.test"};
	static const char *const foreign[] = {"sam@third.test"};
	struct policy *policy = open_store(POLICY_CREATE);
	struct policy_mx2 mx2;
	char *error = NULL;

	(void)state;
	ask("mx2_postfix_alias", "shoveler-recipients", "");
	set_all(&mx2, partner);
	expect(POLICY_OK, policy_mx2_add(policy, &mx2, &error), &error);
	ask("mx2_postfix_alias", "shoveler-recipients", "accept@recipients.shoveler.invalid");
	ask("mx2_postfix_transport", "recipients.shoveler.invalid", "shoveler-accept:");
	ask("mx2_postfix_recipient", "@partner.test", "OK");
	expect(POLICY_OK, policy_mx2_list_install(policy, "partner.test", 7, pat, 1, &error),
	       &error);
	ask("mx2_postfix_recipient", "@partner.test", "");
	ask("mx2_postfix_recipient", "pat@partner.test", "OK");
	expect(POLICY_EXISTS, policy_mx2_list_install(policy, "partner.test", 7, sam, 1, &error),
	       &error);
	expect(POLICY_INVALID,
	       policy_mx2_list_install(policy, "partner.test", 8, foreign, 1, &error), &error);
	ask("mx2_postfix_recipient", "pat@partner.test", "OK");
	expect(POLICY_OK, policy_mx2_list_install(policy, "partner.test", 8, sam, 1, &error),
	       &error);
	ask("mx2_postfix_recipient", "pat@partner.test", "");
	expect(POLICY_OK, policy_mx2_get(policy, "partner.test", &mx2, &error), &error);
	assert_int_equal(mx2.list_serial, 8);
	assert_int_equal(policy_mx2_set(&mx2, "recipients", "all", &error), 0);
	expect(POLICY_INVALID, policy_mx2_update(policy, &mx2, &error), &error);
	policy_close(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(store_is_made_with_its_mode_and_read_without_writing,
				       set_up),
		cmocka_unit_test_setup(newer_store_is_refused, set_up),
		cmocka_unit_test_setup(old_store_is_refused_by_readers_only, set_up),
		cmocka_unit_test_setup(damaged_store_is_refused, set_up),
		cmocka_unit_test(failed_migration_leaves_the_store_as_it_was),
		cmocka_unit_test_setup(
			public_folders_come_with_their_parents_and_go_with_their_children, set_up),
		cmocka_unit_test_setup(delegates_rule_below_their_folder, set_up),
		cmocka_unit_test_setup(changes_of_others_are_seen, set_up),
		cmocka_unit_test(folder_names),
		cmocka_unit_test(user_and_domain_names),
		cmocka_unit_test_setup(postfix_reads_what_was_set, set_up),
		cmocka_unit_test_setup(shared_next_hop_gets_the_strictest_tls, set_up),
		cmocka_unit_test_setup(mx2_values_are_kept_and_checked, set_up),
		cmocka_unit_test_setup(signed_lists_come_in_order, set_up),
	};
	int failed;

	if (mkdtemp(directory) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(directory);
	return failed;
}
