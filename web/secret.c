#include "web/secret.h"

#include "lib/file.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static void random_bytes(unsigned char *out, size_t size)
{
	if (RAND_bytes(out, (int)size) != 1)
		msg_fatal(EX_OSERR, "the system has no random numbers");
}

static void to_hex(char *out, const unsigned char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * size] = '\0';
}

static int make_secret(const char *path, char **error_r)
{
	char *fresh = xasprintf("%s.new", path);
	unsigned char bytes[SECRET_SIZE];
	int fd, ret = 0;

	random_bytes(bytes, sizeof(bytes));
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* link(), not rename(): the key that is there already stays. */
	if (fd < 0 || file_write_all(fd, (struct span){(char *)bytes, sizeof(bytes)}) < 0 ||
	    fsync(fd) < 0 || (link(fresh, path) < 0 && errno != EEXIST)) {
		*error_r = xasprintf("cannot make %s: %s", path, strerror(errno));
		ret = -1;
	}
	if (fd >= 0)
		close(fd);
	unlink(fresh);
	free(fresh);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return ret;
}

int secret_open(const char *path, struct secret *secret_r, char **error_r)
{
	ssize_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (make_secret(path, error_r) < 0)
			return -1;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0) {
		*error_r = xasprintf("cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	size = read(fd, secret_r->bytes, SECRET_SIZE);
	close(fd);
	if (size == SECRET_SIZE)
		return 0;
	*error_r = xasprintf("%s: must hold %d bytes; remove it and everybody signs in again", path,
			     SECRET_SIZE);
	return -1;
}

void secret_random_hex(char *out, size_t size)
{
	unsigned char bytes[64];

	random_bytes(bytes, size / 2);
	to_hex(out, bytes, size / 2);
}
