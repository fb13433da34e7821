/*
 * libFuzzer: HTML. The first byte bounds the output. What comes out is bounded, and valid UTF-8 if
 * that is what went in.
 */
#include "lib/html.h"
#include "tests/fuzz/utf8.h"

#include <stdint.h>

#define SLACK 16 /* bytes beyond max */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(struct span lines)
{
	require(lines.size == 0 || lines.data[lines.size - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct html_text out = HTML_TEXT_INIT;
	size_t max = size > 0 && data[0] % 2 == 1 ? data[0] : 65536;
	struct span html = span_from((struct span){(const char *)data, size}, 1);

	html_strip(&out, html, max);
	require(out.text.size <= max + SLACK && out.hidden.size <= max + SLACK);
	require(out.links.size <= max + SLACK && out.tags.size <= max + SLACK);
	check_lines(strbuf_span(&out.tags));
	if (is_utf8(html)) {
		require(is_utf8(strbuf_span(&out.text)));
		require(is_utf8(strbuf_span(&out.hidden)));
	}
	html_text_free(&out);
	return 0;
}
