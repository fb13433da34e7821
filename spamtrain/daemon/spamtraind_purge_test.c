#include "spamtrain/daemon/spamtraind_purge.h"
#include "spamtrain/user/users.h"

#include "lib/xalloc.h"
#include "lib/test_folder.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/spamtraind_purge_test.XXXXXX";

struct seen {
	struct strbuf users;
	unsigned count, limit;
};

static bool see(void *context, const char *user)
{
	struct seen *seen = context;

	strbuf_printf(&seen->users, "<%s>", user);
	return ++seen->count < seen->limit;
}

static void make_user(const char *user)
{
	char *path = store_user_directory(folder, user);
	struct store *store = NULL;
	char *error = NULL;

	assert_non_null(path);
	assert_int_equal(store_open(&store, path, true, &error), STORE_OK);
	store_close(&store);
	free(path);
}

static void make_folder(const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

static void every_user_is_seen_under_his_own_name(void **state)
{
	static const char *const users[] = {"alice@example.test", "zo\xc3\xab@example.test",
					    "a%b.c*d@other.test", "...@other.test"};
	struct seen seen = {STRBUF_INIT, 0, 100};
	char *error = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		make_user(users[i]);
	make_folder("example.test/%zz");
	make_folder("example.test/%00");
	make_folder("example.test/UPPER");
	make_folder("example.test/.hidden");
	assert_int_equal(users_each(folder, see, &seen, &error), 0);
	assert_int_equal(seen.count, sizeof(users) / sizeof(users[0]));
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		char *wanted = xasprintf("<%s>", users[i]);

		if (strstr(strbuf_text(&seen.users), wanted) == NULL)
			fail_msg("%s is not in %s", wanted, strbuf_text(&seen.users));
		free(wanted);
	}
	strbuf_free(&seen.users);
}

static void it_ends_when_told(void **state)
{
	struct seen seen = {STRBUF_INIT, 0, 1};
	char *error = NULL;

	(void)state;
	assert_int_equal(users_each(folder, see, &seen, &error), 0);
	assert_int_equal(seen.count, 1);
	strbuf_free(&seen.users);
}

static void a_missing_folder_has_no_users(void **state)
{
	struct seen seen = {STRBUF_INIT, 0, 1};
	char *error = NULL;

	(void)state;
	assert_int_equal(users_each("/nonexistent", see, &seen, &error), 0);
	assert_int_equal(seen.count, 0);
	assert_int_equal(users_each("/dev/null", see, &seen, &error), -1);
	free(error);
}

/* A backup, a site dictionary of some of the users would look like one of all. */
static void users_that_cannot_be_seen_are_missed(void **state)
{
	struct seen seen = {STRBUF_INIT, 0, 100};
	struct rlimit all, one;
	char *error = NULL;
	int next = dup(STDOUT_FILENO), ret;

	(void)state;
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	one = (struct rlimit){(rlim_t)next + 1, all.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &one), 0);
	ret = users_each(folder, see, &seen, &error);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_equal(ret, -1);
	assert_non_null(strstr(error, "cannot read"));
	assert_int_equal(seen.count, 0);
	free(error);
	strbuf_free(&seen.users);
}

static int make_scratch(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_scratch(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_user_is_seen_under_his_own_name),
		cmocka_unit_test(it_ends_when_told),
		cmocka_unit_test(a_missing_folder_has_no_users),
		cmocka_unit_test(users_that_cannot_be_seen_are_missed),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
