/*
 * dns.h - asynchronous DNS lookups with c-ares, shared and cached by all sessions of a process.
 *
 * One thread talks to the name servers. A session starts as many queries as it likes, they run side
 * by side, and waits for the answers later, never beyond its own deadline. Queries for the same
 * name and type are one; answers are kept for their TTL, failures for DNS_FAILURE_TTL.
 */
#ifndef SHOVELER_DNS_H
#define SHOVELER_DNS_H

#include "dns_message.h"

#define DNS_MAX_CACHE 20000 /* answers kept */
#define DNS_MAX_NAME  253   /* bytes; RFC 1035 section 2.3.4 */

struct dns;
struct dns_query;

/*
 * servers: addresses, with :port if it is not 53, NULL-terminated; none: those of /etc/resolv.conf.
 * Returns 0, or -1 and *error_r.
 */
int dns_open(const char *const *servers, struct dns **dns_r, char **error_r);
/* All queries must have been released. */
void dns_close(struct dns **dns);

/* Returns a reference. A name that is none gives DNS_NONE at once. */
struct dns_query *dns_start(struct dns *dns, const char *name, enum dns_type type);
void dns_release(struct dns_query **query);

/*
 * Waits until the answer is there or deadline_ms (clock_ms()) has come. Returns it, valid as long
 * as the reference; NULL if it is not there yet.
 */
const struct dns_answer *dns_wait(struct dns_query *query, int64_t deadline_ms);

#endif
