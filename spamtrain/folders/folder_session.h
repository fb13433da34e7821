/*
 * folder_session.h - an IMAP session with Dovecot as a user, without his password: Dovecot's own
 * imap, started by `doveadm exec imap`, on pipes. So every format, compression and encryption that
 * Dovecot knows can be read, and nothing is read behind its back. As root only; SIGPIPE is ignored
 * from then on.
 */
#ifndef SHOVELER_FOLDER_SESSION_H
#define SHOVELER_FOLDER_SESSION_H

#include "lib/imap_reply.h"

#define FOLDER_SESSION_TIMEOUT_S 300		   /* silent for so long: it hangs */
#define FOLDER_SESSION_REPLY_MAX (2 * 1024 * 1024) /* bytes of one answer */

struct folder_session;

/* Returns 0, or -1 and *error_r (freed by the caller), with what Dovecot said. */
int folder_session_open(const char *user, struct folder_session **session_r, char **error_r);

enum folder_session_result {
	FOLDER_SESSION_OK,
	FOLDER_SESSION_REFUSED, /* NO or BAD: *error_r; the session goes on */
	FOLDER_SESSION_LOST	/* *error_r; it is of no use any more */
};

/*
 * One command, without tag and line end. each gets its untagged answers as they come; when it
 * returns false the rest of them is read, and not shown.
 */
enum folder_session_result folder_session_run(struct folder_session *session, struct span command,
					      bool (*each)(void *context,
							   const struct imap_reply *reply),
					      void *context, char **error_r);

void folder_session_close(struct folder_session **session); /* NULL inside is fine */

/* The users that Dovecot knows (`doveadm user '*'`), a line each. 0, or -1 and *error_r. */
int folder_users_list(struct strbuf *out, char **error_r);

#endif
