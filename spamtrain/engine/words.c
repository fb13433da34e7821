/*
 * words.c - see words.h. Bytes of one UTF-8 character are never parted.
 */
#include "spamtrain/engine/words.h"

#include <ctype.h>
#include <stdint.h>

/* What a byte is to a word. */
enum { SEPARATOR, INNER, LETTER };

static unsigned char byte_class(unsigned char c)
{
	if (c >= 0x80 || isalnum(c) || c == '$')
		return LETTER;
	if (c != '\0' && strchr("'-._@!%+*", c) != NULL)
		return INNER;
	return SEPARATOR;
}

/* The character at p and its size; text is valid UTF-8, cut-off tails are taken as single bytes. */
static uint32_t utf8_read(const char *p, size_t n, size_t *size_r)
{
	const unsigned char *s = (const unsigned char *)p;

	if (s[0] >= 0xf0 && n >= 4) {
		*size_r = 4;
		return (uint32_t)(s[0] & 7) << 18 | (uint32_t)(s[1] & 63) << 12 |
		       (uint32_t)(s[2] & 63) << 6 | (s[3] & 63);
	}
	if (s[0] >= 0xe0 && n >= 3) {
		*size_r = 3;
		return (uint32_t)(s[0] & 15) << 12 | (uint32_t)(s[1] & 63) << 6 | (s[2] & 63);
	}
	if (s[0] >= 0xc0 && n >= 2) {
		*size_r = 2;
		return (uint32_t)(s[0] & 31) << 6 | (s[1] & 63);
	}
	*size_r = 1;
	return s[0];
}

/* Scripts written without spaces. */
static bool is_unspaced(uint32_t c)
{
	return (c >= 0x0e00 && c < 0x0e80) || (c >= 0x3040 && c < 0xa000) ||
	       (c >= 0xf900 && c < 0xfb00) || (c >= 0x20000 && c < 0x30000);
}

/* Punctuation above ASCII: general punctuation, CJK punctuation, Latin-1 signs. */
static bool is_wide_separator(uint32_t c)
{
	return (c >= 0x2010 && c < 0x2070) || (c >= 0x3000 && c < 0x3040) ||
	       (c >= 0xa0 && c < 0xc0 && c != 0xa3 && c != 0xa5 && c != 0xaa && c != 0xba);
}

/* Size of the next piece of a word at s: 0 separator; *alone if it is a word of its own. */
static size_t piece_size(struct span s, bool *alone)
{
	size_t size;

	*alone = false;
	if ((unsigned char)s.data[0] < 0x80)
		return byte_class((unsigned char)s.data[0]) == SEPARATOR ? 0 : 1;
	uint32_t c = utf8_read(s.data, s.size, &size);
	if (is_wide_separator(c))
		return 0;
	*alone = is_unspaced(c);
	return size;
}

static struct span trim_inner(struct span word)
{
	while (word.size > 0 && byte_class((unsigned char)word.data[0]) == INNER)
		word = span_from(word, 1);
	while (word.size > 0 && byte_class((unsigned char)word.data[word.size - 1]) == INNER &&
	       word.data[word.size - 1] != '!' && word.data[word.size - 1] != '%')
		word.size--;
	while (word.size > 1 && word.data[word.size - 1] == '!' && word.data[word.size - 2] == '!')
		word.size--;
	return word;
}

static size_t skip_separators(struct span s)
{
	size_t i = 0, size;
	bool alone;

	while (i < s.size && piece_size(span_from(s, i), &alone) == 0) {
		utf8_read(s.data + i, s.size - i, &size);
		i += size;
	}
	return i;
}

bool word_next(struct span *rest, struct span *word_r)
{
	while (rest->size > 0) {
		*rest = span_from(*rest, skip_separators(*rest));
		size_t i = 0, size;
		bool alone = false;
		while (i < rest->size && (size = piece_size(span_from(*rest, i), &alone)) > 0) {
			if (alone && i > 0)
				break;
			i += size;
			if (alone)
				break;
		}
		*word_r = trim_inner(span_first(*rest, i));
		*rest = span_from(*rest, i);
		if (word_r->size > 0)
			return true;
	}
	return false;
}

static bool is_invisible(uint32_t c)
{
	return c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x2064) || c == 0xfeff || c == 0x34f || c == 0x180e;
}

static bool is_blank(uint32_t c)
{
	return c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f ||
	       c == 0x3000;
}

