/*
 * libFuzzer: text in any charset, even one that it is not in. Input: the charset's name, a line
 * end, the text. What comes out is valid UTF-8 and bounded, and the same again from a converter
 * that was used.
 */
#include "lib/charset.h"
#include "tests/fuzz/utf8.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void convert(struct charsets *charsets, struct strbuf *out, struct span text,
		    struct span name, size_t max)
{
	charset_to_utf8(charsets, out, text, name, max);
	require(out->size <= max);
	require(is_utf8(strbuf_span(out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	const char *end = size == 0 ? NULL : memchr(data, '\n', size);
	struct span name = span_first(input, end == NULL ? 0 : (size_t)(end - input.data));
	struct span text = span_from(input, end == NULL ? 0 : name.size + 1);
	struct charsets charsets = CHARSETS_INIT;
	struct strbuf first = STRBUF_INIT, again = STRBUF_INIT, cut = STRBUF_INIT;

	convert(&charsets, &first, text, name, 4 * size + 8);
	convert(&charsets, &again, text, name, 4 * size + 8);
	require(span_equal(strbuf_span(&first), strbuf_span(&again)));
	convert(&charsets, &cut, text, name, size / 2);
	charsets_free(&charsets);
	strbuf_free(&first);
	strbuf_free(&again);
	strbuf_free(&cut);
	return 0;
}
