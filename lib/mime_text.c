/*
 * mime_text.c - transfer encodings, charsets and encoded words (the structure: mime.c).
 */
#include "mime.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>

#define CHARSET_NAME_MAX   40	/* bytes of a charset's name */
#define CHARSET_ERRORS_MAX 2000 /* wrong bytes until a text is read as windows-1252 */

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

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
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
		if (c == '=' && i + 2 < s.size && hex_value(s.data[i + 1]) >= 0 &&
		    hex_value(s.data[i + 2]) >= 0) {
			*to++ = (char)(hex_value(s.data[i + 1]) << 4 | hex_value(s.data[i + 2]));
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

/* ---- charsets ---- */

/* windows-1252, 0x80 to 0x9f; 0 where it has nothing. */
static const uint16_t windows_1252[32] = {
	0x20ac, 0,	0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0,	0x017d, 0,	0,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,	0x017e, 0x0178};

static size_t utf8_put(char *to, unsigned c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | c >> 12);
	to[1] = (char)(0x80 | (c >> 6 & 0x3f));
	to[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

static size_t byte_put(char *to, unsigned char c)
{
	unsigned wide = c;

	if (c >= 0x80 && c < 0xa0)
		wide = windows_1252[c - 0x80] != 0 ? windows_1252[c - 0x80] : 0xfffd;
	return utf8_put(to, wide);
}

/* Size of the valid UTF-8 character at p (n bytes there), 0 if there is none (RFC 3629, 4). */
static size_t utf8_size(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return 1;
	size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || size > n)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return size;
}

/* utf8: valid UTF-8 characters are kept; every other byte is windows-1252. */
static void bytes_to_utf8(struct strbuf *out, struct span text, size_t max, bool utf8)
{
	size_t used = 0;

	for (size_t i = 0; i < text.size && used + 4 <= max;) {
		size_t chunk = text.size - i < 1024 ? text.size - i : 1024;
		strbuf_reserve(out, chunk * 3 + 8);
		char *to = out->data + out->size;
		size_t stop = i + chunk;
		while (i < stop && used + 4 <= max) {
			unsigned char c = (unsigned char)text.data[i];
			size_t size = 1;
			if (c < 0x80) {
				*to++ = (char)c;
				used++;
				i++;
				continue;
			}
			size = utf8 ? utf8_size((const unsigned char *)text.data + i, text.size - i)
				    : 0;
			if (size > 0) {
				memcpy(to, text.data + i, size);
				i += size;
			} else {
				size = byte_put(to, c);
				i++;
			}
			to += size;
			used += size;
		}
		out->size = (size_t)(to - out->data);
	}
	if (out->data != NULL)
		out->data[out->size] = '\0';
}

static bool charset_name(char *name, struct span charset)
{
	if (charset.size == 0 || charset.size > CHARSET_NAME_MAX)
		return false;
	for (size_t i = 0; i < charset.size; i++) {
		char c = charset.data[i];
		if (!isalnum((unsigned char)c) && strchr("._:-+", c) == NULL)
			return false;
		name[i] = (char)toupper((unsigned char)c);
	}
	name[charset.size] = '\0';
	return true;
}

static bool is_numbered(const char *name, const char *prefix, unsigned long low, unsigned long high)
{
	size_t size = strlen(prefix);
	char *end;
	unsigned long number;

	if (strncmp(name, prefix, size) != 0 || !isdigit((unsigned char)name[size]))
		return false;
	number = strtoul(name + size, &end, 10);
	return *end == '\0' && number >= low && number <= high;
}

/*
 * iconv_open() loads a module for any name that it knows, and what mail is written in is few of
 * them: rarely used converters have had their share of holes.
 */
static bool charset_is_allowed(const char *name)
{
	static const char *const names[] = {"BIG-5",
					    "BIG5",
					    "BIG5-HKSCS",
					    "BIG5HKSCS",
					    "CP866",
					    "CP874",
					    "CP932",
					    "CP936",
					    "CP949",
					    "CP950",
					    "EUC-CN",
					    "EUC-JP",
					    "EUC-KR",
					    "EUC-TW",
					    "EUCJP",
					    "EUCKR",
					    "GB18030",
					    "GB2312",
					    "GB_2312-80",
					    "GBK",
					    "IBM437",
					    "IBM850",
					    "IBM852",
					    "IBM855",
					    "IBM866",
					    "ISO-2022-JP",
					    "ISO-2022-KR",
					    "KOI8-R",
					    "KOI8-U",
					    "KOI8-T",
					    "KS_C_5601-1987",
					    "KSC5601",
					    "MACINTOSH",
					    "MAC-CYRILLIC",
					    "MS_KANJI",
					    "SHIFT-JIS",
					    "SHIFT_JIS",
					    "SJIS",
					    "TIS-620",
					    "UHC",
					    "UTF-16",
					    "UTF-16BE",
					    "UTF-16LE",
					    "UTF-32",
					    "UTF-32BE",
					    "UTF-32LE",
					    "VISCII",
					    "WINDOWS-31J",
					    "WINDOWS-874",
					    "WINDOWS-936",
					    NULL};

	for (const char *const *each = names; *each != NULL; each++)
		if (strcmp(name, *each) == 0)
			return true;
	return is_numbered(name, "ISO-8859-", 1, 16) || is_numbered(name, "ISO8859-", 1, 16) ||
	       is_numbered(name, "ISO_8859-", 1, 16) || is_numbered(name, "LATIN", 1, 10) ||
	       is_numbered(name, "WINDOWS-", 1250, 1258) || is_numbered(name, "CP", 1250, 1258);
}

static bool charset_is_8bit_latin(const char *name)
{
	return strcmp(name, "ISO-8859-1") == 0 || strcmp(name, "WINDOWS-1252") == 0 ||
	       strcmp(name, "LATIN1") == 0;
}

static bool charset_is_utf8(const char *name)
{
	return strcmp(name, "UTF-8") == 0 || strcmp(name, "UTF8") == 0 ||
	       strcmp(name, "US-ASCII") == 0;
}

/* Converts with cd; wrong bytes become windows-1252 characters. Returns the bytes it has read. */
static size_t iconv_text(struct strbuf *out, iconv_t cd, struct span text, size_t max)
{
	char *from = (char *)(uintptr_t)text.data; /* iconv's prototype lacks the const */
	size_t left = text.size, start = out->size;
	unsigned errors = 0;

	while (left > 0 && out->size - start + 8 <= max && errors < CHARSET_ERRORS_MAX) {
		size_t room = max - (out->size - start);
		room = room < 4096 ? room : 4096;
		strbuf_reserve(out, room + 8);
		char *to = out->data + out->size, *start_to = to;
		size_t before = left;
		size_t result = iconv(cd, &from, &left, &to, &room);
		out->size = (size_t)(to - out->data);
		if (result == (size_t)-1 && errno != E2BIG && left > 0) {
			errors++;
			out->size += byte_put(out->data + out->size, (unsigned char)*from);
			from++;
			left--;
			iconv(cd, NULL, NULL, NULL, NULL);
		} else if (result == (size_t)-1 && left == before && to == start_to) {
			break; /* no progress */
		}
	}
	if (out->data != NULL)
		out->data[out->size] = '\0';
	return text.size - left;
}

void mime_to_utf8(struct strbuf *out, struct span text, struct span charset, size_t max)
{
	char name[CHARSET_NAME_MAX + 1] = "";
	bool known = charset_name(name, charset);

	if (known && charset_is_8bit_latin(name)) {
		bytes_to_utf8(out, text, max, false);
		return;
	}
	iconv_t cd = (iconv_t)-1;
	if (known && !charset_is_utf8(name) && charset_is_allowed(name))
		cd = iconv_open("UTF-8", name);
	if (cd == (iconv_t)-1) {
		bytes_to_utf8(out, text, max, true);
		return;
	}
	size_t start = out->size;
	size_t done = iconv_text(out, cd, text, max);
	iconv_close(cd);
	if (done < text.size && out->size - start < max)
		bytes_to_utf8(out, span_from(text, done), max - (out->size - start), false);
}

/* ---- encoded words ---- */

struct encoded_word {
	struct span charset, text;
	char encoding; /* 'b' or 'q' */
	size_t size;   /* of the whole */
};

static size_t find_char(struct span s, size_t at, char c, size_t limit)
{
	size_t size = s.size < at + limit ? s.size : at + limit;

	for (; at < size; at++)
		if (s.data[at] == c)
			return at;
	return s.size;
}

/* =?charset?b?text?= at the start of s (RFC 2047, 2; longer than 75 characters is let be). */
static bool encoded_word_read(struct span s, struct encoded_word *word)
{
	if (s.size < 8 || s.data[0] != '=' || s.data[1] != '?')
		return false;
	size_t charset_end = find_char(s, 2, '?', CHARSET_NAME_MAX + 8);
	if (charset_end + 3 >= s.size || s.data[charset_end + 2] != '?')
		return false;
	word->encoding = (char)tolower((unsigned char)s.data[charset_end + 1]);
	if (word->encoding != 'b' && word->encoding != 'q')
		return false;
	size_t text = charset_end + 3;
	size_t end = find_char(s, text, '?', 1000);
	while (end + 1 < s.size && s.data[end + 1] != '=')
		end = find_char(s, end + 1, '?', 1000);
	if (end + 1 >= s.size)
		return false;
	word->charset = span_first(span_from(s, 2), charset_end - 2);
	const char *language = memchr(word->charset.data, '*', word->charset.size);
	if (language != NULL) /* RFC 2231, 5 */
		word->charset.size = (size_t)(language - word->charset.data);
	word->text = span_first(span_from(s, text), end - text);
	word->size = end + 2;
	return true;
}

static void encoded_word_append(struct strbuf *out, const struct encoded_word *word, size_t max)
{
	struct strbuf raw = STRBUF_INIT;

	if (word->encoding == 'b')
		base64_decode(&raw, word->text, max);
	else
		quoted_decode(&raw, word->text, max, true);
	mime_to_utf8(out, strbuf_span(&raw), word->charset, max);
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

void mime_field_decode(struct strbuf *out, struct span value, size_t max)
{
	size_t start = out->size, before = 0;
	bool after_word = false;

	value = span_first(value, MIME_FIELD_MAX);
	while (value.size > 0 && out->size - start + 4 <= max) {
		struct encoded_word word;
		size_t left = max - (out->size - start);
		if (encoded_word_read(value, &word)) {
			if (after_word && before < out->size &&
			    span_trim((struct span){out->data + before, out->size - before}).size ==
				    0)
				out->size =
					before; /* blanks between two encoded words are not shown */
			encoded_word_append(out, &word, left);
			before = out->size;
			after_word = true;
			value = span_from(value, word.size);
			continue;
		}
		size_t size = plain_size(value);
		struct strbuf unfolded = STRBUF_INIT;
		for (size_t i = 0; i < size; i++)
			if (value.data[i] != '\r' && value.data[i] != '\n')
				strbuf_append_char(&unfolded, value.data[i]);
		struct span text = strbuf_span(&unfolded);
		bool blank = span_trim(text).size == 0;
		bytes_to_utf8(out, text, left, true);
		strbuf_free(&unfolded);
		after_word = after_word && blank;
		if (!blank)
			before = out->size;
		value = span_from(value, size);
	}
	if (out->data != NULL)
		controls_to_spaces(out->data + start, out->size - start);
}
