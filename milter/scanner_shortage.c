/*
 * Files of this program and of its libraries. In the milter, whose sessions are served by the same
 * program, the notes are nobody's; only a worker, which has one thread, looks at them.
 *
 * What opens or writes by itself is a system call here, since a sanitizer is not ready for all of
 * them: none of them is a point where a thread can be cancelled, and no thread is. Each keeps
 * errno. libclamav and the libraries under it open and write by no other names, on Debian 12 and 13
 * (nm -D; pwrite64() and writev() are there for Rust's library, and not called). What they write by
 * fputs() and the like shows when the file is flushed or closed.
 */
#include "scanner_shortage.h"

#include "scanner_next.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
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
		atomic_compare_exchange_strong(&noted, &none, error != 0 ? error : EIO);
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
	/* O_TMPFILE has the bit of O_DIRECTORY, too. */
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE
		       ? va_arg(arguments, mode_t)
		       : 0;
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

DIR *opendir(const char *path)
{
	static _Atomic uintptr_t known;
	DIR *folder = NEXT(opendir, known)(path);

	if (folder == NULL)
		note_open(-1, O_RDONLY);
	return folder;
}

int dup(int fd)
{
	return note_open((int)syscall(SYS_dup, fd), O_RDONLY);
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
	static _Atomic uintptr_t known;
	size_t written = NEXT(fwrite, known)(data, size, count, file);

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
	static _Atomic uintptr_t known;

	return end_writing(NEXT(fflush, known), file);
}

int fclose(FILE *file)
{
	static _Atomic uintptr_t known;

	return end_writing(NEXT(fclose, known), file);
}

FILE *fopen64(const char *path, const char *mode)
{
	static _Atomic uintptr_t known;
	FILE *file = NEXT(fopen64, known)(path, mode);

	if (file == NULL)
		note_open(-1, mode[0] == 'r' ? O_RDONLY : O_CREAT);
	return file;
}

void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
	static _Atomic uintptr_t known;
	void *memory = NEXT(mmap64, known)(address, size, protection, flags, fd, offset);

	if (memory == MAP_FAILED && (errno == ENOMEM || errno == EAGAIN))
		scanner_shortage_note(ENOMEM);
	return memory;
}
