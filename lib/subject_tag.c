#include "subject_tag.h"

#include "mime.h"
#include "strbuf.h"

/* RFC 2047: an encoded word has at most 75 bytes; "=?UTF-8?Q?" and "?=" are 12 of them. */
#define ENCODED_TEXT_MAX 63
/*
 * RFC 5322: a line has at most 998 bytes; a first line of body this long goes on a line of its own.
 */
#define FIRST_LINE_MAX 600
/* The decoded subject is compared with the tag, which is shorter than this. */
#define COMPARED_MAX 1024

static bool is_ascii_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

/*
 * Spaces and bytes that are special in encoded words, also within a phrase: RFC 2047 section 5 (3).
 */
static size_t encode_byte(char *out, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";
	bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

	if (plain || c == ' ') {
		out[0] = c == ' ' ? '_' : (char)c;
		return 1;
	}
	out[0] = '=';
	out[1] = hex[c >> 4];
	out[2] = hex[c & 15];
	return 3;
}

/* The bytes of the character at text: one, or an UTF-8 sequence. */
static size_t character_size(const char *text)
{
	size_t size = 1;

	while (((unsigned char)text[size] & 0xc0) == 0x80)
		size++;
	return size;
}

static void append_encoded(struct strbuf *out, const char *text, bool space_behind)
{
	char encoded[3 * 8];
	size_t used = 0;

	strbuf_append_text(out, "=?UTF-8?Q?");
	while (*text != '\0' || space_behind) {
		const char *from = *text != '\0' ? text : " ";
		size_t size = *text != '\0' ? character_size(text) : 1, length = 0;

		size = size < 8 ? size : 8;
		for (size_t i = 0; i < size; i++)
			length += encode_byte(encoded + length, (unsigned char)from[i]);
		if (used + length > ENCODED_TEXT_MAX) {
			strbuf_append_text(out, "?=\r\n =?UTF-8?Q?");
			used = 0;
		}
		strbuf_append(out, encoded, length);
		used += length;
		if (*text == '\0')
			break;
		text += size;
	}
	strbuf_append_text(out, "?=");
}

static bool starts_with_tag(struct span body, const char *tag)
{
	struct strbuf decoded = STRBUF_INIT;
	struct charsets charsets = CHARSETS_INIT;
	struct span wanted = span_trim(span_of(tag)), found;
	bool result;

	mime_field_decode(&decoded, &charsets, body, COMPARED_MAX);
	charsets_free(&charsets);
	found = span_trim(strbuf_span(&decoded));
	result = found.size >= wanted.size && span_equal(span_first(found, wanted.size), wanted);
	strbuf_free(&decoded);
	return result;
}

static size_t first_line_size(struct span body)
{
	const char *newline = body.size > 0 ? memchr(body.data, '\n', body.size) : NULL;

	return newline != NULL ? (size_t)(newline - body.data) : body.size;
}

bool subject_tag(struct strbuf *out, struct span body, const char *tag)
{
	struct span text = body;

	if (starts_with_tag(body, tag))
		return false;
	while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = span_from(text, 1);
	strbuf_append_text(out, "Subject: ");
	if (is_ascii_text(tag))
		strbuf_append_text(out, tag);
	else
		/* A space between two encoded words is not shown, so it goes into the first. */
		append_encoded(out, tag, span_starts_nocase(text, SPAN_LITERAL("=?")));
	if (text.size > 0)
		strbuf_append_text(out, first_line_size(text) > FIRST_LINE_MAX ? "\r\n " : " ");
	strbuf_append_span(out, text);
	strbuf_append_text(out, "\r\n");
	return true;
}
