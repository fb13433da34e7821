#include "imap_reply.h"

#include <stdint.h>

#define DIGITS_MAX 9 /* of a literal's size */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* ---- where an answer ends ---- */

/* "{123}" or "{123+}" at the end of a line: -1 if there is none. */
static ssize_t literal_at_end(struct span line)
{
	size_t at = line.size, digits = 0;
	ssize_t size = 0;

	if (at < 3 || line.data[at - 1] != '}')
		return -1;
	at--;
	if (line.data[at - 1] == '+')
		at--;
	while (at > 0 && line.data[at - 1] >= '0' && line.data[at - 1] <= '9') {
		at--;
		digits++;
	}
	if (digits == 0 || digits > DIGITS_MAX || at == 0 || line.data[at - 1] != '{')
		return -1;
	for (; line.data[at] >= '0' && line.data[at] <= '9'; at++)
		size = size * 10 + (line.data[at] - '0');
	return size;
}

/* Answers that end in a text for people have no literals, whatever that text looks like. */
static bool ends_in_text(struct span line)
{
	static const char *const words[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
	struct imap_reply reply;

	if (!imap_reply_split(line, &reply) || reply.word.size == 0)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_equal_nocase(reply.word, span_of(words[i])))
			return true;
	}
	return false;
}

ssize_t imap_reply_size(struct span data, size_t max)
{
	size_t start = 0;

	for (;;) {
		struct span rest = span_from(data, start);
		const char *newline = rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;
		struct span line;
		ssize_t literal;

		if (newline == NULL)
			return data.size > max ? -1 : 0;
		line = span_first(rest, (size_t)(newline - rest.data));
		if (line.size > 0 && line.data[line.size - 1] == '\r')
			line.size--;
		literal = start == 0 && ends_in_text(line) ? -1 : literal_at_end(line);
		start += (size_t)(newline - rest.data) + 1;
		if (start > max)
			return -1;
		if (literal < 0)
			return (ssize_t)start;
		start += (size_t)literal;
		if (start > max)
			return -1;
	}
}

/* ---- what it says ---- */

static struct span take_word(struct span *rest)
{
	const char *blank = rest->size > 0 ? memchr(rest->data, ' ', rest->size) : NULL;
	struct span word = blank != NULL ? span_first(*rest, (size_t)(blank - rest->data)) : *rest;

	*rest = span_from(*rest, word.size + 1);
	return word;
}

bool imap_reply_split(struct span reply, struct imap_reply *reply_r)
{
	/* One line end: those before it may be a literal's. */
	if (reply.size > 0 && reply.data[reply.size - 1] == '\n')
		reply.size--;
	if (reply.size > 0 && reply.data[reply.size - 1] == '\r')
		reply.size--;
	*reply_r = (struct imap_reply){.rest = reply};
	reply_r->tag = take_word(&reply_r->rest);
	if (reply_r->tag.size == 0)
		return false;
	if (!span_equal(reply_r->tag, SPAN_LITERAL("+")))
		reply_r->word = take_word(&reply_r->rest);
	return true;
}

static void skip_blanks(struct span *rest)
{
	while (rest->size > 0 && rest->data[0] == ' ')
		*rest = span_from(*rest, 1);
}

static bool take_quoted(struct span *rest, struct strbuf *out)
{
	size_t at = 1;

	for (; at < rest->size && rest->data[at] != '"'; at++) {
		if (rest->data[at] == '\r' || rest->data[at] == '\n')
			return false;
		if (rest->data[at] == '\\' && ++at == rest->size)
			return false;
		strbuf_append_char(out, rest->data[at]);
	}
	if (at >= rest->size)
		return false;
	*rest = span_from(*rest, at + 1);
	return true;
}

static bool take_literal(struct span *rest, struct strbuf *out)
{
	const char *newline = memchr(rest->data, '\n', rest->size);
	struct span line;
	ssize_t size;

	if (newline == NULL)
		return false;
	line = span_first(*rest, (size_t)(newline - rest->data));
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	size = literal_at_end(line);
	*rest = span_from(*rest, (size_t)(newline - rest->data) + 1);
	if (size < 0 || (size_t)size > rest->size)
		return false;
	strbuf_append(out, rest->data, (size_t)size);
	*rest = span_from(*rest, (size_t)size);
	return true;
}

static bool take_atom(struct span *rest, struct strbuf *out)
{
	size_t size = 0;

	while (size < rest->size && (unsigned char)rest->data[size] > ' ' &&
	       rest->data[size] != '(' && rest->data[size] != ')' && rest->data[size] != '"' &&
	       rest->data[size] != '{' && rest->data[size] != 0x7f)
		size++;
	if (size == 0)
		return false;
	strbuf_append(out, rest->data, size);
	*rest = span_from(*rest, size);
	return true;
}

