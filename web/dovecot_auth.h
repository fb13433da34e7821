/*
 * dovecot_auth.h - asks Dovecot whether a password is right: a client of its auth service (Dovecot
 * documentation, "Auth Protocol v1.1"; the same in 2.3 and 2.4), mechanism PLAIN (RFC 4616).
 *
 * The socket is a plain listener of "service auth", which answers yes or no and nothing else: no
 * password and no user list leave Dovecot. A connection a question, as signing in is rare.
 */
#ifndef SHOVELER_WEB_DOVECOT_AUTH_H
#define SHOVELER_WEB_DOVECOT_AUTH_H

#include "lib/endpoint.h"
#include "lib/strbuf.h"

#define DOVECOT_AUTH_SERVICE	  "shoveler" /* %{service}, %s: passdbs can refuse it */
#define DOVECOT_AUTH_TIMEOUT_S	  30	     /* Dovecot makes failures wait */
#define DOVECOT_AUTH_LOGIN_MAX	  512	     /* bytes */
#define DOVECOT_AUTH_PASSWORD_MAX 1024	     /* bytes */

enum dovecot_auth_result {
	DOVECOT_AUTH_OK,
	DOVECOT_AUTH_WRONG,  /* wrong user or password, or he may not use this service */
	DOVECOT_AUTH_TROUBLE /* Dovecot does not answer, or has trouble itself: *error_r */
};

/* user_r: appended, who it is in Dovecot's spelling. client: an IP address, or "". */
enum dovecot_auth_result dovecot_auth(const struct endpoint *endpoint, const char *login,
				      const char *password, const char *client,
				      struct strbuf *user_r, char **error_r);

/* The same on an open connection. */
enum dovecot_auth_result dovecot_auth_talk(int fd, const char *login, const char *password,
					   const char *client, struct strbuf *user_r,
					   char **error_r);

#endif
