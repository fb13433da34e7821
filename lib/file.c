#include "file.h"

#include "xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
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
