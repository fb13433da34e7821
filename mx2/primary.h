/*
 * primary.h - the hosts that a domain's mail goes to in the end, and whether they answer.
 */
#ifndef SHOVELER_MX2_PRIMARY_H
#define SHOVELER_MX2_PRIMARY_H

#include "lib/dns.h"
#include "schema/policy.h"

#define PRIMARY_MAX_HOSTS  8
#define PRIMARY_TIMEOUT_MS 5000 /* for the names, and for each host */

struct primary_host {
	char name[POLICY_NAME_MAX + 1];
	char port[8];
	int preference; /* of its MX record; -1: named by `primary=` */
};

struct primary {
	struct primary_host hosts[PRIMARY_MAX_HOSTS]; /* best first */
	size_t count;
	bool listed; /* this host is among the domain's MX records */
};

/*
 * primary=HOST is that host; primary=mx are the domain's MX hosts that are better than this one
 * (RFC 5321 section 5.1), which is known by its name, myhostname. Returns 0, or -1 and *error_r:
 * there is none, or DNS does not say.
 */
int primary_find(const struct policy_mx2 *mx2, const char *myhostname, struct dns *dns,
		 struct primary *primary_r, char **error_r);

/* Connects and waits for a greeting (220). Returns 0, or -1 and *error_r. */
int primary_greets(const struct primary_host *host, char **error_r);

#endif
