#include "web/cookie.h"
#include "web/form.h"

#include "lib/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void fields_are_decoded(void **state)
{
	struct form form;

	(void)state;
	assert_true(form_parse(&form, SPAN_LITERAL("a=1&b=x+y%20z%26&&c&=d&a=2&n=42")));
	assert_int_equal(form.count, 6);
	assert_string_equal(form_get(&form, "a"), "1");
	assert_string_equal(form_get(&form, "b"), "x y z&");
	assert_string_equal(form_get(&form, "c"), "");
	assert_string_equal(form_get(&form, ""), "d");
	assert_null(form_get(&form, "e"));
	assert_string_equal(form_text(&form, "e"), "");
	assert_int_equal(form_number(&form, "n", -1), 42);
	assert_int_equal(form_number(&form, "b", -1), -1);
	form_free(&form);
	assert_true(form_parse(&form, SPAN_LITERAL("n=-5&m=99999999999999999999&o=0x10&p=7+")));
	assert_int_equal(form_number(&form, "n", 9), 9);
	assert_int_equal(form_number(&form, "m", 9), 9);
	assert_int_equal(form_number(&form, "o", 9), 9);
	assert_int_equal(form_number(&form, "p", 9), 9);
	form_free(&form);
	assert_true(form_parse(&form, SPAN_LITERAL("")));
	assert_int_equal(form.count, 0);
	form_free(&form);
}

static void what_is_malformed_is_refused(void **state)
{
	static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "%g0=1", "a=%00", "a=1&b=%0"};
	struct form form;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(form_parse(&form, span_of(bad[i])));
		assert_int_equal(form.count, 0);
	}
	assert_false(form_parse(&form, (struct span){"a=\0", 3}));
}

static void limits_hold(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct form form;

	(void)state;
	for (int i = 0; i < FORM_FIELDS_MAX; i++)
		strbuf_append_text(&text, "a&");
	assert_true(form_parse(&form, strbuf_span(&text)));
	form_free(&form);
	strbuf_append_text(&text, "a");
	assert_false(form_parse(&form, strbuf_span(&text)));
	strbuf_reset(&text);
	for (int i = 0; i < FORM_SIZE_MAX; i++)
		strbuf_append_char(&text, 'a');
	assert_true(form_parse(&form, strbuf_span(&text)));
	form_free(&form);
	strbuf_append_char(&text, 'a');
	assert_false(form_parse(&form, strbuf_span(&text)));
	strbuf_free(&text);
}

static void assert_cookie(const char *header, const char *expected)
{
	struct span found = cookie_find(span_of(header), COOKIE_SESSION);

	assert_true(span_equal(found, span_of(expected)));
}

static void cookie_is_found(void **state)
{
	char *header;

	(void)state;
	assert_cookie("", "");
	assert_cookie(COOKIE_SESSION "=abc", "abc");
	assert_cookie("a=b; " COOKIE_SESSION "=a=b ;c=d", "a=b");
	assert_cookie("x" COOKIE_SESSION "=abc", "");
	assert_cookie(COOKIE_SESSION, "");
	/* One of them is somebody else's: neither is believed. */
	assert_cookie(COOKIE_SESSION "=abc; " COOKIE_SESSION "=abd", "");
	header = cookie_header(COOKIE_SESSION, "abc");
	assert_non_null(strstr(header, "; Path=/; Secure; HttpOnly; SameSite=Lax"));
	free(header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_decoded),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(cookie_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
