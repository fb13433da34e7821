/*
 * charset.c - see charset.h.
 *
 * UTF-16 and UTF-32 are not left to iconv: glibc keeps the byte order that one text announced for
 * the next one, even of another thread.
 */
#include "charset.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define ERRORS_MAX 2000 /* wrong bytes until a text is read as windows-1252 */

/* windows-1252, 0x80 to 0x9f; 0 where it has nothing. */
static const uint16_t windows_1252[32] = {
	0x20ac, 0,	0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0,	0x017d, 0,	0,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,	0x017e, 0x0178};

static size_t utf8_put(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = size - 1; i > 0; i--) {
		to[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	to[0] = (char)((size == 2 ? 0xc0 : size == 3 ? 0xe0 : 0xf0) | c);
	return size;
}

static size_t byte_put(char *to, unsigned char c)
{
	uint32_t wide = c;

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

/* ---- names ---- */

static bool charset_name(char *name, struct span charset)
{
	if (charset.size == 0 || charset.size >= CHARSET_NAME_SIZE)
		return false;
	for (size_t i = 0; i < charset.size; i++) {
		char c = charset.data[i];
		if (!isalnum((unsigned char)c) && (c == '\0' || strchr("._:-+", c) == NULL))
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
	static const char *const names[] = {
		"BIG-5",	  "BIG5",	 "BIG5-HKSCS",	"BIG5HKSCS",	"CP866",
		"CP874",	  "CP932",	 "CP936",	"CP949",	"CP950",
		"EUC-CN",	  "EUC-JP",	 "EUC-KR",	"EUC-TW",	"EUCJP",
		"EUCKR",	  "GB18030",	 "GB2312",	"GB_2312-80",	"GBK",
		"IBM437",	  "IBM850",	 "IBM852",	"IBM855",	"IBM866",
		"ISO-2022-JP",	  "ISO-2022-KR", "KOI8-R",	"KOI8-U",	"KOI8-T",
		"KS_C_5601-1987", "KSC5601",	 "MACINTOSH",	"MAC-CYRILLIC", "MS_KANJI",
		"SHIFT-JIS",	  "SHIFT_JIS",	 "SJIS",	"TIS-620",	"UHC",
		"VISCII",	  "WINDOWS-31J", "WINDOWS-874", "WINDOWS-936",	NULL};

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

/* ---- UTF-16, UTF-32 (RFC 2781; Unicode, 3.10) ---- */

struct unicode {
	size_t unit; /* bytes: 2 or 4 */
	bool little;
};

/* False if the charset is another one. The byte order is that of the mark, else big endian. */
static bool unicode_read(const char *name, struct span *text, struct unicode *unicode_r)
{
	bool known = strncmp(name, "UTF-16", 6) == 0 || strncmp(name, "UTF-32", 6) == 0;
	const char *order = known ? name + 6 : "";

	unicode_r->unit = known && name[4] == '3' ? 4 : 2;
	unicode_r->little = strcmp(order, "LE") == 0;
	if (!known || (order[0] != '\0' && strcmp(order, "LE") != 0 && strcmp(order, "BE") != 0))
		return false;
	if (order[0] != '\0' || text->size < unicode_r->unit)
		return true;
	static const char marks[2][2][4] = {{{'\xfe', '\xff'}, {'\xff', '\xfe'}},
					    {{0, 0, '\xfe', '\xff'}, {'\xff', '\xfe', 0, 0}}};
	for (int little = 0; little < 2; little++) {
		if (memcmp(text->data, marks[unicode_r->unit == 4][little], unicode_r->unit) != 0)
			continue;
		unicode_r->little = little != 0;
		*text = span_from(*text, unicode_r->unit);
		break;
	}
	return true;
}

static uint32_t unit_at(struct span text, size_t at, struct unicode unicode)
{
	uint32_t value = 0;

	for (size_t i = 0; i < unicode.unit; i++) {
		size_t from = unicode.little ? unicode.unit - 1 - i : i;
		value = value << 8 | (unsigned char)text.data[at + from];
	}
	return value;
}

static void unicode_to_utf8(struct strbuf *out, struct span text, struct unicode unicode,
			    size_t max)
{
	size_t end = out->size + max, units = text.size / unicode.unit;

	for (size_t i = 0; i < units && out->size + 4 <= end; i++) {
		uint32_t c = unit_at(text, i * unicode.unit, unicode), low = 0;
		if (unicode.unit == 2 && (c & 0xfc00) == 0xd800 && i + 1 < units)
			low = unit_at(text, (i + 1) * 2, unicode);
		if ((low & 0xfc00) == 0xdc00) {
			c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
			i++;
		}
		if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			c = 0xfffd;
		strbuf_reserve(out, 4);
		out->size += utf8_put(out->data + out->size, c);
	}
	if (out->data != NULL)
		out->data[out->size] = '\0';
}

/* ---- iconv ---- */

/* In its first state. (iconv_t)-1: there is none, or there are too many. */
static iconv_t converter_find(struct charsets *charsets, const char *name)
{
	for (size_t i = 0; i < charsets->count; i++) {
		if (strcmp(charsets->list[i].name, name) == 0) {
			iconv(charsets->list[i].converter, NULL, NULL, NULL, NULL);
			return charsets->list[i].converter;
		}
	}
	if (charsets->count == CHARSETS_MAX || !charset_is_allowed(name))
		return (iconv_t)-1;
	iconv_t converter = iconv_open("UTF-8", name);
	if (converter != (iconv_t)-1) {
		strcpy(charsets->list[charsets->count].name, name);
		charsets->list[charsets->count++].converter = converter;
	}
	return converter;
}

void charsets_free(struct charsets *charsets)
{
	for (size_t i = 0; i < charsets->count; i++)
		iconv_close(charsets->list[i].converter);
	charsets->count = 0;
}

/* Converts with cd; wrong bytes become windows-1252 characters. Returns the bytes it has read. */
static size_t iconv_text(struct strbuf *out, iconv_t cd, struct span text, size_t max)
{
	char *from = (char *)(uintptr_t)text.data; /* iconv's prototype lacks the const */
	size_t left = text.size, start = out->size;
	unsigned errors = 0;

	while (left > 0 && out->size - start + 8 <= max && errors < ERRORS_MAX) {
		size_t room = max - (out->size - start) - 4; /* a wrong byte may follow */
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
	if (left == 0) { /* some charsets hold a character back */
		size_t room = max - (out->size - start);
		strbuf_reserve(out, room < 8 ? room : 8);
		char *to = out->data + out->size;
		room = room < 8 ? room : 8;
		iconv(cd, NULL, NULL, &to, &room);
		out->size = (size_t)(to - out->data);
	}
	if (out->data != NULL)
		out->data[out->size] = '\0';
	return text.size - left;
}

void charset_to_utf8(struct charsets *charsets, struct strbuf *out, struct span text,
		     struct span charset, size_t max)
{
	char name[CHARSET_NAME_SIZE] = "";
	struct unicode unicode;

	if (text.size == 0)
		return;
	if (!charset_name(name, charset) || charset_is_utf8(name)) {
		bytes_to_utf8(out, text, max, true);
		return;
	}
	if (charset_is_8bit_latin(name)) {
		bytes_to_utf8(out, text, max, false);
		return;
	}
	if (unicode_read(name, &text, &unicode)) {
		unicode_to_utf8(out, text, unicode, max);
		return;
	}
	iconv_t converter = converter_find(charsets, name);
	if (converter == (iconv_t)-1) {
		bytes_to_utf8(out, text, max, true);
		return;
	}
	size_t start = out->size;
	size_t done = iconv_text(out, converter, text, max);
	if (done < text.size && out->size - start < max)
		bytes_to_utf8(out, span_from(text, done), max - (out->size - start), false);
}
