/*
 * rcpt_class.h - what a recipient is, worked out from what this Postfix would do with the address.
 *
 * The address goes through the host's own maps as it would in Postfix: canonical maps, virtual
 * aliases, for local(8) the alias database, then the transport. A delivery by smtp(8) to another
 * host leaves: RELAYED if the address itself leads there, REDIRECT if an alias does. Everything
 * that is delivered by a program of this host (lmtp, local, virtual, pipe) is a MAILBOX, and so is
 * a file or command in the alias database. Recursion and the number of addresses are bounded; a
 * lookup that fails is an error, never a guess.
 */
#ifndef SHOVELER_RCPT_CLASS_H
#define SHOVELER_RCPT_CLASS_H

#include "rcpt_maps.h"
#include "verdict.h"

#include <stddef.h>

struct strbuf;

#define RCPT_CLASS_MAX_ADDRESSES 1000 /* that one alias may lead to; Postfix's own limit */
#define RCPT_CLASS_MAX_DEPTH	 50

struct rcpt_class {
	unsigned classes; /* CLASS_..., or'ed */
	bool inseparable; /* an alias that leads to itself and to mailboxes: all or nothing */
	size_t target_count;
	char **targets; /* addresses of third parties that an alias leads to */
	size_t mailbox_count;
	char **mailboxes; /* addresses that are delivered on this host */
};

struct rcpt_question {
	const char *address;  /* without <>, as Postfix completed it */
	const char *mailer;   /* {rcpt_mailer}: the transport of the address itself */
	const char *host;     /* {rcpt_host}: its next hop */
	struct strbuf *trace; /* not NULL: gets a line for each step */
};

/* Returns 0; -1 and *error_r: not known, the recipient has to be deferred. */
int rcpt_class_find(const struct rcpt_maps *maps, const struct rcpt_question *question,
		    struct rcpt_class *result_r, char **error_r);
void rcpt_class_free(struct rcpt_class *result);

/* "mailbox,redirect" for the log. buffer: at least RCPT_CLASS_NAME_SIZE bytes. */
#define RCPT_CLASS_NAME_SIZE 64
const char *rcpt_class_name(unsigned classes, char *buffer);

#endif
