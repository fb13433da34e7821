/* Who shares a dictionary with whom, and what each mistake in the setting is told. */
#include "spamtrain/shared/groups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PARSE(...) groups_parse(&groups, (const char *const[]){__VA_ARGS__, NULL}, &error)

static struct dictionary_groups groups;
static char *error;

static int clean(void **state)
{
	(void)state;
	groups_free(&groups);
	free(error);
	error = NULL;
	return 0;
}

static void test_groups(void **state)
{
	(void)state;
	assert_int_equal(PARSE("family:", "Bob@Example.test", "alice@example.test",
			       "help.desk_2:", "carol@example.test", "dave+x@example.test"),
			 0);
	assert_int_equal(groups.count, 2);
	assert_string_equal(groups.list[0].name, "family");
	assert_string_equal(groups.list[0].members[0], "alice@example.test");
	assert_string_equal(groups.list[0].members[1], "bob@example.test");
	assert_ptr_equal(groups_find(&groups, "bob@example.test"), &groups.list[0]);
	assert_ptr_equal(groups_find(&groups, "carol@example.test"), &groups.list[1]);
	assert_null(groups_find(&groups, "eve@example.test"));
}

static void test_nothing(void **state)
{
	(void)state;
	assert_int_equal(groups_parse(&groups, (const char *const[]){NULL}, &error), 0);
	assert_int_equal(groups.count, 0);
	assert_null(groups_find(&groups, "alice@example.test"));
}

/* Each mistake, and a piece of what it is told. */
#define REFUSED(piece, ...)                                                                        \
	do {                                                                                       \
		assert_int_equal(PARSE(__VA_ARGS__), -1);                                          \
		assert_non_null(strstr(error, "dictionary_groups: "));                             \
		if (strstr(error, piece) == NULL)                                                  \
			fail_msg("\"%s\" does not say \"%s\"", error, piece);                      \
		assert_int_equal(groups.count, 0);                                                 \
		free(error);                                                                       \
		error = NULL;                                                                      \
	} while (0)

static void test_mistakes(void **state)
{
	(void)state;
	REFUSED("comes before the name of a group", "a@b.test", "c@b.test");
	REFUSED("is not a user's mail address", "x:", "a@b.test", "bob");
	REFUSED("is not a user's mail address", "x:", "a@b.test", "a/b@");
	REFUSED("a@b.test is in two groups, \"x\" and \"y\"", "x:", "a@b.test", "c@b.test",
		"y:", "A@b.test", "d@b.test");
	REFUSED("a@b.test is in group \"x\" twice", "x:", "a@b.test", "a@b.test");
	REFUSED("groups cannot be members of groups", "x:", "a@b.test", "c@b.test",
		"y:", "d@b.test", "X");
	REFUSED("is there twice", "x:", "a@b.test", "c@b.test", "X:", "d@b.test", "e@b.test");
	REFUSED("has only one member", "x:", "a@b.test");
	REFUSED("has no members", "x:");
	REFUSED("cannot name a group", "a/b:", "a@b.test", "c@b.test");
	REFUSED("cannot name a group", ":", "a@b.test", "c@b.test");
	REFUSED("a blank is missing", "x:a@b.test", "c@b.test");
	REFUSED("a blank is missing", "x:", "c@b.test", "y:a@b.test", "d@b.test");
}

static void test_too_many(void **state)
{
	const char *words[GROUP_MEMBERS_MAX + 3] = {"all:"};
	char names[GROUP_MEMBERS_MAX + 1][24];

	(void)state;
	for (int i = 0; i <= GROUP_MEMBERS_MAX; i++) {
		names[i][0] = (char)('a' + i / 26);
		names[i][1] = (char)('a' + i % 26);
		memcpy(names[i] + 2, "@example.test", sizeof("@example.test"));
		words[i + 1] = names[i];
	}
	assert_int_equal(groups_parse(&groups, words, &error), -1);
	assert_non_null(strstr(error, "site_dictionary"));
	words[GROUP_MEMBERS_MAX + 1] = NULL;
	free(error);
	error = NULL;
	assert_int_equal(groups_parse(&groups, words, &error), 0);
	assert_int_equal(groups.list[0].count, GROUP_MEMBERS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_groups, clean),
		cmocka_unit_test_teardown(test_nothing, clean),
		cmocka_unit_test_teardown(test_mistakes, clean),
		cmocka_unit_test_teardown(test_too_many, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
