/*
 * scan.h - asks the scanner (scanner_listen, served by shoveler-milter) about a message.
 */
#ifndef SHOVELER_RESCAN_SCAN_H
#define SHOVELER_RESCAN_SCAN_H

#include "lib/endpoint.h"

enum scan_answer {
	SCAN_CLEAN,
	SCAN_INFECTED,
	SCAN_UNDECIDED /* not scanned, or not in full: never a reason to touch the message */
};

struct scan_reply {
	enum scan_answer answer;
	char *text; /* the signature (SCAN_INFECTED) or the reason (SCAN_UNDECIDED), else NULL */
	char *database; /* version of the signatures; NULL if the scanner did not say */
};

/* fd: the message from its start; it stays the caller's. timeout: seconds. */
void scan_message(const struct endpoint *scanner, int timeout, int fd, struct scan_reply *reply_r);
void scan_reply_free(struct scan_reply *reply);

#endif
