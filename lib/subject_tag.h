/*
 * subject_tag.h - a user's text before the Subject of a message (RFC 5322 section 3.6.5, RFC 2047).
 */
#ifndef SHOVELER_SUBJECT_TAG_H
#define SHOVELER_SUBJECT_TAG_H

#include "span.h"

struct strbuf;

/*
 * Appends a whole "Subject:" field, ended by CRLF: the tag, a space, and body as it stood (what
 * follows the colon, folded, encoded words untouched). A tag that is not ASCII becomes encoded
 * words. Returns false, with nothing appended, when the subject starts with the tag already.
 */
bool subject_tag(struct strbuf *out, struct span body, const char *tag);

#endif
