#include "file.h"

#include "xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_write_all(int fd, struct span bytes)
{
	ssize_t size;

	while (bytes.size > 0) {
		size = write(fd, bytes.data, bytes.size);
		if (size < 0 && errno != EINTR)
			return -1;
		if (size > 0)
			bytes = span_from(bytes, (size_t)size);
	}
	return 0;
}

int file_sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result, saved_errno;

	if (fd < 0)
		return -1;
	result = fsync(fd);
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return result;
}

int file_sync_parent(const char *path)
{
	char *copy = xstrdup(path);
	int result = file_sync_directory(dirname(copy)), saved_errno = errno;

	free(copy);
	errno = saved_errno;
	return result;
}

static int write_fresh(const char *fresh, struct span bytes, mode_t mode, bool durable)
{
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int result, saved_errno;

	if (fd < 0)
		return -1;
	result = fchmod(fd, mode);
	if (result == 0)
		result = file_write_all(fd, bytes);
	if (result == 0 && durable)
		result = fsync(fd);
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return result;
}

int file_replace(const char *path, struct span bytes, mode_t mode, bool durable)
{
	const char *slash = strrchr(path, '/');
	int folder = slash != NULL ? (int)(slash + 1 - path) : 0;
	/* This thread's alone, and short where the name is long. */
	char *fresh = xasprintf("%.*s.new.%d", folder, path, (int)gettid());
	int result, saved_errno;

	(void)unlink(fresh);
	result = write_fresh(fresh, bytes, mode, durable);
	if (result == 0)
		result = rename(fresh, path);
	saved_errno = errno;
	if (result < 0)
		(void)unlink(fresh);
	free(fresh);
	errno = saved_errno;
	return result == 0 && durable ? file_sync_parent(path) : result;
}
