/*
 * mailbox.h - the messages of a file: one message, or an mbox.
 *
 * A file that starts with "From " is an mbox: a message starts at each such line that is the first
 * or follows an empty line (RFC 4155, "mboxo"; lines ">From " are left as they are). Any other file
 * is one message; an empty file is none. Read in pieces: of a message only the first
 * MAILBOX_MESSAGE_MAX bytes are kept, however long it is, and of an mbox only one message.
 */
#ifndef SHOVELER_MAILBOX_H
#define SHOVELER_MAILBOX_H

#include "lib/strbuf.h"
#include "spamtrain/classifier/classifier.h"

#include <stdbool.h>
#include <stdint.h>

#define MAILBOX_MESSAGE_MAX (CLASSIFIER_MESSAGE_MAX + 65536) /* bytes, with its line "From " */

struct mailbox {
	int fd;		      /* the caller's */
	uint64_t position;    /* bytes of the file in the messages so far */
	struct strbuf buffer; /* read, not yet looked at from start on */
	size_t start;
	bool is_mbox, started, ended;
	bool line_start, after_empty; /* what the next byte follows */
};

void mailbox_open(struct mailbox *mailbox, int fd);
void mailbox_close(struct mailbox *mailbox); /* not the descriptor */

/*
 * 1: *message holds the next one, *size_r is its whole size. 0: there is none any more. -1: it
 * cannot be read, errno.
 */
int mailbox_next(struct mailbox *mailbox, struct strbuf *message, uint64_t *size_r);

#endif
