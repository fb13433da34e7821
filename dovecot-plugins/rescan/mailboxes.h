/*
 * mailboxes.h - the messages of a user, one after the other, through the scanner.
 */
#ifndef SHOVELER_RESCAN_MAILBOXES_H
#define SHOVELER_RESCAN_MAILBOXES_H

#include "lib/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

struct mail_user;
struct mail_search_args;

struct rescan {
	/* what to do */
	struct endpoint scanner;
	int timeout;	       /* seconds a scan may take */
	const char *directory; /* see removed.h */
	struct mail_search_args *search_args;
	int64_t brake; /* a signature removes at most so many messages of a run; 0: any number */
	bool dry_run;
	bool (*stop)(void); /* asked before each message */

	/* what came out */
	uint64_t users, mailboxes, scanned, infected, removed, limited, braked, undecided, errors;
	char *database;
	bool public_done;
	struct rescan_signature *signatures; /* list of what was found */
};

/* Frees what came out. */
void rescan_free(struct rescan *rescan);

/* Every private folder of the user; the public trees if they were not done yet. */
void rescan_user(struct rescan *rescan, struct mail_user *user);

#endif
