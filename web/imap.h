/*
 * imap.h - a session with the host's IMAP server, as the user: he can do no more in it than with
 * his mail program. Only what the pages about folders need: commands and their answers, in order.
 *
 * Plain text: the server is on this host (web_imap_server is a Unix socket or loopback).
 */
#ifndef SHOVELER_WEB_IMAP_H
#define SHOVELER_WEB_IMAP_H

#include "lib/imap_reply.h"

#include "lib/endpoint.h"

#define IMAP_TIMEOUT_S	  30	 /* for each of the server's answers */
#define IMAP_BATCH	  32	 /* commands that are sent at once */
#define IMAP_REPLIES_MAX  100000 /* answers to one batch */
#define IMAP_REFUSAL_SIZE 256

struct imap;

enum imap_result {
	IMAP_OPEN,
	IMAP_DENIED, /* login and password are not good (any more) */
	IMAP_TROUBLE /* the server does not answer, or has trouble itself: *error_r */
};

/* imap_close() when it is IMAP_OPEN. */
enum imap_result imap_open(const struct endpoint *endpoint, const char *login, const char *password,
			   struct imap **imap_r, char **error_r);
/* The same on an open connection, which becomes the session's. */
enum imap_result imap_begin(int fd, const char *login, const char *password, struct imap **imap_r,
			    char **error_r);
void imap_close(struct imap **imap);

struct imap_command {
	struct strbuf text; /* without tag and line end; strings in it by imap_put_string() */
	/* set by imap_run() */
	bool ok;
	char refusal[IMAP_REFUSAL_SIZE]; /* what the server said instead, for people */
};

/*
 * Runs them in order. each (may be NULL) gets the untagged answers, and which command they came
 * before the end of. False: the session is of no use any more, and *error_r.
 */
bool imap_run(struct imap *imap, struct imap_command *commands, size_t count,
	      void (*each)(void *context, size_t command, const struct imap_reply *reply),
	      void *context, char **error_r);
void imap_command_free(struct imap_command *commands, size_t count);

#endif
