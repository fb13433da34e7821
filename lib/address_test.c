#include "address.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after the headers above */
#include <cmocka.h>

static const char *user_of(const char *address, const char *delimiters)
{
	static struct strbuf user;

	strbuf_reset(&user);
	return address_user(span_of(address), delimiters, &user) ? strbuf_text(&user) : NULL;
}

static void users_of_addresses(void **state)
{
	(void)state;
	assert_string_equal(user_of("Alice@Example.TEST", "+"), "alice@example.test");
	assert_string_equal(user_of("alice+news@example.test", "+"), "alice@example.test");
	assert_string_equal(user_of("alice-x+y@example.test", "+-"), "alice@example.test");
	assert_string_equal(user_of("alice+x@example.test", ""), "alice+x@example.test");
	assert_string_equal(user_of("+x@example.test", "+"), "+x@example.test");
	assert_string_equal(user_of("\"alice+x\"@example.test", "+"), "alice@example.test");
	assert_string_equal(user_of("\"al\\ice\"@example.test", "+"), "alice@example.test");
	assert_string_equal(user_of("jürgen@exämple.test", "+"), "jürgen@exämple.test");
}

static void lists(void **state)
{
	static const char *const list[] = {"Trap@example.test", "@old.test", NULL};

	(void)state;
	assert_true(address_is_listed(list, "trap@Example.TEST", "+"));
	assert_true(address_is_listed(list, "TRAP+x@example.test", "+"));
	assert_false(address_is_listed(list, "trap+x@example.test", ""));
	assert_false(address_is_listed(list, "trapp@example.test", "+"));
	assert_false(address_is_listed(list, "trap@example.test.evil", "+"));
	assert_true(address_is_listed(list, "anybody@OLD.test", "+"));
	assert_false(address_is_listed(list, "anybody@sub.old.test", "+"));
	assert_false(address_is_listed(list, "trap", "+"));
	assert_false(address_is_listed(list, "", "+"));
	assert_false(address_is_listed(list + 2, "trap@example.test", "+"));
}

static void what_is_no_user(void **state)
{
	static const char *const wrong[] = {
		"",
		"alice",
		"@",
		"alice@",
		"@example.test",
		"a b@example.test",
		"a/b@example.test",
		"\"a@b\"@example.test",
		"a@../x",
		"a@.",
		"a@.test",
		"a@test.",
		"a@b c",
		"a\n@b",
		"a@b%2f",
		"\"\"@example.test",
		"\"\\\"a\\\"\"@example.test", /* would be "a", and then a */
	};
	struct strbuf longest = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_null(user_of(wrong[i], "+"));
	for (int i = 0; i < ADDRESS_LOCAL_MAX + 1; i++)
		strbuf_append_char(&longest, 'a');
	strbuf_append_text(&longest, "@b");
	assert_null(user_of(strbuf_text(&longest), "+"));
	assert_non_null(user_of(strbuf_text(&longest) + 1, "+"));
	strbuf_free(&longest);
	/* short enough, but not as a file name: each byte takes three */
	for (int i = 0; i < NAME_MAX / 3 + 1; i++)
		strbuf_append_char(&longest, '\xff');
	strbuf_append_text(&longest, "@b");
	assert_null(user_of(strbuf_text(&longest), "+"));
	assert_non_null(user_of(strbuf_text(&longest) + 1, "+"));
	strbuf_free(&longest);
	assert_false(address_is_user(span_of("Alice@example.test")));
	assert_true(address_is_user(span_of("alice@example.test")));
}

static void path_elements(void **state)
{
	static const char *const cases[][2] = {
		{"alice", "alice"}, {"a.b", "a.b"},  {"..", "%2E."},
		{".", "%2E"},	    {"", "%"},	     {"a%b", "a%25b"},
		{"a/b", "a%2Fb"},   {"\xff", "%FF"}, {"store.sqlite", "store.sqlite"},
	};
	struct strbuf out = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strbuf_reset(&out);
		address_escape(&out, span_of(cases[i][0]));
		assert_string_equal(strbuf_text(&out), cases[i][1]);
	}
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_of_addresses),
		cmocka_unit_test(lists),
		cmocka_unit_test(what_is_no_user),
		cmocka_unit_test(path_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
