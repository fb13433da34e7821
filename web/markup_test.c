#include "web/markup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_written(struct html *h, const char *expected)
{
	assert_string_equal(strbuf_text(&h->out), expected);
	strbuf_free(&h->out);
}

static void foreign_text_is_escaped(void **state)
{
	struct html h = {.catalogue = catalogues[0]};

	(void)state;
	html(&h, "<a href=\"x?s=%s\">%s</a>", "\"><script>", "<b>&'");
	assert_written(&h, "<a href=\"x?s=&quot;&gt;&lt;script&gt;\">&lt;b&gt;&amp;&#39;</a>");
	/* In a text the format itself is text. */
	text(&h, "1 < %d & %s", 2, "<i>");
	assert_written(&h, "1 &lt; 2 &amp; &lt;i&gt;");
}

static void what_is_no_text_is_replaced(void **state)
{
	struct html h = {.catalogue = catalogues[0]};

	(void)state;
	/* Invalid, overlong, a surrogate, above U+10FFFF, cut off; control characters. */
	html(&h, "%s", "a\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82");
	assert_null(strstr(strbuf_text(&h.out), "\xff"));
	assert_int_equal(h.out.size, 1 + 3 * 12);
	strbuf_free(&h.out);
	html(&h, "%s", "\x1b[2J\x7f\t\n\xe2\x82\xac");
	assert_written(&h, "\xef\xbf\xbd[2J\xef\xbf\xbd\t\n\xe2\x82\xac");
	html_span(&h, (struct span){"a\0<", 3});
	assert_written(&h, "a\xef\xbf\xbd&lt;");
}

static void numbers_are_written(void **state)
{
	struct html h = {.catalogue = catalogues[0]};

	(void)state;
	html(&h, "%d %u %ld %lu %lld %llu %zu %c%%", -1, 2U, -3L, 4UL, -5LL, 6ULL, (size_t)7, '<');
	assert_written(&h, "-1 2 -3 4 -5 6 7 &lt;%");
	html(&h, "%.1f %.0f", 2.26, 3.7);
	assert_written(&h, "2.3 4");
	text_counted(&h, "%lu message", "%lu messages", 1);
	assert_written(&h, "1 message");
	text_counted(&h, "%lu message", "%lu messages", 0);
	assert_written(&h, "0 messages");
}

static void french_is_french(void **state)
{
	struct html h = {.catalogue = catalogue_find("fr")};

	(void)state;
	assert_non_null(h.catalogue);
	assert_string_equal(tr(&h, "History"), "Historique");
	assert_string_equal(tr(&h, "not in the catalogue"), "not in the catalogue");
	text(&h, trn(&h, "%lu message is held back.", "%lu messages are held back.", 0UL), 0UL);
	assert_written(&h, "0 message est retenu.");
	text(&h, trn(&h, "%lu message is held back.", "%lu messages are held back.", 2UL), 2UL);
	assert_written(&h, "2 messages sont retenus.");
}

static void browsers_are_understood(void **state)
{
	(void)state;
	assert_string_equal(catalogue_wanted(NULL)->language, "en");
	assert_string_equal(catalogue_wanted("")->language, "en");
	assert_string_equal(catalogue_wanted("fr-CA,fr;q=0.9,en;q=0.8")->language, "fr");
	assert_string_equal(catalogue_wanted("de, en;q=0.5, fr;q=0.7")->language, "fr");
	assert_string_equal(catalogue_wanted("FR;q=0, en;q=0.1")->language, "en");
	assert_string_equal(catalogue_wanted("frank, ,;;q=,*;q=x")->language, "en");
}

static void components_of_urls_are_escaped(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	url_component(&out, "a b&c=\xc3\xa9/~");
	assert_string_equal(strbuf_text(&out), "a%20b%26c%3D%C3%A9%2F~");
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_text_is_escaped),
		cmocka_unit_test(what_is_no_text_is_replaced),
		cmocka_unit_test(numbers_are_written),
		cmocka_unit_test(french_is_french),
		cmocka_unit_test(browsers_are_understood),
		cmocka_unit_test(components_of_urls_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
