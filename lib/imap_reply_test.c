#include "imap_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define REPLY_MAX ((size_t)256 * 1024)

static void check_size(const char *data, ssize_t expected)
{
	assert_int_equal(imap_reply_size(span_of(data), REPLY_MAX), expected);
}

static void test_size(void **state)
{
	(void)state;
	check_size("", 0);
	check_size("* LIST () \"/\" INBOX", 0);
	check_size("* LIST () \"/\" INBOX\r\n", 21);
	check_size("* LIST () \"/\" INBOX\n* OK", 20);
	check_size("* ACL {3}\r\nab", 0);
	check_size("* ACL {3}\r\na\nb x\r\nT1 OK\r\n", 18);
	check_size("* ACL {1}\r\na {2+}\r\nbc\r\n", 23);
	/* A text for people is no literal. */
	check_size("T1 NO what is {9}\r\n", 19);
	check_size("* BYE {999999999}\r\n", 19);
	check_size("* ACL {999999999}\r\n", -1);
	check_size("* ACL {9999999999}\r\n", 20);
}

static void test_too_large(void **state)
{
	struct strbuf data = STRBUF_INIT;

	(void)state;
	strbuf_append_text(&data, "* ACL ");
	while (data.size <= REPLY_MAX)
		strbuf_append_char(&data, 'a');
	assert_int_equal(imap_reply_size(strbuf_span(&data), REPLY_MAX), -1);
	strbuf_append_char(&data, '\n');
	assert_int_equal(imap_reply_size(strbuf_span(&data), REPLY_MAX), -1);
	strbuf_free(&data);
}

static void test_split(void **state)
{
	struct imap_reply reply;

	(void)state;
	assert_true(imap_reply_split(span_of("T1 NO [CANNOT] No such user.\r\n"), &reply));
	assert_true(span_equal(reply.tag, SPAN_LITERAL("T1")));
	assert_true(span_equal(reply.word, SPAN_LITERAL("NO")));
	assert_true(span_equal(reply.rest, SPAN_LITERAL("[CANNOT] No such user.")));
	assert_true(imap_reply_split(span_of("+ \r\n"), &reply));
	assert_int_equal(reply.word.size, 0);
	assert_false(imap_reply_split(span_of("\r\n"), &reply));
	assert_false(imap_reply_split(span_of(" OK\r\n"), &reply));
}

static void check_string(const char *text, const char *value, const char *left)
{
	struct span rest = span_of(text);
	struct strbuf out = STRBUF_INIT;
	bool taken = imap_take_string(&rest, &out);

	assert_int_equal(taken, value != NULL);
	if (taken) {
		assert_string_equal(strbuf_text(&out), value);
		assert_true(span_equal(rest, span_of(left)));
	}
	strbuf_free(&out);
}

static void test_strings(void **state)
{
	(void)state;
	check_string("INBOX lr", "INBOX", "lr");
	check_string("\"a \\\"b\\\\ c\"  x", "a \"b\\ c", "x");
	check_string("\"\"", "", "");
	check_string("{5}\r\na\r\n\"( lrs", "a\r\n\"(", "lrs");
	check_string("\\Noselect)", "\\Noselect", ")");
	check_string("", NULL, "");
	check_string("(x)", NULL, "");
	check_string("\"open", NULL, "");
	check_string("\"open\\", NULL, "");
	check_string("{5}\r\nabc", NULL, "");
	check_string("{x}\r\nabc", NULL, "");
	check_string("{3}", NULL, "");
}

static void test_text(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	imap_reply_text(SPAN_LITERAL("[CANNOT] No such user."), &out);
	assert_string_equal(strbuf_text(&out), "No such user.");
	strbuf_reset(&out);
	imap_reply_text(SPAN_LITERAL("[open \001"), &out);
	assert_string_equal(strbuf_text(&out), "[open  ");
	strbuf_free(&out);
}

static void check_put(struct span text, const char *expected)
{
	struct strbuf out = STRBUF_INIT;

	assert_int_equal(imap_put_string(&out, text), expected != NULL);
	assert_string_equal(strbuf_text(&out), expected != NULL ? expected : "");
	strbuf_free(&out);
}

static void test_put(void **state)
{
	(void)state;
	check_put(SPAN_LITERAL("INBOX"), "\"INBOX\"");
	check_put(SPAN_LITERAL("a \"b\" \\"), "\"a \\\"b\\\" \\\\\"");
	check_put(SPAN_LITERAL(""), "\"\"");
	check_put(SPAN_LITERAL("x\r\nT9 DELETE INBOX"), "{18+}\r\nx\r\nT9 DELETE INBOX");
	check_put(SPAN_LITERAL("\303\251"), "{2+}\r\n\303\251");
	check_put((struct span){"a\0b", 3}, NULL);
}

static void check_name(const char *name, const char *expected)
{
	struct strbuf out = STRBUF_INIT;

	imap_name_text(&out, span_of(name));
	assert_string_equal(strbuf_text(&out), expected);
	strbuf_free(&out);
}

static void test_names(void **state)
{
	(void)state;
	check_name("INBOX", "INBOX");
	check_name("Entw&APw-rfe", "Entw\303\274rfe");
	check_name("Tom &- Jerry", "Tom & Jerry");
	check_name("~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		   "~peter/mail/\345\217\260\345\214\227/\346\227\245\346\234\254\350\252\236");
	check_name("&2D3eAA-", "\360\237\230\200");
	/* What is none stays: half a pair, an open shift, bits that are left, foreign letters. */
	check_name("&2D0-", "&2D0-");
	check_name("a&APw", "a&APw");
	check_name("&A-", "&A-");
	check_name("&AP$-", "&AP$-");
	/* A "<" that hides is a "<": the page escapes it like any other. */
	check_name("&ADw-script", "<script");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),  cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_split), cmocka_unit_test(test_strings),
		cmocka_unit_test(test_text),  cmocka_unit_test(test_put),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
