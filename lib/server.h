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

/* Where a session stands: what happens to it when the server stops. */
enum server_moment {
	SERVER_BEGINNING, /* the peer has yet to say what it wants: it has 2 s, then end of file */
	SERVER_IN_WORK,	  /* may go on until the drain time is over */
	SERVER_BETWEEN,	  /* has done something and waits for more: end of file at once */
};

/*
 * For the session's thread. A session begins at SERVER_BEGINNING. Returns false when it is
 * SERVER_BETWEEN and shall end; true also in a thread that is no server's.
 */
bool server_session_is(enum server_moment moment);

/*
 * Accepts no more, lets sessions end as their moments say, by shutting their reading side; waits
 * until all ended or the drain time is over.
 */
void server_stop(struct server **server);

#endif
