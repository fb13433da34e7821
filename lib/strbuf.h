/*
 * strbuf.h - a growing string.
 *
 * The text is always NUL-terminated, and may hold NULs before that. Memory that cannot be had ends
 * the process (xmalloc), as in Postfix and Dovecot: a mail process that is gone makes mail wait.
 */
#ifndef SHOVELER_STRBUF_H
#define SHOVELER_STRBUF_H

#include "span.h"

#include <stdarg.h>

struct strbuf {
	char *data;	 /* NULL until something was appended: use strbuf_text() */
	size_t size;	 /* bytes, without the final NUL */
	size_t capacity; /* bytes allocated */
};

#define STRBUF_INIT                                                                                \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

void strbuf_append(struct strbuf *buf, const void *data, size_t size);
void strbuf_append_text(struct strbuf *buf, const char *text);
void strbuf_append_span(struct strbuf *buf, struct span s);
void strbuf_append_char(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Room for at least size more bytes at data + size; the caller then adds to buf->size. */
void strbuf_reserve(struct strbuf *buf, size_t size);

/* Empty, memory kept. */
void strbuf_reset(struct strbuf *buf);
/* Empty, memory freed. */
void strbuf_free(struct strbuf *buf);

/* Never NULL. */
const char *strbuf_text(const struct strbuf *buf);
struct span strbuf_span(const struct strbuf *buf);

/* The text as malloc'ed string that the caller frees; the buffer is empty afterwards. */
char *strbuf_steal(struct strbuf *buf);

#endif
