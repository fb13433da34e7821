/*
 * folder_reply.h - what Dovecot's IMAP says of folders and messages (RFC 9051 section 7), in
 * numbers and spans. Pure; a part that does not fit makes the whole answer unusable.
 */
#ifndef SHOVELER_FOLDER_REPLY_H
#define SHOVELER_FOLDER_REPLY_H

#include "lib/imap_reply.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* What a folder is for (RFC 6154), or cannot be. */
enum folder_attribute {
	FOLDER_ATTRIBUTE_NO_SELECT = 1 << 0, /* \Noselect, \NonExistent */
	FOLDER_ATTRIBUTE_JUNK = 1 << 1,
	FOLDER_ATTRIBUTE_TRASH = 1 << 2,
	FOLDER_ATTRIBUTE_DRAFTS = 1 << 3,
	FOLDER_ATTRIBUTE_SENT = 1 << 4,
	FOLDER_ATTRIBUTE_COLLECTION = 1 << 5, /* \All, \Flagged: mail that lies elsewhere */
	FOLDER_ATTRIBUTE_ARCHIVE = 1 << 6
};

/* "LIST" of an answer: the rest behind that word. name is as the server spells it. */
struct folder_listed {
	unsigned attributes;
	char delimiter; /* '\0': none */
	struct strbuf name;
};

/* False: malformed. listed_r->name is appended to. */
bool folder_list_read(struct span rest, struct folder_listed *listed_r);

/*
 * "NAMESPACE": calls each with the prefix of every namespace that is others' (shared or public).
 * False: malformed.
 */
bool folder_namespaces_read(struct span rest, void (*each)(void *context, struct span prefix),
			    void *context);

enum folder_flag {
	FOLDER_SEEN = 1 << 0,
	FOLDER_ANSWERED = 1 << 1,
	FOLDER_FLAGGED = 1 << 2,
	FOLDER_DELETED = 1 << 3,
	FOLDER_DRAFT = 1 << 4,
	FOLDER_MARKED_JUNK = 1 << 5,	/* $Junk, Junk */
	FOLDER_MARKED_NOT_JUNK = 1 << 6 /* $NotJunk, NonJunk */
};

struct folder_fetched {
	uint32_t uid; /* 0: not said */
	unsigned flags;
	time_t date;	    /* INTERNALDATE; 0: not said */
	uint64_t guid;	    /* hash of X-GUID; 0: not said */
	uint64_t size;	    /* RFC822.SIZE */
	struct strbuf body; /* BODY[...] */
	struct strbuf
		envelope; /* the addresses in To, Cc and Bcc of ENVELOPE, with blanks between */
};

/*
 * "* 12 FETCH (...)": rest is "FETCH (...". False: no FETCH, or malformed. Strings are reset first.
 */
bool folder_fetch_read(struct span rest, struct folder_fetched *fetched_r);
void folder_fetched_free(struct folder_fetched *fetched);

/* "[UIDVALIDITY 12]" of an untagged OK; 0: it is something else. */
uint32_t folder_uidvalidity(struct span rest);

#endif