bool imap_take_string(struct span *rest, struct strbuf *out)
{
	bool taken = rest->size > 0 && (rest->data[0] == '"'   ? take_quoted(rest, out)
					: rest->data[0] == '{' ? take_literal(rest, out)
							       : take_atom(rest, out));

	skip_blanks(rest);
	return taken;
}

bool imap_take_nstring(struct span *rest, struct strbuf *out)
{
	if (!span_starts_nocase(*rest, SPAN_LITERAL("NIL")))
		return imap_take_string(rest, out);
	*rest = span_from(*rest, 3);
	skip_blanks(rest);
	return true;
}

bool imap_take_char(struct span *rest, char c)
{
	if (rest->size == 0 || rest->data[0] != c)
		return false;
	*rest = span_from(*rest, 1);
	skip_blanks(rest);
	return true;
}

void imap_reply_text(struct span rest, struct strbuf *out)
{
	const char *end =
		rest.size > 0 && rest.data[0] == '[' ? memchr(rest.data, ']', rest.size) : NULL;

	if (end != NULL)
		rest = span_from(rest, (size_t)(end - rest.data) + 1);
	rest = span_trim(rest);
	for (size_t i = 0; i < rest.size; i++)
		strbuf_append_char(out, (unsigned char)rest.data[i] < ' ' ? ' ' : rest.data[i]);
}

/* ---- what we say ---- */

bool imap_put_string(struct strbuf *out, struct span text)
{
	bool plain = true;

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '\0')
			return false;
		plain = plain && text.data[i] >= ' ' && text.data[i] < 0x7f;
	}
	if (!plain) {
		strbuf_printf(out, "{%zu+}\r\n", text.size);
		strbuf_append_span(out, text);
		return true;
	}
	strbuf_append_char(out, '"');
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			strbuf_append_char(out, '\\');
		strbuf_append_char(out, text.data[i]);
	}
	strbuf_append_char(out, '"');
	return true;
}

/* ---- names ---- */

static void put_utf8(struct strbuf *out, uint32_t c)
{
	if (c < 0x80) {
		strbuf_append_char(out, (char)c);
		return;
	}
	if (c < 0x800) {
		strbuf_append_char(out, (char)(0xc0 | (c >> 6)));
	} else {
		if (c < 0x10000) {
			strbuf_append_char(out, (char)(0xe0 | (c >> 12)));
		} else {
			strbuf_append_char(out, (char)(0xf0 | (c >> 18)));
			strbuf_append_char(out, (char)(0x80 | ((c >> 12) & 63)));
		}
		strbuf_append_char(out, (char)(0x80 | ((c >> 6) & 63)));
	}
	strbuf_append_char(out, (char)(0x80 | (c & 63)));
}

/* UTF-16 units, one after the other; *high: of a pair whose second half is to come, or 0. */
static bool put_unit(struct strbuf *out, uint32_t unit, uint32_t *high)
{
	bool low = unit >= 0xdc00 && unit < 0xe000;

	if (low != (*high != 0))
		return false;
	if (unit >= 0xd800 && unit < 0xdc00) {
		*high = unit;
		return true;
	}
	put_utf8(out, low ? 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00) : unit);
	*high = 0;
	return true;
}

static bool put_shifted(struct strbuf *out, struct span letters)
{
	uint32_t bits = 0, high = 0;
	unsigned count = 0;

	if (letters.size == 0) {
		strbuf_append_char(out, '&');
		return true;
	}
	for (size_t i = 0; i < letters.size; i++) {
		const char *letter = memchr(base64, letters.data[i], 64);

		if (letter == NULL)
			return false;
		bits = (bits << 6) | (uint32_t)(letter - base64);
		count += 6;
		if (count < 16)
			continue;
		count -= 16;
		if (!put_unit(out, (bits >> count) & 0xffff, &high))
			return false;
		bits &= (1U << count) - 1;
	}
	return high == 0 && count < 6 && bits == 0;
}

static bool decode(struct strbuf *out, struct span name)
{
	for (size_t i = 0; i < name.size; i++) {
		struct span rest = span_from(name, i + 1);
		const char *end;

		if (name.data[i] != '&') {
			strbuf_append_char(out, name.data[i]);
			continue;
		}
		end = rest.size > 0 ? memchr(rest.data, '-', rest.size) : NULL;
		if (end == NULL || !put_shifted(out, span_first(rest, (size_t)(end - rest.data))))
			return false;
		i += (size_t)(end - rest.data) + 1;
	}
	return true;
}

void imap_name_text(struct strbuf *out, struct span name)
{
	size_t before = out->size;

	if (decode(out, name))
		return;
	out->size = before;
	strbuf_append_span(out, name);
}
