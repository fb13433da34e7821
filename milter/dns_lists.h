/*
 * dns_lists.h - the DNS lists of dnsbl_sites and rhsbl_sites, and whether they can be believed.
 *
 * A list only scores while its last self-test was good (RFC 5782 section 5): at start and every
 * hour 127.0.0.2 must be listed and 127.0.0.1 must not (names: INVALID must not). A list that is
 * broken, lists the world or stopped answering is muted, which is logged, and tested again every
 * minute. So a dead list costs a session at most its DNS budget, and only a few sessions.
 */
#ifndef SHOVELER_DNS_LISTS_H
#define SHOVELER_DNS_LISTS_H

#include "lib/dns.h"
#include "dnsbl.h"

#define DNS_LISTS_MAX	     64
#define DNS_LISTS_MAX_SILENT 3 /* answers missing in a row; then it is muted */

struct dns_lists;

struct dns_list {
	char *domain;
	bool of_names; /* an RHSBL */
	size_t site_count;
	struct dnsbl_site *sites; /* of that domain, with their filters and weights */
	/* private to dns_lists.c, under its lock */
	bool good;
	bool counted; /* in the metric */
	unsigned silent;
	int64_t test_at_ms;
	struct dns_query *listed, *unlisted;
};

/* Adds a "domain=filter*weight". Returns 0, or -1 and *error_r. */
int dns_lists_add(struct dns_lists *lists, const char *spec, bool of_names, char **error_r);

struct dns_lists *dns_lists_new(void);
void dns_lists_free(struct dns_lists **lists);

/* Asks for both entries of the self-test; each is released by the caller. */
void dns_lists_start_test(const struct dns_list *list, struct dns *dns, struct dns_query **listed_r,
			  struct dns_query **unlisted_r);
/* NULL: the list is good; else what is wrong, as in "does not answer". */
const char *dns_lists_judge(const struct dns_list *list, const struct dns_answer *listed,
			    const struct dns_answer *unlisted);
/* 127.255.255.0/24: "you are blocked", "ask from a resolver of your own". */
bool dns_lists_is_refusal(const struct dns_answer *answer);

/* Starts tests that are due, and takes the results of those that ended. Cheap: at each connect. */
void dns_lists_test(struct dns_lists *lists, struct dns *dns);
/* The same, waiting for the results: at start. */
void dns_lists_test_now(struct dns_lists *lists, struct dns *dns, int wait_ms);

size_t dns_lists_count(const struct dns_lists *lists);
const struct dns_list *dns_lists_get(const struct dns_lists *lists, size_t i);
bool dns_lists_usable(struct dns_lists *lists, size_t i);
/* An answer came, or did not come in time. */
void dns_lists_report(struct dns_lists *lists, size_t i, bool answered);

#endif
