/*
 * rescan.h - a run of the re-scan: what it is to do, and what came of it so far.
 */
#ifndef SHOVELER_RESCAN_H
#define SHOVELER_RESCAN_H

#include "lib/conf.h"
#include "lib/endpoint.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define RESCAN_WORKERS_MAX 64
/* So many messages one after the other for which there was no scanner at all end the run. */
#define RESCAN_GIVE_UP 20

struct event;
struct mail_search_args;
struct rescan_signature;

struct rescan {
	/* what to do */
	const struct conf *conf; /* lives as long as the process */
	struct event *event;
	struct endpoint scanner;
	int timeout;	       /* seconds a scan may take */
	unsigned workers;      /* messages that are with the scanner at the same time */
	const char *directory; /* see removed.h */
	struct mail_search_args *search_args;
	bool partial;  /* search_args are not all messages */
	bool again;    /* also what was scanned with the same signatures */
	int64_t brake; /* a signature removes at most so many messages of a run; 0: any number */
	bool dry_run;
	int progress; /* seconds between lines about it */
	bool (*killed)(void);

	/* what came out */
	uint64_t users, mailboxes, scanned, skipped, infected, removed, limited, braked, undecided,
		errors;
	time_t started, progress_at;
	char *database; /* version of the signatures as the scanner said it last; NULL: it did not */
	bool asked;	/* for it */
	unsigned absent; /* so many messages in a row found no scanner */
	bool public_done;
	bool history_failed;		     /* this was logged */
	struct rescan_signature *signatures; /* list of what was found */
};

/* It was killed, or there is no scanner. */
bool rescan_stops(const struct rescan *rescan);

#endif
