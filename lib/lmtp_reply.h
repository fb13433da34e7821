/*
 * lmtp_reply.h - one reply of LMTP, as both ends use it (RFC 5321 section 4.2, RFC 2034).
 */
#ifndef SHOVELER_LMTP_REPLY_H
#define SHOVELER_LMTP_REPLY_H

#include "span.h"

#include <stdbool.h>

#define LMTP_REPLY_MAX 500 /* bytes of a reply's text with its NUL; the rest is cut off */

struct lmtp_reply {
	int code;		   /* 200..599 */
	char text[LMTP_REPLY_MAX]; /* one line with its enhanced status code: "2.1.5 Ok" */
};

/* Control bytes and what is not ASCII become spaces. */
void lmtp_reply_set(struct lmtp_reply *reply, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Takes one line of a reply: "250-text" or "250 text"; the text of several lines is joined by
 * spaces (reply->code is 0 before the first). False when it is malformed. *last_r: it was the last
 * line.
 */
bool lmtp_reply_add_line(struct lmtp_reply *reply, struct span line, bool *last_r);

#endif
