/*
 * packet.h - what processes of one host say to each other: one SOCK_SEQPACKET packet is one request
 * or one reply, of attributes "name=value\n" (Postfix's attribute protocol; control bytes and '%'
 * in values are written as %XX), with at most one descriptor passed beside it (unix(7) SCM_RIGHTS).
 *
 * Local packets are checked like the network: a packet that is too large, cut off, malformed, or
 * that names an attribute twice is refused.
 */
#ifndef SHOVELER_PACKET_H
#define SHOVELER_PACKET_H

#include "span.h"

#define PACKET_MAX_SIZE	      (64 * 1024)
#define PACKET_MAX_ATTRIBUTES 64

struct packet {
	char *text; /* owns what the attributes point into */
	size_t count;
	struct {
		const char *name;
		const char *value; /* unescaped, NUL-terminated; NULs cannot be sent */
	} attributes[PACKET_MAX_ATTRIBUTES];
};

struct strbuf;

/* Appends "name=value\n", escaped. */
void packet_put(struct strbuf *out, const char *name, const char *value);
void packet_put_span(struct strbuf *out, const char *name, struct span value);

/* Reads attributes up to an empty line or the end; *size_r (may be NULL): the bytes consumed. */
int packet_parse(struct packet *packet, struct span text, size_t *size_r, char **error_r);
void packet_free(struct packet *packet);

/* The value, or NULL. */
const char *packet_get(const struct packet *packet, const char *name);
/* The value, or "". */
const char *packet_text(const struct packet *packet, const char *name);

/* Sends one packet, passing fd unless it is -1 (it stays the caller's). 0, or -1 with errno. */
int packet_send(int socket, const struct strbuf *attributes, int fd);

/*
 * Waits for one packet, as long as the socket's time-out. *fd_r: the descriptor passed or -1, the
 * caller closes it. Returns 1; 0 when the peer closed; -1 and *error_r (freed by the caller).
 */
int packet_receive(int socket, struct packet *packet, int *fd_r, char **error_r);

/*
 * Connects to address ("unix:/path") within connect_ms; then a read or write may take timeout_s.
 * Returns the descriptor, or -1 and *error_r.
 */
int packet_connect(const char *address, int connect_ms, int timeout_s, char **error_r);

/*
 * packet_send(), then packet_receive(), whose result it returns; fd_r NULL: no descriptor is
 * wanted.
 */
int packet_ask(int socket, const struct strbuf *request, int fd, struct packet *reply, int *fd_r,
	       char **error_r);

#endif
