/*
 * span.h - a run of bytes that somebody else owns.
 *
 * Parsers of foreign bytes work on spans: a message may hold NULs, so a length always comes with
 * the pointer. A span never owns memory; it is valid as long as what it points into.
 */
#ifndef SHOVELER_SPAN_H
#define SHOVELER_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *data; /* may be NULL when size is 0 */
	size_t size;	  /* bytes */
};

/* What "%.*s" wants: printf("%.*s", SPAN_ARG(s)). */
#define SPAN_ARG(s) (int)(s).size, (s).data

#define SPAN_LITERAL(text) ((struct span){(text), sizeof(text) - 1})

static inline struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

/* The bytes from offset on; empty when offset lies behind the end. */
static inline struct span span_from(struct span s, size_t offset)
{
	if (offset >= s.size)
		return (struct span){NULL, 0};
	return (struct span){s.data + offset, s.size - offset};
}

/* At most size bytes from the start. */
static inline struct span span_first(struct span s, size_t size)
{
	return (struct span){s.data, s.size < size ? s.size : size};
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ASCII letters only, as RFC 5234 strings are compared. */
static inline bool span_equal_nocase(struct span a, struct span b)
{
	return a.size == b.size && (a.size == 0 || strncasecmp(a.data, b.data, a.size) == 0);
}

static inline bool span_starts_nocase(struct span s, struct span prefix)
{
	return s.size >= prefix.size && span_equal_nocase(span_first(s, prefix.size), prefix);
}

/* 0 to 15, or -1. */
static inline int span_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* White space: space, tab, CR, LF. */
static inline bool span_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without white space at both ends. */
static inline struct span span_trim(struct span s)
{
	while (s.size > 0 && span_is_blank(s.data[0])) {
		s.data++;
		s.size--;
	}
	while (s.size > 0 && span_is_blank(s.data[s.size - 1]))
		s.size--;
	return s;
}

#endif
