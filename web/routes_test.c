#include "web/pages.h"
#include "web/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_own_pages_are_gone_to(void **state)
{
	static const char *const own[] = {"", "history", "history?q=a%20b&before=12",
					  "message?s=6b03"};
	static const char *const foreign[] = {
		"//evil.test",
		"https://evil.test",
		"/history",
		"\\\\evil.test",
		"history?to=//x",
		"history\r\nX: y",
		"history#x",
		"history?q=\xc3\xa9",
		"history?q=<script>",
		"sign-in",
		"sign-out",
		"link?t=x",
		"style.css",
		"../history",
		"History",
		"history ",
		"javascript:alert(1)",
		"history?x=\"onclick=",
		"nothing?a=b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		assert_true(routes_is_own(own[i]));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_false(routes_is_own(foreign[i]));
}

static void assert_redirect(const char *back, const char *expected)
{
	struct request r = {0};

	notice_redirect(&r, back, "quarantine", "deleted", 3);
	assert_int_equal(r.response.status, 303);
	assert_string_equal(r.response.location, expected);
	request_free(&r);
}

static void notices_go_back_to_where_one_was(void **state)
{
	(void)state;
	assert_redirect("history", "history?done=deleted&n=3");
	assert_redirect("history?q=x", "history?q=x&done=deleted&n=3");
	assert_redirect("history?q=x&done=spam&n=1", "history?q=x&done=deleted&n=3");
	assert_redirect("history?done=spam&n=1", "history?done=deleted&n=3");
	assert_redirect("//evil.test", "quarantine?done=deleted&n=3");
	assert_redirect("", "quarantine?done=deleted&n=3");
}

static void words_alert(void **state)
{
	json_t *row = json_pack("{s:s, s:s, s:s}", "from", "Boss <boss@example.test>", "sender",
				"bounce@client.test", "subject", "Your INVOICE");

	(void)state;
	assert_true(show_is_alert(row, "tax, invoice"));
	assert_true(show_is_alert(row, " boss@ "));
	assert_true(show_is_alert(row, "bounce@client"));
	assert_false(show_is_alert(row, "tax"));
	assert_false(show_is_alert(row, ""));
	assert_false(show_is_alert(row, " , ,"));
	json_decref(row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_own_pages_are_gone_to),
		cmocka_unit_test(notices_go_back_to_where_one_was),
		cmocka_unit_test(words_alert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
