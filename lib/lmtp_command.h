/*
 * lmtp_command.h - one command line of LMTP (RFC 2033, RFC 5321 section 4.1.2).
 *
 * Nothing is copied: all spans point into the line. NULs, control bytes and bare CRs are syntax
 * errors, so what comes out may be sent on. Bytes above 0x7f are allowed in paths (RFC 6531).
 */
#ifndef SHOVELER_LMTP_COMMAND_H
#define SHOVELER_LMTP_COMMAND_H

#include "span.h"

enum lmtp_verb {
	LMTP_UNKNOWN,
	LMTP_LHLO,
	LMTP_HELO, /* HELO or EHLO: this is not SMTP */
	LMTP_MAIL,
	LMTP_RCPT,
	LMTP_DATA,
	LMTP_RSET,
	LMTP_NOOP,
	LMTP_VRFY,
	LMTP_QUIT,
};

struct lmtp_command {
	enum lmtp_verb verb;
	struct span address;	/* MAIL, RCPT: what stands in <>, without a source route */
	struct span parameters; /* MAIL, RCPT: "SIZE=1 BODY=8BITMIME" as sent, or empty */
	struct span argument;	/* LHLO: the name */
};

/* line: without its line end. Returns NULL, or what is wrong with it (static text). */
const char *lmtp_command_parse(struct span line, struct lmtp_command *command_r);

/* The value of an ESMTP parameter (keyword in any case); false if it is not there. */
bool lmtp_parameter(struct span parameters, const char *keyword, struct span *value_r);

/* Takes the next parameter off *parameters. */
bool lmtp_parameter_next(struct span *parameters, struct span *keyword_r, struct span *value_r);

#endif
