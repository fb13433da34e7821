/*
 * wire.h - packets of the milter protocol, version 6, as Postfix speaks it (its
 * src/milter/milter8.c is the reference; sendmail's libmilter/mfdef.h has the numbers).
 *
 * A packet is a 4-byte length in network order, one byte that says what it is, and data. Reading
 * works on bytes of the peer and trusts none of them; writing appends to a buffer.
 */
#ifndef SHOVELER_WIRE_H
#define SHOVELER_WIRE_H

#include "lib/span.h"
#include "lib/strbuf.h"

#include <stdint.h>

#define WIRE_VERSION 6
#define WIRE_MAX_PACKET                                                                            \
	(1024 * 1024) /* bytes; body chunks have 64 KiB, a header field can have more */

enum wire_command {
	WIRE_ABORT = 'A',
	WIRE_BODY = 'B',
	WIRE_CONNECT = 'C',
	WIRE_MACROS = 'D',
	WIRE_END_OF_MESSAGE = 'E',
	WIRE_HELO = 'H',
	WIRE_HEADER = 'L',
	WIRE_MAIL = 'M',
	WIRE_END_OF_HEADER = 'N',
	WIRE_NEGOTIATE = 'O',
	WIRE_QUIT = 'Q',
	WIRE_RECIPIENT = 'R',
};

enum wire_answer {
	WIRE_ADD_RECIPIENT = '+',
	WIRE_REMOVE_RECIPIENT = '-',
	WIRE_ACCEPT = 'a',
	WIRE_CONTINUE = 'c',
	WIRE_DISCARD = 'd',
	WIRE_INSERT_HEADER = 'i',
	WIRE_CHANGE_HEADER = 'm',
	WIRE_QUARANTINE = 'q',
	WIRE_TEMPFAIL = 't',
	WIRE_REPLY = 'y',
};

/* What a milter may do (SMFIF_*). */
enum wire_action {
	WIRE_MAY_ADD_HEADERS = 0x1,
	WIRE_MAY_ADD_RECIPIENTS = 0x4,
	WIRE_MAY_REMOVE_RECIPIENTS = 0x8,
	WIRE_MAY_CHANGE_HEADERS = 0x10,
	WIRE_MAY_QUARANTINE = 0x20,
	WIRE_MAY_ASK_FOR_MACROS = 0x100,
};

/* What Postfix need not send, or need not wait for an answer to (SMFIP_*). */
enum wire_step {
	WIRE_NO_BODY = 1 << 4,
	WIRE_NO_HEADER_ANSWER = 1 << 7,
	WIRE_NO_UNKNOWN = 1 << 8,
	WIRE_NO_DATA = 1 << 9,
	WIRE_NO_CONNECT_ANSWER = 1 << 12,
	WIRE_NO_HELO_ANSWER = 1 << 13,
	WIRE_NO_MAIL_ANSWER = 1 << 14,
	WIRE_NO_BODY_ANSWER = 1 << 19,
	WIRE_LEADING_SPACE = 1 << 20, /* values of header fields as they are */
};

/* Stages that macros are asked for (SMFIM_*). */
enum wire_stage {
	WIRE_AT_CONNECT = 0,
	WIRE_AT_MAIL = 2,
	WIRE_AT_RECIPIENT = 3,
	WIRE_AT_END_OF_MESSAGE = 5,
};

struct wire_packet {
	char command;
	struct span data;
};

/*
 * Takes a packet from the start of *bytes. Returns 1, 0: not all of it is there, or -1: no packet.
 */
int wire_next(struct span *bytes, struct wire_packet *packet_r);

/* Take from the start of *data. 0, or -1: it is not there. Strings end in NUL, in *data as here. */
int wire_take_number(struct span *data, uint32_t *number_r);
int wire_take_string(struct span *data, const char **text_r);

void wire_put(struct strbuf *out, enum wire_answer answer);
void wire_put_text(struct strbuf *out, enum wire_answer answer, const char *text);
/* value "" with WIRE_CHANGE_HEADER: removed. */
void wire_put_header(struct strbuf *out, enum wire_answer answer, uint32_t index, const char *name,
		     const char *value);

struct wire_macros {
	enum wire_stage stage;
	const char *names; /* with blanks between them */
};

void wire_put_negotiation(struct strbuf *out, uint32_t actions, uint32_t steps,
			  const struct wire_macros *macros, size_t count);

#endif
