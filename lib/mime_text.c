/*
 * mime_text.c - transfer encodings and encoded words (the structure: mime.c).
 */
#include "mime.h"

#include <ctype.h>

#define ENCODED_WORD_CHARSET_MAX 48   /* bytes, with a language */
#define ENCODED_WORD_MAX	 1000 /* bytes of its text; RFC 2047 allows 75 of the whole */

/* ---- transfer encodings ---- */

static int base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void base64_decode(struct strbuf *out, struct span s, size_t max)
{
	unsigned bits = 0;
	unsigned count = 0;

	if (max > s.size / 4 * 3 + 3)
		max = s.size / 4 * 3 + 3;
	strbuf_reserve(out, max + 1);
	char *to = out->data + out->size;
	const char *end = to + max;
	for (size_t i = 0; i < s.size && to < end; i++) {
		int value = base64_value((unsigned char)s.data[i]);
		if (value < 0) {
			if (s.data[i] == '=')
				count = 0;
			continue;
		}
		bits = (bits << 6 | (unsigned)value) & 0xffffff;
		count += 6;
		if (count >= 8) {
			count -= 8;
			*to++ = (char)(bits >> count & 0xff);
		}
	}
	out->size = (size_t)(to - out->data);
	out->data[out->size] = '\0';
}

/* Skips blanks and the line end behind a "=": 0 if it is no soft line break. */
static size_t soft_break_size(struct span s)
{
	size_t n = 1;

	while (n < s.size && (s.data[n] == ' ' || s.data[n] == '\t' || s.data[n] == '\r'))
		n++;
	return n < s.size && s.data[n] == '\n' ? n + 1 : n == s.size ? n : 0;
}

/* underscore: "_" is a space, as in encoded words. */
static void quoted_decode(struct strbuf *out, struct span s, size_t max, bool underscore)
{
	max = max < s.size ? max : s.size;
	strbuf_reserve(out, max + 1);
	char *to = out->data + out->size;
	const char *end = to + max;
	for (size_t i = 0; i < s.size && to < end;) {
		char c = s.data[i];
		if (c == '=' && i + 2 < s.size && span_hex_digit(s.data[i + 1]) >= 0 &&
		    span_hex_digit(s.data[i + 2]) >= 0) {
			*to++ = (char)(span_hex_digit(s.data[i + 1]) << 4 |
				       span_hex_digit(s.data[i + 2]));
			i += 3;
			continue;
		}
		size_t soft = c == '=' ? soft_break_size(span_from(s, i)) : 0;
		if (soft > 0) {
			i += soft;
			continue;
		}
		*to++ = underscore && c == '_' ? ' ' : c;
		i++;
	}
	out->size = (size_t)(to - out->data);
	out->data[out->size] = '\0';
}

void mime_body_decode(struct strbuf *out, const struct mime_part *part, size_t max)
{
	switch (part->encoding) {
	case MIME_BASE64:
		base64_decode(out, part->body, max);
		break;
	case MIME_QUOTED_PRINTABLE:
		quoted_decode(out, part->body, max, false);
		break;
	case MIME_IDENTITY:
		strbuf_append_span(out, span_first(part->body, max));
		break;
	}
}

/* ---- encoded words ---- */

struct encoded_word {
	struct span charset, text;
	char encoding; /* 'b' or 'q' */
	size_t size;   /* of the whole */
};

/* =?charset?b?text?= at the start of s (RFC 2047, 2). */
static bool encoded_word_read(struct span s, struct encoded_word *word)
{
	if (s.size < 8 || s.data[0] != '=' || s.data[1] != '?')
		return false;
	struct span rest = span_first(span_from(s, 2), ENCODED_WORD_CHARSET_MAX);
	const char *mark = memchr(rest.data, '?', rest.size);
	if (mark == NULL)
		return false;
	word->charset = span_first(rest, (size_t)(mark - rest.data));
	rest = span_from(s, 2 + word->charset.size + 1);
	if (rest.size < 4 || rest.data[1] != '?')
		return false;
	word->encoding = (char)tolower((unsigned char)rest.data[0]);
	if (word->encoding != 'b' && word->encoding != 'q')
		return false;
	rest = span_first(span_from(rest, 2), ENCODED_WORD_MAX + 2);
	const char *end = memmem(rest.data, rest.size, "?=", 2);
	if (end == NULL)
		return false;
	word->text = span_first(rest, (size_t)(end - rest.data));
	word->size = (size_t)(end + 2 - s.data);
	const char *language = memchr(word->charset.data, '*', word->charset.size);
	if (language != NULL) /* RFC 2231, 5 */
		word->charset.size = (size_t)(language - word->charset.data);
	return true;
}

static void encoded_word_append(struct strbuf *out, struct charsets *charsets,
				const struct encoded_word *word, size_t max)
{
	struct strbuf raw = STRBUF_INIT;

	if (word->encoding == 'b')
		base64_decode(&raw, word->text, max);
	else
		quoted_decode(&raw, word->text, max, true);
	charset_to_utf8(charsets, out, strbuf_span(&raw), word->charset, max);
	strbuf_free(&raw);
}

/* Bytes up to the next "=?" (or to the end), at least one. */
static size_t plain_size(struct span s)
{
	for (size_t i = 1; i + 1 < s.size; i++)
		if (s.data[i] == '=' && s.data[i + 1] == '?')
			return i;
	return s.size;
}

static void controls_to_spaces(char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)data[i] < ' ' || data[i] == 127)
			data[i] = ' ';
}

/* Blanks between two encoded words are not shown. */
static void blanks_remove(struct strbuf *out, size_t from)
{
	struct span blanks = span_from(strbuf_span(out), from);

	if (span_trim(blanks).size == 0)
		out->size -= blanks.size;
}

static void unfold(struct strbuf *out, struct span text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] != '\r' && text.data[i] != '\n')
			strbuf_append_char(out, text.data[i]);
}

void mime_field_decode(struct strbuf *out, struct charsets *charsets, struct span value, size_t max)
{
	struct strbuf plain = STRBUF_INIT;
	size_t start = out->size, word_end = start;
	bool after_word = false; /* with nothing but blanks between */

	value = span_first(value, MIME_FIELD_MAX);
	while (value.size > 0 && out->size - start + 4 <= max) {
		struct encoded_word word;
		size_t left = max - (out->size - start);
		if (encoded_word_read(value, &word)) {
			if (after_word)
				blanks_remove(out, word_end);
			encoded_word_append(out, charsets, &word, left);
			word_end = out->size;
			after_word = true;
			value = span_from(value, word.size);
			continue;
		}
		size_t size = plain_size(value);
		strbuf_reset(&plain);
		unfold(&plain, span_first(value, size));
		after_word = after_word && span_trim(strbuf_span(&plain)).size == 0;
		charset_to_utf8(charsets, out, strbuf_span(&plain), SPAN_LITERAL("utf-8"), left);
		value = span_from(value, size);
	}
	strbuf_free(&plain);
	if (out->data != NULL)
		controls_to_spaces(out->data + start, out->size - start);
}
