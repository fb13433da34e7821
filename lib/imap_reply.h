/*
 * imap_reply.h - reads what an IMAP server says (RFC 9051 section 7, RFC 4314, RFC 2342): answers
 * whose parts are words, strings and lists.
 *
 * Pure: bytes in, spans out. What does not fit is malformed, and the connection then of no use.
 */
#ifndef SHOVELER_IMAP_REPLY_H
#define SHOVELER_IMAP_REPLY_H

#include "strbuf.h"

#include <sys/types.h>

/*
 * The bytes that the first answer in data takes, with its line end; 0: it has not all come yet;
 * -1: malformed, or larger than max bytes, its literals among them.
 */
ssize_t imap_reply_size(struct span data, size_t max);

struct imap_reply {
	struct span tag;  /* "*", "+", or that of the command */
	struct span word; /* OK, NO, LIST, ACL, ...; empty after "+" */
	struct span rest; /* behind the blank after it, without the line end */
};

/* reply: one whole answer. False: malformed. */
bool imap_reply_split(struct span reply, struct imap_reply *reply_r);

/*
 * Takes a string from the front of rest - a word, "quoted", or {literal} - and what blanks follow.
 * Its value is appended to out. False: there is none.
 */
bool imap_take_string(struct span *rest, struct strbuf *out);
/* The same for NIL, which is a true answer with nothing appended. */
bool imap_take_nstring(struct span *rest, struct strbuf *out);
/* Takes that character, and what blanks follow. */
bool imap_take_char(struct span *rest, char c);

/* What a NO says to people: without the code in brackets, without control bytes. */
void imap_reply_text(struct span rest, struct strbuf *out);

/*
 * Appends text as a command has it: quoted, or, where it has other than printable ASCII, as a
 * literal that needs no answer (RFC 7888). Whatever is in it, it is one string. False: it has a
 * NUL, which nobody can send.
 */
bool imap_put_string(struct strbuf *out, struct span text);

/*
 * Appends the folder's name as people read it, UTF-8: names are in a modified UTF-7 (RFC 3501
 * section 5.1.3). What is none is appended as it is.
 */
void imap_name_text(struct strbuf *out, struct span name);

#endif
