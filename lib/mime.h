/*
 * mime.h - a bounded reader of mail: header fields, parts, transfer encodings.
 *
 * Every byte sequence is a message. Nothing here fails: what is malformed is read as the plainest
 * thing it could be. Time is linear in the input times MIME_DEPTH_MAX; memory is bounded by the
 * constants below and by the max that the caller gives. All spans point into the caller's bytes.
 *
 * Sources: RFC 5322 (fields), RFC 2045/2046 (parts, encodings), RFC 2047 (encoded words), RFC 2231
 * (parameters; continuations are not joined).
 */
#ifndef SHOVELER_MIME_H
#define SHOVELER_MIME_H

#include "charset.h"
#include "span.h"
#include "strbuf.h"

#include <stdbool.h>

#define MIME_DEPTH_MAX 12    /* nesting; deeper multiparts are leaves of their raw text */
#define MIME_PARTS_MAX 128   /* parts; later ones are not listed */
#define MIME_FIELD_MAX 16384 /* bytes of a field's value that are looked at */

/* ---- header fields (structure: header.h) ---- */

/* Without the line "From ..." that mbox files put in front. */
struct span mime_skip_mbox_line(struct span message);

/*
 * Unfolds, decodes encoded words, converts to valid UTF-8; control characters become spaces.
 * Appends at most max bytes.
 */
void mime_field_decode(struct strbuf *out, struct charsets *charsets, struct span value,
		       size_t max);

/*
 * The parameter of a structured field such as Content-Type: boundary, charset, name. Quotes and
 * backslashes are removed. False when missing.
 */
bool mime_parameter(struct span value, const char *name, struct strbuf *out);

/* ---- parts ---- */

enum mime_encoding { MIME_IDENTITY, MIME_BASE64, MIME_QUOTED_PRINTABLE };

struct mime_part {
	struct span header;	  /* with the empty line */
	struct span body;	  /* still encoded */
	struct span content_type; /* whole value, empty when missing */
	struct span type;	  /* "text/html", letter case as found; "text/plain" when missing */
	struct span disposition;  /* whole value of Content-Disposition, empty when missing */
	enum mime_encoding encoding;
	unsigned depth; /* 0: the message itself */
};

struct mime_parts {
	struct mime_part part[MIME_PARTS_MAX]; /* in order; a container comes before its parts */
	size_t count;
	bool truncated; /* there were more or deeper ones */
	bool shallow;	/* messages inside are not read */
};

/* The message itself is part 0. message/rfc822 is a container; its message is the next part. */
void mime_parse(struct mime_parts *parts_r, struct span message);
/* The same, but message/rfc822 is a leaf: the parts that the sender of the message made. */
void mime_parse_shallow(struct mime_parts *parts_r, struct span message);

bool mime_type_is(const struct mime_part *part, const char *type); /* "text/html" or "text/" */

/* ---- contents ---- */

/* Appends the body without its transfer encoding, at most max bytes. */
void mime_body_decode(struct strbuf *out, const struct mime_part *part, size_t max);

#endif
