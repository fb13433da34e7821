#include "header.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_span(struct span s, const char *expected)
{
	if (!span_equal(s, span_of(expected)))
		fail_msg("\"%.*s\" is not \"%s\"", SPAN_ARG(s), expected);
}

static void fields_are_raw(void **state)
{
	struct span rest = span_of("Subject: a\r\n  b\r\nX-Y :\r\n\r\nbody\r\n");
	struct header_field field;

	(void)state;
	assert_true(header_next(&rest, &field));
	assert_span(field.raw, "Subject: a\r\n  b\r\n");
	assert_span(field.name, "Subject");
	assert_span(field.body, " a\r\n  b");
	assert_true(header_next(&rest, &field));
	assert_span(field.name, "X-Y");
	assert_span(field.body, "");
	assert_false(header_next(&rest, &field));
	assert_span(rest, "body\r\n");
}

static void a_line_that_is_no_field_ends_the_header(void **state)
{
	struct span message = span_of("A: 1\nno field\nB: 2\n\n");
	struct span rest = message;
	struct header_field field;

	(void)state;
	assert_int_equal(header_size(message), 5);
	assert_true(header_next(&rest, &field));
	assert_false(header_next(&rest, &field));
	assert_span(rest, "no field\nB: 2\n\n");
	assert_false(header_find(message, "b", &field));
	assert_true(header_find(message, "a", &field));
}

static void odd_messages_end(void **state)
{
	static const char *const odd[] = {"", "\n", "\r\n", " x\n", ":\n", "A", "A:", "A\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct span rest = span_of(odd[i]);
		struct header_field field;
		unsigned count = 0;

		while (header_next(&rest, &field))
			count++;
		assert_true(count <= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_raw),
		cmocka_unit_test(a_line_that_is_no_field_ends_the_header),
		cmocka_unit_test(odd_messages_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
