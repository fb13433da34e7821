#include "spool.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define BUFFER_SIZE (16 * 1024)

struct spool {
	char *directory;
	size_t maximum;
	size_t size; /* bytes taken, those in the buffer too */
	int fd;	     /* -1: nothing was flushed yet */
	bool on_disk;
	int error; /* errno of the first failure */
	size_t buffered;
	char buffer[BUFFER_SIZE];
};

struct spool *spool_new(const char *directory, size_t maximum)
{
	struct spool *spool = xmalloc(sizeof(*spool));

	spool->directory = xstrdup(directory);
	spool->maximum = maximum;
	spool->size = spool->buffered = 0;
	spool->fd = -1;
	spool->on_disk = false;
	spool->error = 0;
	return spool;
}

void spool_free(struct spool **spool)
{
	if (*spool == NULL)
		return;
	if ((*spool)->fd >= 0)
		close((*spool)->fd);
	free((*spool)->directory);
	free(*spool);
	*spool = NULL;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		data += written;
		size -= (size_t)written;
	}
	return 0;
}

static int move_to_disk(struct spool *spool)
{
	int fd = open(spool->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	off_t offset = 0, end = lseek(spool->fd, 0, SEEK_END);

	if (fd < 0)
		return -1;
	while (offset < end) {
		errno = EIO; /* where it copies nothing, and says no error */
		if (sendfile(fd, spool->fd, &offset, (size_t)(end - offset)) <= 0) {
			close(fd);
			return -1;
		}
	}
	close(spool->fd);
	spool->fd = fd;
	spool->on_disk = true;
	return 0;
}

static int flush(struct spool *spool)
{
	if (spool->fd < 0)
		spool->fd = memfd_create("message", MFD_CLOEXEC);
	if (spool->fd < 0)
		return -1;
	if (!spool->on_disk && spool->size > SPOOL_MEMORY_LIMIT && move_to_disk(spool) < 0)
		return -1;
	if (write_all(spool->fd, spool->buffer, spool->buffered) < 0)
		return -1;
	spool->buffered = 0;
	return 0;
}

static int take(struct spool *spool, const char *data, size_t size)
{
	while (size > 0) {
		size_t room = BUFFER_SIZE - spool->buffered, part = size < room ? size : room;

		memcpy(spool->buffer + spool->buffered, data, part);
		spool->buffered += part;
		spool->size += part;
		data += part;
		size -= part;
		if (spool->buffered == BUFFER_SIZE && flush(spool) < 0)
			return -1;
	}
	return 0;
}

int spool_write(struct spool *spool, const void *data, size_t size)
{
	if (spool->error == 0 && size > spool->maximum - spool->size)
		spool->error = EFBIG;
	else if (spool->error == 0 && take(spool, data, size) < 0)
		spool->error = errno;
	errno = spool->error;
	return spool->error == 0 ? 0 : -1;
}

int spool_finish(struct spool *spool)
{
	if (spool->error == 0 && flush(spool) < 0)
		spool->error = errno;
	errno = spool->error;
	return spool->error == 0 ? spool->fd : -1;
}