size_t text_normalize(struct strbuf *out, struct span text)
{
	size_t removed = 0;

	strbuf_reserve(out, text.size + 1);
	char *to = out->data + out->size;
	for (size_t i = 0, size; i < text.size; i += size) {
		unsigned char byte = (unsigned char)text.data[i];
		if (byte < 0x80) {
			*to++ = (char)(byte < ' ' && byte != '\n' ? ' ' : byte);
			size = 1;
			continue;
		}
		uint32_t c = utf8_read(text.data + i, text.size - i, &size);
		if (is_invisible(c)) {
			removed++;
		} else if (is_blank(c)) {
			*to++ = ' ';
		} else if (c > 0xff00 && c < 0xff5f) {
			*to++ = (char)(c - 0xff00 + 0x20);
		} else {
			memcpy(to, text.data + i, size);
			to += size;
		}
	}
	out->size = (size_t)(to - out->data);
	out->data[out->size] = '\0';
	return removed;
}

/* Of letters of two bytes whose lower case has two bytes as well. */
static uint32_t lower_of(uint32_t c)
{
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
	    (c >= 0x410 && c <= 0x42f))
		return c + 0x20;
	return c >= 0x400 && c <= 0x40f ? c + 0x50 : c;
}

bool word_lower(char *to, struct span word)
{
	bool changed = false;

	for (size_t i = 0, size = 1; i < word.size; i += size) {
		uint32_t c = (unsigned char)word.data[i];
		size = 1;
		if (c >= 0x80)
			c = utf8_read(word.data + i, word.size - i, &size);
		uint32_t lower = c >= 'A' && c <= 'Z' ? c + ('a' - 'A')
				 : size == 2	      ? lower_of(c)
						      : c;
		changed = changed || lower != c;
		memcpy(to + i, word.data + i, size);
		if (lower != c && size == 1) {
			to[i] = (char)lower;
		} else if (lower != c) {
			to[i] = (char)(0xc0 | lower >> 6);
			to[i + 1] = (char)(0x80 | (lower & 63));
		}
	}
	return changed;
}

/* The Latin letter that a Cyrillic or Greek one looks like, 0 if none. */
static char latin_twin(uint32_t c)
{
	static const struct {
		uint16_t code;
		char twin;
	} twins[] = {{0x430, 'a'}, {0x435, 'e'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'},
		     {0x445, 'x'}, {0x443, 'y'}, {0x456, 'i'}, {0x458, 'j'}, {0x455, 's'},
		     {0x410, 'a'}, {0x412, 'b'}, {0x415, 'e'}, {0x41a, 'k'}, {0x41c, 'm'},
		     {0x41d, 'h'}, {0x41e, 'o'}, {0x420, 'p'}, {0x421, 'c'}, {0x422, 't'},
		     {0x425, 'x'}, {0x391, 'a'}, {0x392, 'b'}, {0x395, 'e'}, {0x397, 'h'},
		     {0x399, 'i'}, {0x39a, 'k'}, {0x39c, 'm'}, {0x39d, 'n'}, {0x39f, 'o'},
		     {0x3a1, 'p'}, {0x3a4, 't'}, {0x3a7, 'x'}, {0x3b1, 'a'}, {0x3bf, 'o'},
		     {0x3bd, 'v'}, {0x3b9, 'i'}, {0x3c1, 'p'}};

	for (size_t i = 0; i < sizeof(twins) / sizeof(*twins); i++)
		if (twins[i].code == c)
			return twins[i].twin;
	return 0;
}

static char letter_of_sign(char c)
{
	static const char signs[] = "!1|0345@$", letters[] = "iiioeasas";
	const char *at = c == '\0' ? NULL : strchr(signs, c);

	return at == NULL ? 0 : letters[at - signs];
}

size_t word_unmask(char *to, struct span word)
{
	size_t used = 0, letters = 0, changed = 0;

	for (size_t i = 0, size; i < word.size; i += size) {
		uint32_t c = utf8_read(word.data + i, word.size - i, &size);
		char twin = c < 0x80 ? letter_of_sign((char)c) : latin_twin(c);
		if (c < 0x80 && isalpha((int)c)) {
			to[used++] = (char)tolower((int)c);
			letters++;
		} else if (twin != 0) {
			to[used++] = twin;
			changed++;
			letters += c >= 0x80;
		} else if (c < 0x80 && byte_class((unsigned char)c) == INNER) {
			changed++;
		} else {
			return 0;
		}
	}
	if (word.size > 0 && word.data[word.size - 1] == '!' && used > 0) {
		used--; /* a final "!" is no letter */
		changed--;
	}
	return changed > 0 && letters >= 2 && used >= 4 && letters * 2 >= used ? used : 0;
}
