#include "memory.h"

#include "lib/msg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC	  UINT64_C(0x736d656d6f727931) /* "smemory1" */
#define HEAD_SIZE 4096
#define LOCK_MS	  3000 /* a milter that is just ending has it for so long at most */
#define TICK_MS	  50

struct head {
	uint64_t magic, version, size, seed;
};

static uint64_t random_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		msg_panic("no random numbers");
	return seed;
}

static int lock(int fd)
{
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += TICK_MS) {
		if (errno != EWOULDBLOCK || waited >= LOCK_MS)
			return -1;
		poll(NULL, 0, TICK_MS);
	}
	return 0;
}

/* Makes it what it should be, all zeros, unless it is that already. */
static int prepare(int fd, uint64_t version, size_t size)
{
	struct head head = {0};
	struct stat st;
	int error;

	if (fstat(fd, &st) < 0)
		return -1;
	if (pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) && head.magic == MAGIC &&
	    head.version == version && head.size == size && st.st_size == (off_t)(HEAD_SIZE + size))
		return 0;
	head = (struct head){MAGIC, version, size, random_seed()};
	if (ftruncate(fd, 0) < 0)
		return -1;
	error = posix_fallocate(fd, 0, (off_t)(HEAD_SIZE + size));
	if (error == 0 && pwrite(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head))
		return 0;
	if (error == 0)
		error = EIO;
	if (ftruncate(fd, 0) < 0)
		error = errno;
	errno = error;
	return -1;
}

static char *map_file(int fd, uint64_t version, size_t size)
{
	void *map;

	if (lock(fd) < 0 || prepare(fd, version, size) < 0)
		return NULL;
	map = mmap(NULL, HEAD_SIZE + size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		   0);
	return map == MAP_FAILED ? NULL : map;
}

static struct memory plain_memory(const char *path, size_t size)
{
	void *map;

	msg_warn("%s: %s: a restart will forget it", path, strerror(errno));
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		msg_panic("no memory");
	return (struct memory){map, random_seed()};
}

struct memory memory_open(const char *path, uint64_t version, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char *map = fd < 0 ? NULL : map_file(fd, version, size);
	struct head head;

	if (map == NULL) {
		struct memory memory = plain_memory(path, size);

		if (fd >= 0)
			close(fd);
		return memory;
	}
	/* The descriptor stays open: it holds the lock. */
	memcpy(&head, map, sizeof(head));
	return (struct memory){map + HEAD_SIZE, head.seed};
}
