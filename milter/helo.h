/*
 * helo.h - what a HELO name and a client's name look like, without asking anybody. Pure.
 */
#ifndef SHOVELER_HELO_H
#define SHOVELER_HELO_H

#include "networks.h"

enum helo_kind {
	HELO_NAME,	       /* a fully qualified name: DNS can say more */
	HELO_MISSING,	       /* none was given */
	HELO_SYNTAX,	       /* characters that no name has (RFC 5321 section 4.1.2) */
	HELO_BARE_ADDRESS,     /* 1.2.3.4 without brackets */
	HELO_LITERAL,	       /* [1.2.3.4], and that is the client */
	HELO_LITERAL_MISMATCH, /* [1.2.3.4], and the client is another */
	HELO_NOT_FQDN,	       /* localhost, PC-7 */
	HELO_OURS,	       /* our own name or address */
};

/*
 * ours: names of this host, NULL-terminated; our_address: the address the client came to, or NULL.
 */
enum helo_kind helo_kind_find(const char *helo, const struct ip *client, const char *const *ours,
			      const struct ip *our_address);

/*
 * Does name look like one of a row of customers' addresses: the client's address is spelled in it,
 * or it says dsl, dynamic, pool... beside a number?
 */
bool helo_is_generic(const char *name, const struct ip *client);

#endif
