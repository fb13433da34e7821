/*
 * action_link.h - links that do one thing for one user without his signing in: release a message
 * from the quarantine, confirm that it is spam, delete what is in there.
 *
 * A token is "ACTION.EXPIRES.ARGUMENT.USER.MAC": r, s or d; seconds since 1970 in hex; the
 * signature, or for d the time up to which is deleted, in hex; the user's name in hex; the
 * HMAC-SHA256 (RFC 2104) over what is before, in hex, by a secret that only the service that makes
 * and checks tokens can read. It holds letters, digits and dots, so it is a query parameter as it
 * is. That a token is used only once is for its user to see to: the mac names it.
 */
#ifndef SHOVELER_ACTION_LINK_H
#define SHOVELER_ACTION_LINK_H

#include "mac.h"
#include "span.h"
#include "submitter.h"

#define ACTION_LINK_USER_MAX	   320 /* bytes */
#define ACTION_LINK_TOKEN_MAX	   1024
#define ACTION_LINK_SIGNATURE_SIZE 25

enum action_link_action {
	ACTION_LINK_RELEASE = 'r',
	ACTION_LINK_SPAM = 's',
	ACTION_LINK_DELETE_ALL = 'd'
};

struct action_link {
	enum action_link_action action;
	char user[ACTION_LINK_USER_MAX + 1];
	char signature[ACTION_LINK_SIGNATURE_SIZE]; /* "" with DELETE_ALL */
	time_t until;				    /* with DELETE_ALL */
	time_t expires;
	char mac[MAC_HEX_SIZE]; /* set by action_link_check() */
};

/* "release", "spam", "delete-all" */
const char *action_link_name(enum action_link_action action);

/* Appends the token. Returns 0; -1 when a member is not valid. */
int action_link_make(struct strbuf *out, const struct submitter_secret *secret,
		     const struct action_link *link);

enum action_link_status { ACTION_LINK_OK, ACTION_LINK_INVALID, ACTION_LINK_EXPIRED };

/* *link_r is complete also when it has expired. The time does not tell where a mac differs. */
enum action_link_status action_link_check(struct action_link *link_r,
					  const struct submitter_secret *secret, struct span token,
					  time_t now);

#endif
