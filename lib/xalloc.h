/*
 * xalloc.h - memory or the end of the process.
 *
 * For small, bounded allocations. A size that comes from foreign bytes is checked against a named
 * limit before it gets here.
 */
#ifndef SHOVELER_XALLOC_H
#define SHOVELER_XALLOC_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *memory, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t size) __attribute__((malloc, returns_nonnull));
/* malloc'ed text, as printf would write it. */
char *xasprintf(const char *format, ...)
	__attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Ends the process as they do: when a library has said that there is no memory. */
_Noreturn void xalloc_failed(void);

#endif
