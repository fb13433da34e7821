#include "web/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_reason(const char *text, const char *label, const char *quoted)
{
	struct reason reason = reason_read(text);

	assert_string_equal(reason.label, label);
	assert_true(span_equal(reason.quoted, span_of(quoted)));
}

static void features_are_put_in_words(void **state)
{
	(void)state;
	assert_reason("Subject: cheap pills", "in the subject", "cheap pills");
	assert_reason("X-Mailer: Bulk", "in its hidden fields", "Bulk");
	assert_reason("dear friend", "in the text", "dear friend");
	assert_reason("http: //x", "in its hidden fields", "//x");
	assert_reason("fact links 0 home 0", "How many links it has", "");
	assert_reason("fact reply to 1", "How the sender's address is written", "");
	assert_reason("fact reply 0 list 1", "Whether it answers something, or comes from a list",
		      "");
	assert_reason("fact of a new kind", "How the message is made", "");
	assert_reason("", "in the text", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_are_put_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
