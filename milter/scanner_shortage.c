#include "scanner_shortage.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int noted;

void scanner_shortage_begin(void)
{
	atomic_store(&noted, 0);
}

int scanner_shortage(void)
{
	return atomic_load(&noted);
}

void scanner_shortage_note(int error)
{
	int none = 0;

	if (error == ENOMEM)
		atomic_store(&noted, ENOMEM);
	else
		atomic_compare_exchange_strong(&noted, &none, error);
}

/* The function of that name that would have been called. */
static void find_next(void *function_r, const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);

	memcpy(function_r, &next, sizeof(next));
}

/* ---- calls of libclamav ---- */

static int note_open(int fd, int flags)
{
	/* What is only read may well not be there. */
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		       ((flags & O_CREAT) != 0 && errno != EINTR)))
		scanner_shortage_note(errno);
	return fd;
}

static mode_t take_mode(int flags, va_list arguments)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = take_mode(flags, arguments);
	va_end(arguments);
	return note_open((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), flags);
}

int open64(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = take_mode(flags, arguments);
	va_end(arguments);
	return note_open((int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode),
			 flags);
}

int openat64(int folder, const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = take_mode(flags, arguments);
	va_end(arguments);
	return note_open((int)syscall(SYS_openat, folder, path, flags | O_LARGEFILE, mode), flags);
}

int mkdir(const char *path, mode_t mode)
{
	int ret = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);

	/* Also where it is there: names are random, so that is somebody else's. */
	if (ret < 0)
		scanner_shortage_note(errno);
	return ret;
}

ssize_t write(int fd, const void *data, size_t size)
{
	ssize_t ret = syscall(SYS_write, fd, data, size);

	if (ret < 0 && errno != EINTR && errno != EAGAIN && errno != EPIPE)
		scanner_shortage_note(errno);
	return ret;
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file)
{
	static size_t (*next)(const void *, size_t, size_t, FILE *);
	size_t written;

	if (next == NULL)
		find_next(&next, "fwrite");
	written = next(data, size, count, file);
	if (written < count && size > 0)
		scanner_shortage_note(errno);
	return written;
}

/* What fputs() and its like could not write shows here at the latest. */
static int end_writing(int (*next)(FILE *), FILE *file)
{
	bool failed = file != NULL && ferror(file);
	int ret = next(file);

	if (ret != 0)
		scanner_shortage_note(errno);
	if (failed)
		scanner_shortage_note(EIO);
	return ret;
}

int fflush(FILE *file)
{
	static int (*next)(FILE *);

	if (next == NULL)
		find_next(&next, "fflush");
	return end_writing(next, file);
}

int fclose(FILE *file)
{
	static int (*next)(FILE *);

	if (next == NULL)
		find_next(&next, "fclose");
	return end_writing(next, file);
}

FILE *fopen64(const char *path, const char *mode)
{
	static FILE *(*next)(const char *, const char *);
	FILE *file;

	if (next == NULL)
		find_next(&next, "fopen64");
	file = next(path, mode);
	if (file == NULL)
		note_open(-1, mode[0] == 'r' ? O_RDONLY : O_CREAT);
	return file;
}

void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
	static void *(*next)(void *, size_t, int, int, int, off64_t);
	void *memory;

	if (next == NULL)
		find_next(&next, "mmap64");
	memory = next(address, size, protection, flags, fd, offset);
	if (memory == MAP_FAILED && (errno == ENOMEM || errno == EAGAIN))
		scanner_shortage_note(ENOMEM);
	return memory;
}
