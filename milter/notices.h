/*
 * notices.h - tells users, in their history, which viruses were kept from them.
 *
 * Each message is a file in the folder until spamtraind has noted it for all its users, asked by a
 * thread of this module: mail never waits, and spamtraind may be away for days. A file is the
 * attributes of the request (docs/spamtraind-socket.md; users: separated by blanks), an empty line,
 * the header of the message. Written beside and renamed; not synced: a power cut may take the last
 * ones. What does not fit any more, or is too old, is dropped, counted and logged.
 */
#ifndef SHOVELER_NOTICES_H
#define SHOVELER_NOTICES_H

#include "lib/endpoint.h"

#include <time.h>

#define NOTICES_MAX_FILES  10000
#define NOTICES_MAX_HEADER (16 * 1024) /* bytes of the message that are kept */
#define NOTICES_MAX_USERS  32768       /* bytes of addresses; a message to more tells the first */
#define NOTICES_MAX_AGE_S  (30 * 86400)

struct notice {
	const char *id; /* queue id */
	const char *users;
	const char *sender;
	const char *virus;
	time_t time;
};

struct notices;

/* Starts the thread. The folder must be there. Returns 0, or -1 and *error_r. */
int notices_start(const char *directory, const struct endpoint *spamtraind,
		  struct notices **notices_r, char **error_r);
/* After a reload. */
void notices_set_endpoint(struct notices *notices, const struct endpoint *spamtraind);
/* What is not told yet stays in the folder. */
void notices_stop(struct notices **notices);

/* message_fd: the whole message, read from its start; its offset stays. NULL: nothing is done. */
void notices_add(struct notices *notices, const struct notice *notice, int message_fd);

#endif
