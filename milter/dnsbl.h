/*
 * dnsbl.h - DNS lists in the syntax of postscreen_dnsbl_sites(5): domain[=filter][*weight]. Pure.
 *
 * filter: four octets, each a number or [a..b;c], as in 127.0.0.[2..4;10]. Without a filter every
 * answer within 127.0.0.0/8 counts. Whatever the filter says, two kinds of answers never do:
 * 127.255.255.0/24 ("you are blocked", "open resolver") and 127.0.0.1 (the same, of other lists).
 */
#ifndef SHOVELER_DNSBL_H
#define SHOVELER_DNSBL_H

#include "networks.h"

#define DNSBL_MAX_WEIGHT 1000

struct dnsbl_octet {
	unsigned char allowed[32]; /* a bit for each of 256 values */
};

struct dnsbl_site {
	char *domain;
	bool has_filter;
	struct dnsbl_octet filter[4];
	int weight; /* 1 if none is given; negative: a list of good clients */
};

/* Returns 0, or -1 and *error_r. */
int dnsbl_parse(const char *spec, struct dnsbl_site *site_r, char **error_r);
void dnsbl_free(struct dnsbl_site *site);

/* address: the four bytes of an A record of the answer. */
bool dnsbl_matches(const struct dnsbl_site *site, const unsigned char *address);

/* 4.3.2.1.domain, or the nibbles of an IPv6 address (RFC 5782 section 2.4). Freed by the caller. */
char *dnsbl_query_name(const char *domain, const struct ip *ip);

#endif
