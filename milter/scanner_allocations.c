/*
 * Memory of this program and of its libraries: as they would have it, and a note where there was
 * none (scanner_shortage.h). What has them is the C library, a sanitizer, or an allocator that the
 * administrator preloads; free() is its own. Runs before a sanitizer is ready; dlsym() of glibc
 * allocates nothing for what it finds.
 */
#include "scanner_next.h"
#include "scanner_shortage.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* Of the sanitizer, where there is one: it may be part of this program, and no next. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *memory, size_t size) __attribute__((weak));

static void *note(void *memory)
{
	if (memory == NULL)
		scanner_shortage_note(ENOMEM);
	return memory;
}

void *malloc(size_t size)
{
	static _Atomic uintptr_t known;

	return note(__interceptor_malloc != NULL ? __interceptor_malloc(size)
						 : NEXT(malloc, known)(size));
}

void *calloc(size_t count, size_t size)
{
	static _Atomic uintptr_t known;

	return note(__interceptor_calloc != NULL ? __interceptor_calloc(count, size)
						 : NEXT(calloc, known)(count, size));
}

void *realloc(void *memory, size_t size)
{
	static _Atomic uintptr_t known;
	void *moved = __interceptor_realloc != NULL ? __interceptor_realloc(memory, size)
						    : NEXT(realloc, known)(memory, size);

	/* To nothing: it is freed. */
	return size == 0 ? moved : note(moved);
}
