/*
 * verdict.h - what becomes of a message, from who gets it and what the scanner said. Pure.
 *
 * Promises 2 and 3: what could not be scanned is deferred, never let through to a mailbox;
 * redirects and relayed recipients get their copy whatever is in it. At the end of a message SMTP
 * has one reply for all recipients, so those of a mixed message are taken apart where that is
 * possible.
 */
#ifndef SHOVELER_VERDICT_H
#define SHOVELER_VERDICT_H

#include "policy.h"
#include "scan_status.h"

/* What a recipient is; an alias can be several of these. */
#define CLASS_MAILBOX  1u  /* delivered on this host: scanned */
#define CLASS_REDIRECT 2u  /* reached by an alias, leaves this host: never scanned */
#define CLASS_RELAYED  4u  /* leaves this host as it stands: never scanned */
#define CLASS_TRAINING 8u  /* an address that users resend mail to: never scanned */
#define CLASS_EXEMPT   32u /* a mailbox, but the admin does not want this mail scanned */
#define CLASS_TRAP     64u /* nobody's: taken from everybody, never scanned */
#define CLASS_NOWHERE  16u /* Postfix gives it to error or discard */

enum verdict {
	VERDICT_ACCEPT,
	VERDICT_DISCARD,  /* 250, nobody gets it */
	VERDICT_SUPPRESS, /* 250, mailboxes are taken out, the others get it */
	VERDICT_REJECT,	  /* 5xx */
	VERDICT_HOLD,	  /* 250, held in Postfix's queue for the admin */
	VERDICT_DEFER,	  /* 4xx */
	VERDICT_SPLIT,	  /* 4xx, and the next attempt is taken apart by class */
};

/* "accept", "discard", ... for the log. */
const char *verdict_name(enum verdict verdict);

struct verdict_input {
	unsigned classes; /* of all recipients, or'ed */
	bool separable;	  /* some recipient is no mailbox at all */
	bool inseparable; /* some alias has a mailbox and others, and cannot be taken apart */
	bool submitted;	  /* by an authenticated user */
	bool poisonous;	  /* this content crashed the scanner crash_limit times */
	bool braked;	  /* its signature has found too much lately */
	bool unkept;	  /* no copy can be kept of what would be taken from somebody */
	enum scan_status status; /* only looked at if it was to be scanned */
};

/* Is a message with these recipients scanned? */
bool verdict_wants_scan(const struct policy *policy, unsigned classes, bool submitted);

enum verdict verdict_find(const struct policy *policy, const struct verdict_input *input);

#endif
