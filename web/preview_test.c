#include "web/preview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void plain_text_is_taken_before_html(void **state)
{
	struct preview preview;

	(void)state;
	preview_read(
		&preview,
		SPAN_LITERAL(
			"Content-Type: multipart/alternative; boundary=b\n\n--b\n"
			"Content-Type: text/plain; charset=iso-8859-1\n\nCaf\xe9  \n\n\n\nend\n"
			"--b\nContent-Type: text/html\n\n<p>other</p>\n--b--\n"));
	assert_true(span_equal(strbuf_span(&preview.text), SPAN_LITERAL("Caf\xc3\xa9\n\nend")));
	assert_false(preview.was_html);
	preview_free(&preview);
}

static void html_is_only_its_text(void **state)
{
	struct preview preview;

	(void)state;
	preview_read(&preview,
		     SPAN_LITERAL("Content-Type: text/html\n\n<style>p{}</style><script>evil()"
				  "</script><p>Hello <b>you</b><img src=http://x.test/1></p>"));
	assert_true(preview.was_html);
	assert_true(span_equal(strbuf_span(&preview.text), SPAN_LITERAL("Hello you")));
	assert_null(strstr(strbuf_text(&preview.text), "evil"));
	assert_null(strstr(strbuf_text(&preview.text), "x.test"));
	preview_free(&preview);
}

static void attachments_are_named(void **state)
{
	struct preview preview;

	(void)state;
	preview_read(&preview,
		     SPAN_LITERAL("Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n"
				  "Content-Type: application/pdf; name=\"a.pdf\"\n\nx\n--b\n"
				  "Content-Type: text/plain\nContent-Disposition: attachment; "
				  "filename=\"b.txt\"\n\nsecret\n--b--\n"));
	assert_int_equal(preview.attachments, 2);
	assert_string_equal(strbuf_text(&preview.attachment[0]), "a.pdf (application/pdf)");
	assert_string_equal(strbuf_text(&preview.attachment[1]), "b.txt (text/plain)");
	assert_null(strstr(strbuf_text(&preview.text), "secret"));
	preview_free(&preview);
}

static void it_is_bounded(void **state)
{
	struct strbuf message = STRBUF_INIT;
	struct preview preview;

	(void)state;
	strbuf_append_text(&message, "Subject: long\n\n");
	for (int i = 0; i < PREVIEW_TEXT_MAX; i++)
		strbuf_append_text(&message, "ab\n");
	preview_read(&preview, strbuf_span(&message));
	assert_int_equal(preview.text.size, PREVIEW_TEXT_MAX);
	assert_true(preview.truncated);
	preview_free(&preview);
	preview_read(&preview, (struct span){NULL, 0});
	assert_int_equal(preview.text.size, 0);
	preview_free(&preview);
	strbuf_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_is_taken_before_html),
		cmocka_unit_test(html_is_only_its_text),
		cmocka_unit_test(attachments_are_named),
		cmocka_unit_test(it_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
