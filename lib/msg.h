/*
 * msg.h - the log. Four severities with fixed meaning, as in Postfix's msg(3):
 *
 *   msg_info     an event of ordinary life, one line an event
 *   msg_warn     something is wrong, mail flows on; somebody should look
 *   msg_error    this request failed (mail is deferred, a correction refused)
 *   msg_fatal    this process cannot go on; logs and exits with a sysexits code
 *   msg_panic    a bug of ours; logs and aborts
 *
 * Lines have Postfix's shape: "queue-id: user=<...>, action=..., key=value". Control bytes are
 * escaped as \xNN here, in one place, so callers may log foreign text; no subject or body at info
 * level. Thread-safe. Before msg_open() lines go to standard error.
 */
#ifndef SHOVELER_MSG_H
#define SHOVELER_MSG_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * program: the name in each line, not copied. destination: "syslog" (facility mail), "stderr", or
 * the path of a file that is opened for append, and opened again by msg_reopen() (log rotation).
 * Returns 0, or -1 with errno set, the old destination then stays.
 */
int msg_open(const char *program, const char *destination);
int msg_reopen(void);
/*
 * Before root becomes another user: a log file that belongs to root becomes his, so that he can
 * open it again, and so that what logrotate creates in its place is his too. Returns 0, or -1 with
 * errno set.
 */
int msg_give_file(uid_t user, gid_t group);

/* Also log msg_debug() lines. */
void msg_set_verbose(bool verbose);

void msg_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void msg_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void msg_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void msg_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void msg_fatal(int exit_code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
_Noreturn void msg_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
