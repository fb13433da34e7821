#include "mime.h"
#include "html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void assert_decoded(const char *value, const char *wanted)
{
	struct strbuf out = STRBUF_INIT;
	struct charsets charsets = CHARSETS_INIT;

	mime_field_decode(&out, &charsets, span_of(value), 1000);
	charsets_free(&charsets);
	assert_string_equal(strbuf_text(&out), wanted);
	strbuf_free(&out);
}

static void test_encoded_words(void **state)
{
	(void)state;
	assert_decoded("plain", "plain");
	assert_decoded("=?utf-8?Q?caf=C3=A9_au?= lait", "caf\xc3\xa9 au lait");
	assert_decoded("=?iso-8859-1?q?caf=E9?=", "caf\xc3\xa9");
	assert_decoded("=?UTF-8?B?Y2Fmw6k=?=", "caf\xc3\xa9");
	assert_decoded("=?UTF-8?B?Y2Fm?= \r\n =?UTF-8?B?w6k=?= x", "caf\xc3\xa9 x");
	assert_decoded("=?koi8-r?B?z8LNxc4=?=", "\xd0\xbe\xd0\xb1\xd0\xbc\xd0\xb5\xd0\xbd");
	assert_decoded("=?nonsense?Q?a=80b?=", "a\xe2\x82\xac"
					       "b");
	assert_decoded("=?ISO-2022-JP?B?GyRCJCIbKEI=?=", "\xe3\x81\x82");
	assert_decoded("=?windows-1251?q?=E0?=", "\xd0\xb0");
	/* iconv knows these, we do not */
	assert_decoded("=?utf-7?q?+AGE-?=", "+AGE-");
	assert_decoded("=?windows-1250999?q?ab?=", "ab");
	assert_decoded("=?utf-16?q?=FF=FEa=00=3D=D8=00=DE?=", "a\xf0\x9f\x98\x80");
	assert_decoded("=?utf-16?q?=FE=FF=00a?= =?utf-16?q?=00b?= =?utf-16le?q?c=00=3D?=", "abc");
	assert_decoded("=?utf-32?q?=FF=FE=00=00a=00=00=00?= =?utf-32?q?=00=00=00b?=", "ab");
	assert_decoded("=?utf-32be?q?=00=11=00=00=00=00=D8=00?=", "\xef\xbf\xbd\xef\xbf\xbd");
	/* The state that one word ends in is not the next one's. */
	assert_decoded("=?iso-2022-jp?B?GyRCJCI?= =?iso-2022-jp?q?a?=", "\xe3\x81\x82\x61");
	assert_decoded("=?big5-hkscs?q?=88=66?=", "\xc3\x8a"); /* held back until the end */
	assert_decoded("a\r\n\tb\001c", "a b c");
	assert_decoded("=?utf-8?Q?no end", "=?utf-8?Q?no end");
	assert_decoded("=?utf-8?X?abc?=", "=?utf-8?X?abc?=");
}

static void test_parameters(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_true(
		mime_parameter(span_of("text/plain; a=b; CharSet = \"utf\\-8\""), "charset", &out));
	assert_string_equal(strbuf_text(&out), "utf-8");
	strbuf_reset(&out);
	assert_true(
		mime_parameter(span_of("x/y; a=\";charset=no\"; charset=yes;"), "charset", &out));
	assert_string_equal(strbuf_text(&out), "yes");
	assert_false(mime_parameter(span_of("x/y; a; =; \""), "charset", &out));
	strbuf_free(&out);
}

static struct mime_parts *parse(const char *text)
{
	struct mime_parts *parts = calloc(1, sizeof(*parts));

	mime_parse(parts, span_of(text));
	return parts;
}

static void test_parts(void **state)
{
	struct mime_parts *p =
		parse("Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n"
		      "--x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64"
		      "\r\n\r\nPGI+aGk8L2I+\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
		      "Subject: inner\r\n\r\ninner text\r\n--x--\r\nepilogue");
	struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_int_equal(p->count, 4);
	assert_true(mime_type_is(&p->part[1], "text/html"));
	mime_body_decode(&out, &p->part[1], 100);
	assert_string_equal(strbuf_text(&out), "<b>hi</b>");
	strbuf_reset(&out);
	mime_body_decode(&out, &p->part[1], 5);
	assert_int_equal(out.size, 5);
	assert_true(mime_type_is(&p->part[2], "message/rfc822"));
	assert_true(mime_type_is(&p->part[3], "text/plain"));
	assert_int_equal(p->part[3].depth, 2);
	assert_true(span_equal(span_trim(p->part[3].body), SPAN_LITERAL("inner text")));
	strbuf_free(&out);
	free(p);
}

