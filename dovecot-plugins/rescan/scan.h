/*
 * scan.h - asks the scanner (scanner_listen, served by shoveler-milter) about a message.
 */
#ifndef SHOVELER_RESCAN_SCAN_H
#define SHOVELER_RESCAN_SCAN_H

#include "lib/endpoint.h"

enum scan_answer {
	SCAN_CLEAN,
	SCAN_INFECTED,
	SCAN_LIMITED,  /* exceeds a limit of the scanner, and always will: it stays */
	SCAN_UNDECIDED /* not scanned this time: it stays */
};

struct scan_reply {
	enum scan_answer answer;
	char *text;	/* the signature (SCAN_INFECTED) or the reason; NULL if clean */
	char *database; /* version of the signatures; NULL if the scanner did not say */
};

/* fd: the message from its start; it stays the caller's. timeout: seconds. */
void scan_message(const struct endpoint *scanner, int timeout, int fd, struct scan_reply *reply_r);
void scan_reply_free(struct scan_reply *reply);

#endif
