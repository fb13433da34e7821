#include "endpoint.h"

#include "resolve.h"
#include "xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG	  256
#define PROBE_TIMEOUT_MS  1000
#define LISTEN_RESOLVE_MS 10000

static int parse_unix(const char *path, struct endpoint *endpoint, char **error_r)
{
	endpoint->is_unix = true;
	if (path[0] != '/' || strlen(path) >= sizeof(endpoint->path)) {
		*error_r = xasprintf("expected unix:/path of less than %zu bytes",
				     sizeof(endpoint->path));
		return -1;
	}
	strcpy(endpoint->path, path);
	return 0;
}

static int parse_inet(const char *text, struct endpoint *endpoint, char **error_r)
{
	const char *colon = strrchr(text, ':');
	size_t host_size;

	if (colon == NULL || colon == text || colon[1] == '\0' ||
	    strlen(colon + 1) >= sizeof(endpoint->port)) {
		*error_r = xstrdup("expected inet:host:port");
		return -1;
	}
	host_size = (size_t)(colon - text);
	if (text[0] == '[' && colon[-1] == ']') {
		text++;
		host_size -= 2;
	}
	if (host_size == 0 || host_size >= sizeof(endpoint->host)) {
		*error_r = xstrdup("expected inet:host:port");
		return -1;
	}
	memcpy(endpoint->host, text, host_size);
	strcpy(endpoint->port, colon + 1);
	return 0;
}

int endpoint_parse(const char *text, struct endpoint *endpoint_r, char **error_r)
{
	*endpoint_r = (struct endpoint){0};
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, endpoint_r, error_r);
	if (strncmp(text, "inet:", 5) == 0)
		return parse_inet(text + 5, endpoint_r, error_r);
	*error_r = xstrdup("expected unix:/path or inet:host:port");
	return -1;
}

static struct sockaddr_un unix_address(const struct endpoint *endpoint)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, endpoint->path, sizeof(address.sun_path));
	return address;
}

static int connect_within(int fd, const struct sockaddr *address, socklen_t size, int timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t error_size = sizeof(error);

	if (connect(fd, address, size) < 0) {
		if (errno != EINPROGRESS)
			return -1;
		if (poll(&ready, 1, timeout_ms) <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) < 0)
			return -1;
		if (error != 0) {
			errno = error;
			return -1;
		}
	}
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static int connect_address(int family, int type, const struct sockaddr *address, socklen_t size,
			   int timeout_ms)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), saved_errno;

	if (fd < 0)
		return -1;
	if (connect_within(fd, address, size, timeout_ms) == 0)
		return fd;
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return -1;
}

static int connect_unix(const struct endpoint *endpoint, int type, int timeout_ms, char **error_r)
{
	struct sockaddr_un address = unix_address(endpoint);
	int fd = connect_address(AF_UNIX, type, (struct sockaddr *)&address, sizeof(address),
				 timeout_ms);

	if (fd < 0)
		*error_r =
			xasprintf("cannot connect to unix:%s: %s", endpoint->path, strerror(errno));
	return fd;
}

static int connect_inet(const struct endpoint *endpoint, int type, int timeout_ms, char **error_r)
{
	struct addrinfo *list = resolve_within(endpoint->host, endpoint->port, type, 0, timeout_ms,
					       error_r),
			*each;
	int fd = -1;

	if (list == NULL)
		return -1;
	for (each = list; each != NULL && fd < 0; each = each->ai_next)
		fd = connect_address(each->ai_family, type, each->ai_addr, each->ai_addrlen,
				     timeout_ms);
	if (fd < 0)
		*error_r = xasprintf("cannot connect to inet:%s:%s: %s", endpoint->host,
				     endpoint->port, strerror(errno));
	freeaddrinfo(list);
	return fd;
}

int endpoint_connect(const struct endpoint *endpoint, int type, int timeout_ms, char **error_r)
{
	if (endpoint->is_unix)
		return connect_unix(endpoint, type, timeout_ms, error_r);
	return connect_inet(endpoint, type, timeout_ms, error_r);
}

/* Who is too busy to answer is alive: only a refused connection tells that nobody listens. */
static bool is_listening(const struct endpoint *endpoint, int type)
{
	struct sockaddr_un address = unix_address(endpoint);
	int fd = connect_address(AF_UNIX, type, (struct sockaddr *)&address, sizeof(address),
				 PROBE_TIMEOUT_MS);

	if (fd < 0)
		return errno != ECONNREFUSED && errno != ENOENT;
	close(fd);
	return true;
}

/* Returns -1 if somebody listens there or something else than a socket is in the way. */
static int remove_stale_socket(const struct endpoint *endpoint, int type, char **error_r)
{
	struct stat st;

	if (lstat(endpoint->path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		*error_r = xasprintf("%s exists and is not a socket", endpoint->path);
		return -1;
	}
	if (is_listening(endpoint, type)) {
		*error_r = xasprintf("another process listens on unix:%s", endpoint->path);
		return -1;
	}
	unlink(endpoint->path);
	return 0;
}

static int bind_and_listen(int fd, const struct sockaddr *address, socklen_t size)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, address, size) < 0)
		return -1;
	return listen(fd, LISTEN_BACKLOG);
}

static int listen_unix(const struct endpoint *endpoint, int type, mode_t mode, char **error_r)
{
	struct sockaddr_un address = unix_address(endpoint);
	int fd;

	if (remove_stale_socket(endpoint, type, error_r) < 0)
		return -1;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind_and_listen(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    chmod(endpoint->path, mode) == 0)
		return fd;
	*error_r = xasprintf("cannot listen on unix:%s: %s", endpoint->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int listen_inet(const struct endpoint *endpoint, int type, char **error_r)
{
	struct addrinfo *list = resolve_within(endpoint->host, endpoint->port, type, AI_PASSIVE,
					       LISTEN_RESOLVE_MS, error_r);
	int fd;

	if (list == NULL)
		return -1;
	fd = socket(list->ai_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind_and_listen(fd, list->ai_addr, list->ai_addrlen) < 0) {
		*error_r = xasprintf("cannot listen on inet:%s:%s: %s", endpoint->host,
				     endpoint->port, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

int endpoint_listen(const struct endpoint *endpoint, int type, mode_t mode, char **error_r)
{
	if (endpoint->is_unix)
		return listen_unix(endpoint, type, mode, error_r);
	return listen_inet(endpoint, type, error_r);
}

void endpoint_set_timeout(int fd, int seconds)
{
	struct timeval timeout = {.tv_sec = seconds};

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}
