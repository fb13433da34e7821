/*
 * rcpt_transport.h - where a transport of Postfix takes mail: to this host, or away.
 */
#ifndef SHOVELER_RCPT_TRANSPORT_H
#define SHOVELER_RCPT_TRANSPORT_H

#include "rcpt_maps.h"

enum rcpt_place {
	PLACE_HERE,    /* a program of this host delivers it */
	PLACE_ALIASES, /* local(8): the alias database decides first */
	PLACE_AWAY,
	PLACE_NOWHERE, /* error, discard, retry */
};

/* The way of an address, which no alias changes any more. Returns 0, or -1 and *error_r. */
int rcpt_transport_find(const struct rcpt_maps *maps, const struct rcpt_parts *parts,
			enum rcpt_place *place_r, char **error_r);

/* The same where Postfix has told transport and next hop already. */
int rcpt_transport_place(const struct rcpt_maps *maps, const struct rcpt_parts *parts,
			 struct span transport, struct span nexthop, enum rcpt_place *place_r,
			 char **error_r);

#endif
