/*
 * resolve.h - the addresses of a host, within a time. getaddrinfo(3) alone waits as long as the
 * resolver does: half a minute and more when name servers do not answer.
 */
#ifndef SHOVELER_RESOLVE_H
#define SHOVELER_RESOLVE_H

struct addrinfo;

/*
 * flags: AI_... of getaddrinfo(3). Numbers never wait; names are looked up by a thread of the C
 * library. Returns the list, freed by freeaddrinfo(), or NULL and *error_r.
 */
struct addrinfo *resolve_within(const char *host, const char *port, int type, int flags,
				int timeout_ms, char **error_r);

#endif
