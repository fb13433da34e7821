/*
 * listener.h - the sockets that a daemon listens on: those that systemd has bound for it (socket
 * units, sd_listen_fds(3)), known by their addresses; else it binds itself.
 *
 * A socket of systemd's stays bound while the daemon is away: who connects meanwhile waits in its
 * queue. What systemd has bound and no setting names is an error, not a socket that nobody answers.
 */
#ifndef SHOVELER_LISTENER_H
#define SHOVELER_LISTENER_H

#include "endpoint.h"

/* Who may connect to a Unix socket that we bind; systemd's have it from their units. */
struct listener_access {
	mode_t mode;
	uid_t owner; /* -1: who we are */
	gid_t group; /* -1: that of who we are */
};

/*
 * type: SOCK_STREAM, or SOCK_SEQPACKET (Unix only). Returns a listening descriptor, close-on-exec,
 * or -1 and *error_r.
 */
int listener_open(const struct endpoint *endpoint, int type, struct listener_access access,
		  char **error_r);

/* After the last listener_open(): 0, or -1 and *error_r if systemd bound what was not opened. */
int listener_check_all_used(char **error_r);

#endif
