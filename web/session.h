/*
 * session.h - who is signed in. A session is a cookie that we signed; nothing is kept of it here.
 *
 *	1:ID:GENERATION:SIGNED-IN:ISSUED:FLAGS:LANGUAGE:USER:HMAC
 *
 * It is good for idle_seconds after it was issued, and is issued again while it is used, until
 * lifetime_seconds after signing in. What is kept, in the state folder, is only what ends sessions
 * early: ended/ID (signed out; removed when the session would be over anyway), and generation/USER
 * (a number; sessions that carry a lower one are over: "sign out everywhere").
 *
 * Before signing in a visitor has a session too, with an empty user: it carries the form token. To
 * sign in is always to begin a new session under a new random ID, whatever the browser brought.
 */
#ifndef SHOVELER_WEB_SESSION_H
#define SHOVELER_WEB_SESSION_H

#include "web/secret.h"

#include "lib/address.h"
#include "lib/mac.h"

#include <time.h>

#define SESSION_ID_SIZE	      33 /* 32 hex digits and the NUL */
#define SESSION_USER_SIZE     (ADDRESS_LOCAL_MAX + ADDRESS_DOMAIN_MAX + 2)
#define SESSION_LANGUAGE_SIZE 16
#define SESSION_TOKEN_MAX     2048 /* bytes of a cookie that are looked at */

struct session {
	char id[SESSION_ID_SIZE];
	char user[SESSION_USER_SIZE];	      /* "": nobody */
	char language[SESSION_LANGUAGE_SIZE]; /* "": what the browser wants */
	unsigned long long generation;
	time_t signed_in, issued;
	bool by_proxy; /* single sign-on: there is nothing to sign out of */
};

struct session_keeper;

/* Makes the folders below directory, which exists and is ours. Returns 0, or -1 and *error_r. */
int session_keeper_open(const char *directory, time_t idle_seconds, time_t lifetime_seconds,
			struct session_keeper **keeper_r, char **error_r);
void session_keeper_close(struct session_keeper **keeper);

/* A new session, under a new ID. user: address_is_user(), or "". Any number of threads. */
void session_begin(const struct session_keeper *keeper, const char *user, bool by_proxy, time_t now,
		   struct session *session_r);
/* Sets issued to now and appends the cookie's value. */
void session_issue(const struct session_keeper *keeper, struct session *session, time_t now,
		   struct strbuf *token);
/* False: not ours, changed, over, or ended. */
bool session_read(const struct session_keeper *keeper, struct span token, time_t now,
		  struct session *session_r);
/* It is time to issue it again. */
bool session_is_stale(const struct session_keeper *keeper, const struct session *session,
		      time_t now);

/* Durable when they return 0; -1 and *error_r. */
int session_end(const struct session_keeper *keeper, const struct session *session, char **error_r);
int session_end_all(const struct session_keeper *keeper, const char *user, char **error_r);
/* Removes notes of sessions that would be over by now anyway. */
void session_sweep(const struct session_keeper *keeper, time_t now);

/* What each form of this session carries. */
void session_form_token(const struct session_keeper *keeper, const struct session *session,
			char token_r[MAC_HEX_SIZE]);

#endif
