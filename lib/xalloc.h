/*
 * xalloc.h - memory or the end of the process.
 *
 * For small, bounded allocations. A size that comes from foreign bytes is checked against a named
 * limit before it gets here.
 *
 * A daemon of many sessions sets a reserve aside, and begins nothing new while it is in use: those
 * under way come to their ends with it. Only when that is used up, too, the process ends.
 */
#ifndef SHOVELER_XALLOC_H
#define SHOVELER_XALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *memory, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t size) __attribute__((malloc, returns_nonnull));
/* malloc'ed text, as printf would write it. */
char *xasprintf(const char *format, ...)
	__attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Bytes that are only used when there is no other memory; 0: none, as at the start. */
void xalloc_set_reserve(size_t size);
/* Is it in use? It is filled again here as soon as that can be done. */
bool xalloc_is_short(void);

/*
 * For what a library allocates: call(context) is tried, and where it returns false once more with
 * the reserve; the process ends if that fails, too. call() uses nothing of this file.
 */
void xalloc_call(bool (*call)(void *context), void *context);

/* Ends the process as they do: when a library has said that there is no memory. */
_Noreturn void xalloc_failed(void);

#endif
