/*
 * imap_session.h - an IMAP session as a user, without his password: Dovecot's own imap, started by
 * `doveadm exec imap`, on pipes. As root only. SIGPIPE is ignored from then on.
 */
#ifndef SHOVELER_IMAP_SESSION_H
#define SHOVELER_IMAP_SESSION_H

#define IMAP_SESSION_TIMEOUT_S 20 /* for each command */

struct imap_session;

/* Returns 0, or -1 and *error_r (freed by the caller): Dovecot does not know the user, ... */
int imap_session_open(const char *user, struct imap_session **session_r, char **error_r);

/*
 * One command, of the format and without its tag. Returns 0 and *answer_r, the untagged lines,
 * valid until the next command; or -1 and *error_r: the server said NO or BAD, or nothing.
 */
int imap_session_command(struct imap_session *session, const char **answer_r, char **error_r,
			 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Ends it in order; what its plugins still have to do is done then. */
void imap_session_close(struct imap_session **session);

#endif
