/*
 * rewrite.h - a message as it goes into a mailbox or the quarantine: our fields on top, the fields
 * that only we may write taken out, the Subject tagged if wanted; every other byte stays as it was,
 * and in its place, so DKIM signatures (RFC 6376) still verify unless the Subject is changed.
 *
 * Taken out: every X-DSPAM-* field, and X-Shoveler-Submitter. Letter case, white space before the
 * colon and folding do not save them. X-Shoveler-Score and X-Virus-Scanned stay: the milter wrote
 * them, and removed those that came from outside.
 *
 * The header section ends where Postfix sees its end (header.h). When the message has none at all,
 * an empty line is put between our fields and the body.
 */
#ifndef SHOVELER_REWRITE_H
#define SHOVELER_REWRITE_H

#include "span_source.h"
#include "strbuf.h"

struct rewrite {
	struct span_source source; /* gives the pieces; start it anew with rewrite_init() */
	enum {
		REWRITE_OWN,
		REWRITE_ADDED_SUBJECT,
		REWRITE_HEADER,
		REWRITE_TAGGED_SUBJECT,
		REWRITE_BODY,
		REWRITE_END,
	} state;
	struct span own, rest;
	struct strbuf subject;	  /* the tagged field, or empty */
	const char *subject_data; /* the field that it takes the place of; NULL: it goes on top */
	bool separate;		  /* an empty line is missing between our fields and the body */
};

/*
 * own: our fields, each line ended by CRLF, or empty. tag: UTF-8 that is put before the Subject,
 * unless it starts with it already; NULL: none. message and own must outlive the rewrite, tag need
 * not.
 */
void rewrite_init(struct rewrite *rewrite, struct span message, struct span own, const char *tag);
void rewrite_free(struct rewrite *rewrite);

#endif
