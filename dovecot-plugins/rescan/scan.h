/*
 * scan.h - asks the scanner (scanner_listen, served by shoveler-milter) about messages, several of
 * which it has at the same time.
 */
#ifndef SHOVELER_RESCAN_SCAN_H
#define SHOVELER_RESCAN_SCAN_H

#include "lib/endpoint.h"

#include <stdbool.h>

enum scan_answer {
	SCAN_CLEAN,
	SCAN_INFECTED,
	SCAN_LIMITED,  /* exceeds a limit of the scanner, and always will: it stays */
	SCAN_UNDECIDED /* not scanned this time: it stays */
};

struct scan_reply {
	enum scan_answer answer;
	bool unreachable; /* SCAN_UNDECIDED since there is no scanner, whatever the message is */
	char *text;	  /* the signature (SCAN_INFECTED) or the reason; NULL if clean */
	char *database;	  /* version of the signatures; NULL if the scanner did not say */
};

struct scan; /* a question that waits for its answer */

/* fd: the message from its start; it stays the caller's, and unchanged until scan_finish(). */
struct scan *scan_begin(const struct endpoint *scanner, int fd);
/* Waits for the answer, so many seconds at most; frees the question. */
void scan_finish(struct scan **scan, int timeout, struct scan_reply *reply_r);
void scan_reply_free(struct scan_reply *reply);

/* The version of the scanner's signatures now; NULL if it does not answer. Freed by the caller. */
char *scan_database(const struct endpoint *scanner, int timeout);

#endif
