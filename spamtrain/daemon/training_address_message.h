/*
 * training_address_message.h - what a user sent to a training address, taken apart.
 *
 * Nothing is decided here and no store is asked: this says what is in the message, and
 * training_address.c decides what to do with it. Every byte sequence is a message; time is linear,
 * memory bounded by the constants.
 *
 * Sources: RFC 5322 section 3.6.6 (Resent-*), RFC 2046 section 5.2.1 (message/rfc822), RFC 3834
 * (Auto-Submitted), RFC 2919 (List-Id), RFC 3282 (Content-Language, Accept-Language).
 */
#ifndef SHOVELER_TRAINING_ADDRESS_MESSAGE_H
#define SHOVELER_TRAINING_ADDRESS_MESSAGE_H

#include "lib/span.h"
#include "lib/strbuf.h"

#include <stdbool.h>

#define TRAINING_ORIGINALS_MAX	100		   /* attached messages; later ones are left out */
#define TRAINING_DECODED_MAX	(16 * 1024 * 1024) /* bytes of attached messages in base64, in all */
#define TRAINING_TEXT_MAX	(512 * 1024)	   /* bytes of text that are searched */
#define TRAINING_QUOTED_MAX	(64 * 1024)	   /* bytes of text that are kept */
#define TRAINING_SUBJECT_MAX	1024		   /* bytes */
#define TRAINING_SIGNATURE_SIZE 25		   /* 24 hex digits and the NUL */
#define TRAINING_ID_MAX		998		   /* bytes of a Message-ID */

enum training_language { TRAINING_LANGUAGE_UNKNOWN, TRAINING_ENGLISH, TRAINING_FRENCH };

/* Spans point into the message, or into decoded. */
struct training_message {
	struct span submitter; /* the one X-Shoveler-Submitter; empty: none, or several */
	bool resent;	       /* has Resent-* fields: a whole message sent on as it was */
	bool automatic; /* auto-reply, bounce, list or bulk mail; or the original of a resent one */
	bool sent_by_machine; /* Auto-Submitted above what resending keeps: not the original's */
	enum training_language language;
	struct span originals[TRAINING_ORIGINALS_MAX]; /* attached messages */
	size_t count;
	bool truncated; /* there were more attached messages, or larger ones */
	/* Of an inline forward: what names the original beyond doubt, else "". */
	char quoted[TRAINING_SIGNATURE_SIZE]; /* the only signature quoted in the text */
	char parent[TRAINING_ID_MAX + 1];     /* Message-ID, with <>, that it answers or forwards */
	struct strbuf subject; /* UTF-8, without the Fwd: that mail programs put before it */
	struct strbuf text;    /* UTF-8: the first of what is written in the mail */
	struct strbuf decoded;
};

/* large: 128 parts and 100 spans; allocate it. Freed by training_message_free(). */
struct training_message *training_message_read(struct span message);
void training_message_free(struct training_message **message);

/* Whether that value of From (raw) names that mail address (letter case ignored). */
bool training_from_is(struct span from, const char *address);

/* Whether the subject of a message is that of the mail, without what is put before both. */
bool training_message_has_subject(const struct training_message *message, const char *subject);

/*
 * Whether the text looks like an inline forward of a message with that From: line and subject: the
 * subject is that of the mail, and the text quotes both it and the address.
 */
bool training_message_quotes(const struct training_message *message, const char *from,
			     const char *subject);

/*
 * Appends a resent message as it was before it was resent: without our own fields, without
 * Resent-*, and without the trace fields above them, which tell of the submitter's way.
 */
void training_message_restore(struct strbuf *out, struct span message);

#endif
