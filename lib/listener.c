#include "listener.h"

#include "resolve.h"
#include "xalloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define INHERITED_MAX	     16
#define INHERITED_RESOLVE_MS 10000
#define RESTART_ADVICE	     "systemctl daemon-reload, stop its socket units, start it"

static bool used[INHERITED_MAX];

static int inherited_count(void)
{
	int count = sd_listen_fds(0);

	return count < 0 ? 0 : count > INHERITED_MAX ? INHERITED_MAX : count;
}

static bool has_type(int fd, int type)
{
	int its_type = 0;
	socklen_t size = sizeof(its_type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &its_type, &size) == 0 && its_type == type;
}

static bool is_at_path(const struct sockaddr_storage *address, const char *path)
{
	const struct sockaddr_un *local = (const void *)address;

	return local->sun_family == AF_UNIX && strcmp(local->sun_path, path) == 0;
}

static bool same_inet(const struct sockaddr_storage *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->sa_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

/* wanted: the addresses of an inet endpoint, NULL for a Unix one. */
static bool is_bound_to(int fd, const struct endpoint *endpoint, const struct addrinfo *wanted)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address) - 1;

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return false;
	if (endpoint->is_unix)
		return is_at_path(&address, endpoint->path);
	while (wanted != NULL && !same_inet(&address, wanted->ai_addr))
		wanted = wanted->ai_next;
	return wanted != NULL;
}

/* Returns a descriptor, -1: there is none, or -2 and *error_r. */
static int take_inherited(const struct endpoint *endpoint, int type, char **error_r)
{
	struct addrinfo *wanted = NULL;
	int count = inherited_count(), found = -1;

	if (count == 0)
		return -1;
	if (!endpoint->is_unix) {
		wanted = resolve_within(endpoint->host, endpoint->port, type, AI_PASSIVE,
					INHERITED_RESOLVE_MS, error_r);
		if (wanted == NULL)
			return -2;
	}
	for (int i = 0; i < count && found < 0; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (used[i] || !has_type(fd, type) || !is_bound_to(fd, endpoint, wanted))
			continue;
		used[i] = true;
		found = fd;
	}
	if (wanted != NULL)
		freeaddrinfo(wanted);
	return found;
}

/* Closed to everybody until it belongs to whom it shall belong to. */
static int bind_unix(const struct endpoint *endpoint, int type, struct listener_access access,
		     char **error_r)
{
	bool given = access.owner != (uid_t)-1 || access.group != (gid_t)-1;
	int fd = endpoint_listen(endpoint, type, given ? 0600 : access.mode, error_r);

	if (fd < 0 || !given)
		return fd;
	if (lchown(endpoint->path, access.owner, access.group) == 0 &&
	    chmod(endpoint->path, access.mode) == 0)
		return fd;
	*error_r = xasprintf("cannot give %s away: %s", endpoint->path, strerror(errno));
	close(fd);
	return -1;
}

/* systemd has bound others, which may be what is wrong: an address was changed. */
static void add_advice(char **error)
{
	char *advised;

	if (inherited_count() == 0)
		return;
	advised = xasprintf("%s; systemd has opened other sockets: " RESTART_ADVICE, *error);
	free(*error);
	*error = advised;
}

int listener_open(const struct endpoint *endpoint, int type, struct listener_access access,
		  char **error_r)
{
	int fd = take_inherited(endpoint, type, error_r);

	if (fd == -2)
		return -1;
	if (fd == -1) {
		fd = endpoint->is_unix ? bind_unix(endpoint, type, access, error_r)
				       : endpoint_listen(endpoint, type, access.mode, error_r);
		if (fd < 0)
			add_advice(error_r);
	}
	return fd;
}

static char *describe(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address) - 1;
	char host[INET6_ADDRSTRLEN], port[8];

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return xasprintf("descriptor %d", fd);
	if (address.ss_family == AF_UNIX)
		return xasprintf("unix:%s", ((struct sockaddr_un *)&address)->sun_path);
	if (getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		return xasprintf("inet:%s:%s", host, port);
	return xasprintf("descriptor %d", fd);
}

int listener_check_all_used(char **error_r)
{
	int count = inherited_count();
	char *address;

	for (int i = 0; i < count; i++) {
		if (used[i])
			continue;
		address = describe(SD_LISTEN_FDS_START + i);
		*error_r = xasprintf(
			"systemd listens on %s, which no setting of ours names: " RESTART_ADVICE,
			address);
		free(address);
		return -1;
	}
	return 0;
}
