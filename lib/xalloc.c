#include "xalloc.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock. */
static void *reserve;
static size_t reserve_size;

void xalloc_set_reserve(size_t size)
{
	pthread_mutex_lock(&lock);
	free(reserve);
	reserve = size > 0 ? malloc(size) : NULL;
	reserve_size = size;
	pthread_mutex_unlock(&lock);
}

bool xalloc_is_short(void)
{
	bool is_short;

	pthread_mutex_lock(&lock);
	if (reserve == NULL && reserve_size > 0)
		reserve = malloc(reserve_size);
	is_short = reserve == NULL && reserve_size > 0;
	pthread_mutex_unlock(&lock);
	return is_short;
}

/* Until end_reserve() nobody fills it again: what failed is tried once more between the two. */
static void begin_reserve(void)
{
	pthread_mutex_lock(&lock);
	free(reserve);
	reserve = NULL;
}

static void end_reserve(void)
{
	pthread_mutex_unlock(&lock);
}

/* Nothing here may allocate: no stdio, no syslog. */
_Noreturn void xalloc_failed(void)
{
	static const char text[] = "fatal: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		/* There is nobody left to tell. */
	}
	_exit(EX_OSERR);
}

void *xmalloc(size_t size)
{
	void *memory = malloc(size > 0 ? size : 1);

	if (memory == NULL) {
		begin_reserve();
		memory = malloc(size > 0 ? size : 1);
		end_reserve();
	}
	if (memory == NULL)
		xalloc_failed();
	return memory;
}

void *xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (memory == NULL) {
		begin_reserve();
		memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
		end_reserve();
	}
	if (memory == NULL)
		xalloc_failed();
	return memory;
}

void *xrealloc(void *memory, size_t size)
{
	void *moved = realloc(memory, size > 0 ? size : 1);

	if (moved == NULL) {
		begin_reserve();
		moved = realloc(memory, size > 0 ? size : 1);
		end_reserve();
	}
	if (moved == NULL)
		xalloc_failed();
	return moved;
}

char *xstrdup(const char *text)
{
	return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t size)
{
	size_t length = size > 0 ? strnlen(text, size) : 0; /* the text of an empty span is NULL */
	char *copy = xmalloc(length + 1);

	if (length > 0)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *xasprintf(const char *format, ...)
{
	char *text;
	va_list args, again;
	int size;

	va_start(args, format);
	va_copy(again, args);
	size = vasprintf(&text, format, args);
	if (size < 0) {
		begin_reserve();
		size = vasprintf(&text, format, again);
		end_reserve();
	}
	va_end(again);
	va_end(args);
	if (size < 0)
		xalloc_failed();
	return text;
}

void xalloc_call(bool (*call)(void *context), void *context)
{
	bool done = call(context);

	if (!done) {
		begin_reserve();
		done = call(context);
		end_reserve();
	}
	if (!done)
		xalloc_failed();
}
