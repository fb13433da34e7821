/*
 * protocol.h - one connection of Postfix that speaks the milter protocol: bytes in, events out,
 * answers back into a buffer. Knows no sockets.
 *
 * Asked for is the least that is needed, and Postfix waits for an answer only to a recipient, to
 * the end of the header and to the end of the message; so what the end of the header accepts costs
 * one round trip and no transfer of the body.
 *
 * A connection belongs to one thread at a time. Not more than one packet (WIRE_MAX_PACKET) is kept
 * between two calls, and nothing at all when Postfix waits. What does not come in the order of a
 * session, or is no such packet, ends the connection: Postfix then puts the message off.
 */
#ifndef SHOVELER_PROTOCOL_H
#define SHOVELER_PROTOCOL_H

#include "networks.h"
#include "wire.h"

#define PROTOCOL_MAX_TEXT                                                                          \
	16384 /* bytes of a macro or argument; SMTP has lines of 512, Postfix of 2048 */

struct protocol;

enum protocol_macro {
	MACRO_QUEUE_ID,	   /* i */
	MACRO_DAEMON_ADDR, /* {daemon_addr} */
	MACRO_LOGIN,	   /* {auth_authen} */
	MACRO_MAILER,	   /* {rcpt_mailer} */
	MACRO_HOST,	   /* {rcpt_host} */
	MACRO_ADDRESS,	   /* {rcpt_addr} */
	MACRO_COUNT
};

enum protocol_answer {
	ANSWER_CONTINUE,
	ANSWER_ACCEPT, /* at the end of the header: it has no more to do with us */
	ANSWER_DISCARD,
	ANSWER_TEMPFAIL,
	ANSWER_REPLY, /* what protocol_reply() said */
};

/*
 * They come in the order of an SMTP session: connect once, then for each message mail, recipients,
 * header fields, end of header, body, end of message, as far as it gets; then message_over. Strings
 * and bytes are valid during the call.
 */
struct protocol_events {
	/* Before all others; what it returns is the context of the others. */
	void *(*open)(struct protocol *protocol);
	/* Does this connection have to send bodies? */
	bool (*wants_body)(void *context);
	void (*connect)(void *context, const struct ip *client); /* NULL: not by IP */
	void (*helo)(void *context, const char *name);
	void (*mail)(void *context, const char *sender);
	enum protocol_answer (*recipient)(void *context, const char *address);
	void (*header)(void *context, const char *name, const char *value);
	enum protocol_answer (*end_of_header)(void *context);
	void (*body)(void *context, struct span data);
	enum protocol_answer (*end_of_message)(void *context);
	void (*message_over)(void *context);
	void (*close)(void *context);
};

/* events: not copied. */
struct protocol *protocol_new(const struct protocol_events *events);
void protocol_free(struct protocol **protocol);

/*
 * Takes bytes as they came. Returns 0; 1: Postfix has ended the session; or -1 and *error_r: this
 * is not the milter protocol as we speak it. Then, too, the output is to be sent.
 */
int protocol_feed(struct protocol *protocol, struct span bytes, char **error_r);

/* What is to be sent; the caller empties it. */
struct strbuf *protocol_output(struct protocol *protocol);

/* Between mail and the end of that message? */
bool protocol_is_busy(const struct protocol *protocol);

/* NULL: Postfix did not say. */
const char *protocol_macro(const struct protocol *protocol, enum protocol_macro macro);

/* For ANSWER_REPLY: "550 5.7.1 text", printable ASCII. */
void protocol_reply(struct protocol *protocol, const char *reply);

/* Changes of the message, at its end. */
void protocol_insert_header(struct protocol *protocol, const char *name, const char *value);
void protocol_remove_header(struct protocol *protocol, const char *name, unsigned index);
void protocol_add_recipient(struct protocol *protocol, const char *address);
void protocol_remove_recipient(struct protocol *protocol, const char *address);
void protocol_quarantine(struct protocol *protocol, const char *reason);

#endif
