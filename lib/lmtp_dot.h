/*
 * lmtp_dot.h - the content of a message on the wire (RFC 5321 section 4.5.2, transparency).
 *
 * Decoder. Only CRLF "." CRLF ends the content (or "." CRLF at its very start), and only a dot
 * right after CRLF is removed. "LF . LF", "LF . CRLF", "CRLF . LF" and bare CR are content like any
 * other byte and are kept as they are: whoever hopes that we see an end of message where Postfix
 * saw none
 * ("SMTP smuggling") finds none.
 *
 * Encoder. A dot is doubled after every LF, not only after CRLF. Dovecot's reader takes a bare LF
 * for a line end, ends at "LF . LF" and removes a dot after a bare LF; so what a strict reader sees
 * as harmless content would end the message there. Doubling makes both readers agree where it ends;
 * a strict reader keeps one dot too many after a bare LF, which Postfix never sends.
 */
#ifndef SHOVELER_LMTP_DOT_H
#define SHOVELER_LMTP_DOT_H

#include "span.h"

struct strbuf;

enum lmtp_dot_state {
	LMTP_DOT_LINE_START, /* at the start, or after CRLF */
	LMTP_DOT_DOT,	     /* a dot there, not passed on */
	LMTP_DOT_DOT_CR,     /* a CR behind it, not passed on */
	LMTP_DOT_MIDDLE,
	LMTP_DOT_CR, /* after a CR, which was passed on */
	LMTP_DOT_END,
};

/*
 * Takes a piece of content off the front of *input (*piece_r points into it, or at a constant; it
 * may be empty). Call again until it returns false: then *input is used up, or *state is
 * LMTP_DOT_END and *input is what follows the content. A fresh *state is LMTP_DOT_LINE_START.
 */
bool lmtp_dot_decode(enum lmtp_dot_state *state, struct span *input, struct span *piece_r);

/*
 * Takes the longest piece off the front of *content that goes on the wire as it is; *dot_r: one "."
 * has to be sent before it. False when the content is used up. *last holds the last byte that was
 * sent before, '\n' at the start; it is kept up to date.
 */
bool lmtp_dot_encode(char *last, struct span *content, bool *dot_r, struct span *piece_r);

#endif
