/*
 * tend.h - what is done for the fallback MX each minute: mail that has become too old for its
 * domain goes back, mail that the primary has refused is held or dropped, mail for a primary that
 * answers again is tried at once, and the domain's contact is told.
 *
 * Postfix's queue is the only truth; all that is remembered between two runs is when a contact was
 * told. A run that is killed loses nothing: the next one does the rest.
 */
#ifndef SHOVELER_MX2_TEND_H
#define SHOVELER_MX2_TEND_H

#include "domains.h"

#include "lib/dns.h"

#include <stdio.h>

#define TELL_AGAIN_AFTER       86400 /* seconds between two mails to a contact about a domain */
#define TELL_STALE_AGAIN_AFTER (7 * 86400) /* ... about its list of recipients */

struct tend {
	const char *postfix_directory; /* of main.cf */
	const char *myhostname;
	const char *state_file; /* who was told when; made if it is not there */
	int64_t other_lifetime; /* seconds that mail for nobody of ours is kept */
	int64_t tell_after;	/* seconds that mail must have waited */
	int64_t list_max_age;	/* seconds, of a list that the primary signed */
	int64_t now;		/* seconds since 1970 */
	bool dry_run;		/* only say what would be done */
	struct dns *dns;
	FILE *log; /* one line an event */
};

/* domains: as loaded; what waits is counted in them. Returns 0, or -1 and *error_r. */
int tend_queue(const struct tend *tend, struct mx2_domains *domains, char **error_r);

#endif
