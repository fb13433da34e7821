/*
 * networks.h - lists of networks, as mynetworks of Postfix holds them, and addresses in them.
 */
#ifndef SHOVELER_NETWORKS_H
#define SHOVELER_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

/* An IP address, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct ip {
	unsigned char bytes[16];
};

/* "1.2.3.4", "::1", "[1.2.3.4]", "[IPv6:::1]". Returns 0 or -1. */
int ip_parse(const char *text, struct ip *ip_r);
bool ip_is_v4(const struct ip *ip);
/* From the bytes of an A (4) or AAAA (16) record. */
struct ip ip_from_bytes(const unsigned char *bytes, size_t size);
/* Loopback, private, link-local, unspecified, multicast: no mail host has such an address. */
bool ip_is_bogus(const struct ip *ip);

struct network {
	struct ip base;
	unsigned bits; /* of the 128 */
	bool excluded; /* "!" before it */
};

struct networks {
	size_t count;
	struct network *list;
};

/*
 * "10.0.0.0/8", "[::1]/128", "[::ffff:127.0.0.0]/104", "!10.1.0.0/16", "1.2.3.4". Returns 0,
 * or -1: it is none of these.
 */
int networks_add(struct networks *networks, const char *text);
/* The first that fits decides. */
bool networks_contain(const struct networks *networks, const struct ip *ip);
void networks_free(struct networks *networks);

#endif
