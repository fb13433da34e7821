/*
 * mail_key.h - the password of the user's mail, kept by his own browser: the pages about folders
 * open an IMAP session as the user, for each request.
 *
 * A cookie holds login and password, encrypted and authenticated (AES-256-GCM) with a key that is
 * made at start and lives in this process's memory only; it is bound to one session. So the cookie
 * is worth nothing without a session that is still good, nothing to another user, nothing to whom
 * reads disk or backups, and nothing after a restart: users then are asked for the password once
 * more. Here no password is kept beyond the request in work.
 */
#ifndef SHOVELER_WEB_MAIL_KEY_H
#define SHOVELER_WEB_MAIL_KEY_H

#include "web/dovecot_auth.h"
#include "web/session.h"

#define MAIL_TOKEN_MAX 2304 /* bytes of a cookie that are looked at */

struct mail_key;

struct mail_key *mail_key_new(void);
void mail_key_free(struct mail_key **key);

struct credentials {
	char login[DOVECOT_AUTH_LOGIN_MAX + 1]; /* as Dovecot names him */
	char password[DOVECOT_AUTH_PASSWORD_MAX + 1];
};

/* Appends the cookie's value. False: login or password is too long; nothing is appended. */
bool mail_key_seal(const struct mail_key *key, const struct session *session, const char *login,
		   const char *password, struct strbuf *token);
/* False: not ours, of another session or process, or changed. Wipe what it gave. */
bool mail_key_unseal(const struct mail_key *key, const struct session *session, struct span token,
		     struct credentials *credentials_r);
void credentials_wipe(struct credentials *credentials);

#endif
