#include "web/preview.h"

#include "lib/charset.h"
#include "lib/html.h"
#include "lib/mime.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define NAME_MAX_SIZE 200

static void decode_text(struct charsets *charsets, const struct mime_part *part, struct strbuf *out)
{
	struct strbuf decoded = STRBUF_INIT, charset = STRBUF_INIT;

	mime_body_decode(&decoded, part, 4 * PREVIEW_TEXT_MAX);
	if (!mime_parameter(part->content_type, "charset", &charset))
		strbuf_append_text(&charset, "utf-8");
	charset_to_utf8(charsets, out, strbuf_span(&decoded), strbuf_span(&charset),
			4 * PREVIEW_TEXT_MAX);
	strbuf_free(&decoded);
	strbuf_free(&charset);
}

/* No more than two line ends in a row, no white space at the end of lines. */
static void append_tidy(struct preview *preview, struct span text)
{
	unsigned ends = preview->text.size > 0 ? 1 : 2;

	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];

		/* not within a character */
		if (preview->text.size >= PREVIEW_TEXT_MAX && ((unsigned char)c & 0xc0) != 0x80) {
			preview->truncated = true;
			return;
		}
		if (c == '\r')
			continue;
		if (c == '\n') {
			while (preview->text.size > 0 &&
			       strchr(" \t", preview->text.data[preview->text.size - 1]) != NULL)
				preview->text.size--;
			if (++ends > 2)
				continue;
		} else if (c != ' ' && c != '\t') {
			ends = 0;
		} else if (ends > 0) {
			continue;
		}
		strbuf_append_char(&preview->text, c);
	}
}

static void read_text(struct preview *preview, struct charsets *charsets,
		      const struct mime_part *part)
{
	struct strbuf text = STRBUF_INIT;

	decode_text(charsets, part, &text);
	if (mime_type_is(part, "text/html")) {
		struct html_text stripped = HTML_TEXT_INIT;

		preview->was_html = true;
		html_strip(&stripped, strbuf_span(&text), 2 * PREVIEW_TEXT_MAX);
		append_tidy(preview, strbuf_span(&stripped.text));
		html_text_free(&stripped);
	} else {
		append_tidy(preview, strbuf_span(&text));
	}
	strbuf_free(&text);
}

static void name_part(struct preview *preview, struct charsets *charsets,
		      const struct mime_part *part)
{
	struct strbuf name = STRBUF_INIT, *out;

	if (preview->attachments == PREVIEW_PARTS_MAX)
		return;
	out = &preview->attachment[preview->attachments++];
	if (!mime_parameter(part->disposition, "filename", &name))
		mime_parameter(part->content_type, "name", &name);
	if (name.size > 0) {
		mime_field_decode(out, charsets, strbuf_span(&name), NAME_MAX_SIZE);
		strbuf_append_text(out, " (");
	}
	mime_field_decode(out, charsets, part->type, NAME_MAX_SIZE);
	if (name.size > 0)
		strbuf_append_text(out, ")");
	strbuf_free(&name);
}

static bool is_attached(const struct mime_part *part)
{
	return span_starts_nocase(span_trim(part->disposition), SPAN_LITERAL("attachment"));
}

void preview_read(struct preview *preview_r, struct span message)
{
	struct mime_parts *parts = xmalloc(sizeof(*parts));
	struct charsets charsets = CHARSETS_INIT;
	bool has_text = false;

	*preview_r = (struct preview){0};
	mime_parse_shallow(parts, message);
	for (size_t i = 0; i < parts->count; i++) {
		const struct mime_part *part = &parts->part[i];
		bool is_html = mime_type_is(part, "text/html");

		if (mime_type_is(part, "multipart/"))
			continue;
		if (is_attached(part) || !(is_html || mime_type_is(part, "text/plain"))) {
			name_part(preview_r, &charsets, part);
		} else if (!is_html || !has_text) {
			/* HTML beside plain text says the same again. */
			has_text = true;
			read_text(preview_r, &charsets, part);
		}
	}
	while (preview_r->text.size > 0 && preview_r->text.data[preview_r->text.size - 1] == '\n')
		preview_r->text.size--;
	charsets_free(&charsets);
	free(parts);
}

void preview_free(struct preview *preview)
{
	strbuf_free(&preview->text);
	for (size_t i = 0; i < preview->attachments; i++)
		strbuf_free(&preview->attachment[i]);
	preview->attachments = 0;
}
