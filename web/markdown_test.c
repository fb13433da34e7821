#include "web/markdown.h"

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static char *link_to(void *context, struct span address)
{
	(void)context;
	return address.data[0] == '/' ? NULL : xstrndup(address.data, address.size);
}

static bool picture_of(void *context, struct span address, struct markdown_picture *picture_r)
{
	(void)context;
	if (!span_equal(address, span_of("duck.png")))
		return false;
	*picture_r = (struct markdown_picture){xstrdup("picture?duck"), 3, 2};
	return true;
}

static const struct markdown_host host = {.link = link_to, .picture = picture_of};

static void assert_html(const char *text, const char *expected)
{
	struct strbuf html = STRBUF_INIT;
	char *error = NULL;

	if (markdown_to_html(span_of(text), &host, &html, &error) != 0)
		fail_msg("%s: %s", text, error);
	if (strstr(strbuf_text(&html), expected) == NULL)
		fail_msg("\"%s\" became \"%s\"", text, strbuf_text(&html));
	strbuf_free(&html);
}

static void assert_refused(const char *text, const char *expected)
{
	struct strbuf html = STRBUF_INIT;
	char *error = NULL;

	assert_int_equal(markdown_to_html(span_of(text), &host, &html, &error), -1);
	assert_string_equal(error, expected);
	assert_int_equal(html.size, 0);
	free(error);
	strbuf_free(&html);
}

static void blocks(void **state)
{
	(void)state;
	assert_html("# Title\none\ntwo\n\nthree\n", "</ul>\n<p>one two</p>\n<p>three</p>\n");
	assert_html("## It's Me\n### Sub\n",
		    "<ul class=\"contents\">\n<li><a href=\"#its-me\">It's Me</a></li>\n</ul>\n"
		    "<section class=\"card help\"><h2 id=\"its-me\">It's Me</h2>\n"
		    "<h3 id=\"sub\">Sub</h3>\n</section>");
	assert_html("- a\n  b\n- c\n\nd", "<ul>\n<li>a b</li>\n<li>c</li></ul>\n<p>d</p>");
	assert_html("1. a\n   - b\n   - c\n2. d",
		    "<ol>\n<li>a<ul>\n<li>b</li>\n<li>c</li></ul>\n</li>\n<li>d</li></ol>");
	assert_html("| a | b |\n|---|---|\n| `c` | |\n",
		    "<table><thead><tr><th>a</th><th>b</th></tr></thead>\n<tbody>"
		    "<tr><td><code>c</code></td><td></td></tr>\n</tbody></table>");
	assert_html("![a duck](duck.png)\n",
		    "<p><img src=\"picture?duck\" width=\"3\" height=\"2\" loading=\"lazy\" "
		    "alt=\"a duck\"></p>");
}

static void text_within_a_line(void **state)
{
	(void)state;
	assert_html("a *b* **c *d* f** `*<e>`",
		    "<p>a <em>b</em> <strong>c <em>d</em> f</strong> <code>*&lt;e&gt;</code></p>");
	assert_html("[a & b](user.md?x=\"1\"), [c](/d)",
		    "<p><a href=\"user.md?x=&quot;1&quot;\">a &amp; b</a>, c</p>");
}

static void what_is_not_known_is_an_error(void **state)
{
	(void)state;
	assert_refused("a\n\n```\n", "line 3: this is not known here");
	assert_refused("<b>x</b>", "line 1: this is not known here");
	assert_refused("    code", "line 1: an indented line that continues nothing");
	assert_refused("a `b\n\nc", "line 2: a mark without its end");
	assert_refused("[a](b\n\nc", "line 2: a link without its end");
	assert_refused("![x](goose.png)", "line 1: there is no such picture");
	assert_refused("  - a", "line 1: an item that is too far in");
	assert_refused("- a\n1. b", "line 2: two kinds of item in one list");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks),
		cmocka_unit_test(text_within_a_line),
		cmocka_unit_test(what_is_not_known_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
