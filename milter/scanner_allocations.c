/*
 * Memory of this program and of its libraries: that of the C library, or of a sanitizer, and a note
 * where there was none (scanner_shortage.h). Runs before a sanitizer is ready.
 */
#include "scanner_shortage.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* Of the sanitizer, where there is one. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *memory, size_t size) __attribute__((weak));
/* Of the C library. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static void *note(void *memory)
{
	if (memory == NULL)
		scanner_shortage_note(ENOMEM);
	return memory;
}

void *malloc(size_t size)
{
	return note(__interceptor_malloc != NULL ? __interceptor_malloc(size)
						 : __libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return note(__interceptor_calloc != NULL ? __interceptor_calloc(count, size)
						 : __libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
	void *moved = __interceptor_realloc != NULL ? __interceptor_realloc(memory, size)
						    : __libc_realloc(memory, size);

	/* To nothing: it is freed. */
	return size == 0 ? moved : note(moved);
}
