/*
 * header.h - the header section of a message as raw bytes (RFC 5322 section 2.2).
 *
 * Nothing is decoded or changed. Lines end with CRLF or a lone LF. Every byte sequence is a
 * message: a line that is no field and no continuation ends the header section (as Postfix sees
 * it).
 */
#ifndef SHOVELER_HEADER_H
#define SHOVELER_HEADER_H

#include "span.h"

struct header_field {
	struct span raw;  /* the whole field with continuation lines and the last line's end */
	struct span name; /* without colon and without white space before it */
	struct span body; /* after the colon, folded as it stands, without the last line's end */
};

/*
 * Takes the next field off *rest. Returns false at the end of the header section: *rest is then
 * what follows the empty line (or the line that is no field).
 */
bool header_next(struct span *rest, struct header_field *field_r);

/* The first field of that name (any case). Returns false if there is none. */
bool header_find(struct span message, const char *name, struct header_field *field_r);

/* The size of the header section, its empty line not included. */
size_t header_size(struct span message);

#endif
