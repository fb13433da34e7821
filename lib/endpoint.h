/*
 * endpoint.h - addresses of sockets in Postfix's notation: "unix:/path", "inet:host:port",
 * "inet:[::1]:port".
 */
#ifndef SHOVELER_ENDPOINT_H
#define SHOVELER_ENDPOINT_H

#include <stdbool.h>
#include <sys/types.h>

struct endpoint {
	bool is_unix;
	char path[108]; /* sun_path */
	char host[256];
	char port[32];
};

/* Syntax only, nothing is looked up. Returns 0, or -1 and *error_r, freed by the caller. */
int endpoint_parse(const char *text, struct endpoint *endpoint_r, char **error_r);

/*
 * Binds and listens, type SOCK_STREAM or SOCK_SEQPACKET (Unix only), close-on-exec. A Unix socket
 * that is left over from a dead process is replaced; one on which somebody listens is an error.
 * mode: permissions of a Unix socket. Returns the descriptor, or -1 and *error_r.
 */
int endpoint_listen(const struct endpoint *endpoint, int type, mode_t mode, char **error_r);

/*
 * Looks its name up within timeout_ms, and connects to each of its addresses within timeout_ms.
 * Returns a blocking, close-on-exec descriptor, or -1 and *error_r.
 */
int endpoint_connect(const struct endpoint *endpoint, int type, int timeout_ms, char **error_r);

/* Every later read and write on fd fails with EAGAIN after so many seconds. */
void endpoint_set_timeout(int fd, int seconds);

#endif
