/*
 * libFuzzer: what a browser sends to the web page, what of a message is shown there, and links out
 * of digests. Foreign text never becomes markup; no link is valid without the secret.
 */
#include "lib/action_link.h"
#include "tests/fuzz/utf8.h"
#include "web/cookie.h"
#include "web/form.h"
#include "web/markup.h"
#include "web/preview.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void form(struct span encoded)
{
	struct form form;

	if (form_parse(&form, encoded)) {
		require(form.count <= FORM_FIELDS_MAX);
		for (size_t i = 0; i < form.count; i++) {
			require(form_get(&form, form.fields[i].name) != NULL);
			form_number(&form, form.fields[i].name, -1);
		}
	} else {
		require(form.count == 0);
	}
	form_free(&form);
}

static void markup(struct span foreign)
{
	struct html html = {.out = STRBUF_INIT};
	struct span out;

	html_span(&html, foreign);
	out = strbuf_span(&html.out);
	require(is_utf8(out));
	for (size_t i = 0; i < out.size; i++)
		require(out.data[i] != '<' && out.data[i] != '>' && out.data[i] != '"' &&
			out.data[i] != '\'');
	strbuf_free(&html.out);
}

static void preview(struct span message)
{
	struct preview preview;

	preview_read(&preview, message);
	require(is_utf8(strbuf_span(&preview.text)));
	require(preview.attachments <= PREVIEW_PARTS_MAX);
	for (size_t i = 0; i < preview.attachments; i++)
		require(is_utf8(strbuf_span(&preview.attachment[i])));
	preview_free(&preview);
}

static void link(struct span token)
{
	static const struct submitter_secret secret = {16, "0123456789abcdef"};
	struct action_link link;

	require(action_link_check(&link, &secret, token, 1000) == ACTION_LINK_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	struct span cookie = cookie_find(input, COOKIE_SESSION);

	require(cookie.size == 0 || (cookie.data >= input.data &&
				     cookie.data + cookie.size <= input.data + input.size));
	form(input);
	markup(input);
	preview(input);
	link(input);
	return 0;
}