static void test_quoted_printable(void **state)
{
	struct mime_part part = {.encoding = MIME_QUOTED_PRINTABLE,
				 .body = SPAN_LITERAL("a=3Db=\r\nc= \nd=ZZ=")};
	struct strbuf out = STRBUF_INIT;

	(void)state;
	mime_body_decode(&out, &part, 100);
	assert_string_equal(strbuf_text(&out), "a=bcd=ZZ");
	strbuf_free(&out);
}

static void test_html(void **state)
{
	struct html_text html = HTML_TEXT_INIT;

	(void)state;
	html_strip(
		&html,
		span_of("<html><title>T</title><style>p{}</style><p>V<!-- x -->ia<b>gra</b> &amp; "
			"&#x41;&eacute;<br>next<span style='display: none'>hid<i>den</i></span>end"
			"<a href=\"http://x.biz/?a=1&amp;b\">go</a><script>if(a<b)</script>"),
		1000);
	assert_non_null(strstr(strbuf_text(&html.text), "Viagra & A\xc3\xa9\nnext"));
	assert_non_null(strstr(strbuf_text(&html.text), "endgo"));
	assert_null(strstr(strbuf_text(&html.text), "hid"));
	assert_null(strstr(strbuf_text(&html.text), "if("));
	assert_non_null(strstr(strbuf_text(&html.hidden), "hidden"));
	assert_string_equal(strbuf_text(&html.links), "http://x.biz/?a=1&b\n");
	html_text_free(&html);
}

static void assert_hidden(bool hidden, const char *text)
{
	struct html_text html = HTML_TEXT_INIT;

	html_strip(&html, span_of(text), 1000);
	assert_true((strstr(strbuf_text(&html.hidden), "salt") != NULL) == hidden);
	assert_true((strstr(strbuf_text(&html.text), "salt") == NULL) == hidden);
	assert_non_null(strstr(strbuf_text(&html.text), "pills"));
	html_text_free(&html);
}

static void test_white_on_white(void **state)
{
	(void)state;
	assert_hidden(true, "<body>pills <font color=\"#FFFFFF\">salt</font>");
	assert_hidden(true, "<body bgcolor=white>pills <span style='color: #fefefe'>salt</span>");
	assert_hidden(true, "pills <p style=\"margin:0; color:white\">salt</p>");
	assert_hidden(false, "<body>pills <font color=\"#EEEEEE\">salt</font>");
	assert_hidden(false, "<td bgcolor=\"#003366\">pills <font color=white>salt</font>");
	assert_hidden(false,
		      "<td style='background-color:#036'>pills <b style=color:white>salt</b>");
	assert_hidden(false,
		      "<style>td{background:navy}</style>pills <font color=white>salt</font>");
	assert_hidden(false, "pills <p style='background-color:white'>salt</p>");
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A piece of text over and over must cost a bounded time. */
static void assert_cheap(const char *start, const char *piece)
{
	struct strbuf text = STRBUF_INIT;
	struct mime_parts *parts = calloc(1, sizeof(*parts));
	struct html_text html = HTML_TEXT_INIT;
	struct strbuf decoded = STRBUF_INIT;
	struct charsets charsets = CHARSETS_INIT;
	double started = seconds();

	strbuf_append_text(&text, start);
	while (text.size < 1024 * 1024)
		strbuf_append_text(&text, piece);
	mime_parse(parts, strbuf_span(&text));
	assert_true(parts->count <= MIME_PARTS_MAX);
	html_strip(&html, strbuf_span(&text), 65536);
	assert_true(html.text.size <= 65536 + 16 && html.links.size <= 65536 + 16);
	mime_field_decode(&decoded, &charsets, strbuf_span(&text), 2000);
	charsets_free(&charsets);
	assert_true(decoded.size <= 2000);
	assert_true(seconds() - started < 2); /* with sanitizers on a busy machine */
	strbuf_free(&decoded);
	strbuf_free(&text);
	html_text_free(&html);
	free(parts);
}

static void test_hostile(void **state)
{
	(void)state;
	assert_cheap("", "Content-Type: multipart/mixed; boundary=a\n\n--a\n");
	assert_cheap("Content-Type: multipart/mixed; boundary=\"\n--\"\n\n", "\n--\n--");
	assert_cheap("<!--", "<!-- x>");
	assert_cheap("", "<a href='");
	assert_cheap("", "&#999999999;&");
	assert_cheap("", "=?utf-8?Q?=?=?");
	assert_cheap("<script>", "</scrip");
	assert_cheap("", "<div style='display:none'>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoded_words), cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_parts),	      cmocka_unit_test(test_quoted_printable),
		cmocka_unit_test(test_html),	      cmocka_unit_test(test_white_on_white),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
