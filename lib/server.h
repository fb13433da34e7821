/*
 * server.h - a listening socket whose sessions are threads with blocking I/O.
 *
 * At most max_sessions at a time: beyond that new connections wait in the kernel's queue, which to
 * Postfix looks like a slow server, and mail waits. server_stop() drains.
 */
#ifndef SHOVELER_SERVER_H
#define SHOVELER_SERVER_H

#include <stdbool.h>

struct server;

struct server_settings {
	const char *name;      /* for log lines; not copied */
	int listen_fd;	       /* from listener_open(); server_stop() closes it */
	unsigned max_sessions; /* threads */
	int io_timeout_s;      /* seconds a read or write may take; then it fails with EAGAIN */
	int drain_timeout_s;   /* seconds that running sessions get at server_stop() */
	/* Runs in a thread of its own; the server closes fd when it returns. */
	void (*session)(int fd, void *context);
	void *context;
};

/* Starts the accepting thread. Returns 0, or -1 and *error_r (listen_fd then stays open). */
int server_start(const struct server_settings *settings, struct server **server_r, char **error_r);

/* All its places are taken: who connects now waits. */
bool server_is_full(struct server *server);

/*
 * Accepts no more; idle sessions see end of file at once (shutdown of the reading side), a session
 * in the middle of work may finish it; waits until all ended or the drain time is over.
 */
void server_stop(struct server **server);

#endif
