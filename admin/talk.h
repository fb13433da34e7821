/*
 * talk.h - speaks a protocol of lines with a server of this host: SMTP, or the beginning of IMAP.
 *
 * Every read and write ends after TALK_TIMEOUT_S; a line is at most TALK_LINE_MAX bytes.
 */
#ifndef SHOVELER_TALK_H
#define SHOVELER_TALK_H

#include "lib/span.h"

#define TALK_TIMEOUT_S 30
#define TALK_LINE_MAX  4096

struct talk {
	int fd;
	size_t size;
	char buffer[TALK_LINE_MAX];
};

/* Each returns 0, or -1 and *error_r, freed by the caller. */

int talk_open(struct talk *talk, const char *address, char **error_r);
void talk_close(struct talk *talk);
/* A line of the server's, without its end; line: TALK_LINE_MAX bytes. */
int talk_read(struct talk *talk, char *line, char **error_r);
int talk_write(struct talk *talk, struct span bytes, char **error_r);

/*
 * Sends an SMTP command, none if it is NULL, and reads the whole reply. Returns its code and its
 * last line, or -1 and *error_r.
 */
int talk_smtp(struct talk *talk, const char *command, char *last_line, char **error_r);

#endif
