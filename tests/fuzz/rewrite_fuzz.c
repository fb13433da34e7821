/*
 * libFuzzer: a message on its way into a mailbox. No field of ours survives, nothing is lost, and
 * what was rewritten once is not changed by doing it again.
 */
#include "lib/header.h"
#include "lib/rewrite.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite(struct span message, const char *own, const char *tag, struct strbuf *out)
{
	struct rewrite state;
	struct span piece;

	rewrite_init(&state, message, span_of(own), tag);
	while (state.source.next(&state.source, &piece))
		strbuf_append_span(out, piece);
	rewrite_free(&state);
}

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = {(const char *)data, size}, rest;
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT, tagged = STRBUF_INIT;
	struct header_field field;

	rewrite(message, "", NULL, &once);
	rewrite(strbuf_span(&once), "", NULL, &twice);
	require(span_equal(strbuf_span(&once), strbuf_span(&twice)));
	for (rest = strbuf_span(&once); header_next(&rest, &field);)
		require(!span_starts_nocase(field.name, SPAN_LITERAL("X-DSPAM-")));
	require(once.size <= size);

	rewrite(message, "X-DSPAM-Result: Spam\r\n", "[SP\xc3\xa4M]", &tagged);
	rest = strbuf_span(&tagged);
	require(header_next(&rest, &field) && header_find(rest, "Subject", &field));
	strbuf_reset(&twice);
	rewrite(rest, "X-DSPAM-Result: Spam\r\n", "[SP\xc3\xa4M]", &twice);
	require(span_equal(strbuf_span(&tagged), strbuf_span(&twice)));
	strbuf_free(&once);
	strbuf_free(&twice);
	strbuf_free(&tagged);
	return 0;
}
