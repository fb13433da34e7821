/*
 * queue.h - Postfix's queue, as `postqueue -j` tells it, and what `postsuper` does to it.
 *
 * Needs the rights that these two have: anybody may list where authorized_mailq_users says so, only
 * root may change. Source: postqueue(1) "JSON OBJECT FORMAT", postsuper(1).
 */
#ifndef SHOVELER_MX2_QUEUE_H
#define SHOVELER_MX2_QUEUE_H

#include "lib/span.h"
#include "lib/strbuf.h"

#include <stdint.h>

#define QUEUE_MAX_RECIPIENTS 50000 /* of one message; Postfix takes 1000 from one client */

struct queued_recipient {
	char *address;
	char *reason; /* why it was put off the last time; "" if it was not tried */
};

struct queued {
	char id[64];
	char queue[16];	 /* "incoming", "active", "deferred", "hold", ... */
	int64_t arrival; /* seconds since 1970 */
	uint64_t size;	 /* bytes */
	bool expiring;	 /* postsuper -f was here */
	char *sender;	 /* "" for a bounce */
	struct queued_recipient *recipients;
	size_t count;
};

/* One line of postqueue -j. Returns 0, or -1 if it is none of these; free it then too. */
int queued_parse(struct span line, struct queued *message_r);
void queued_free(struct queued *message);

/*
 * Calls each() for every message of the queue while postqueue writes. Returns 0, or -1 and *error_r
 * (Postfix is not there, not permitted, does not understand -j).
 */
int queue_read(const char *config_directory,
	       void (*each)(void *context, const struct queued *message), void *context,
	       char **error_r);

enum queue_action {
	QUEUE_EXPIRE,  /* -f: back to its sender at the next attempt, as if it had become too old */
	QUEUE_HOLD,    /* -h */
	QUEUE_DISCARD, /* -d */
	QUEUE_ACTIONS
};

const char *queue_action_name(enum queue_action action);

/* ids: one a line; none: nothing is done. Messages that are gone already are no error. */
int queue_change(const char *config_directory, enum queue_action action, struct span ids,
		 char **error_r);

/* Tries everything for the domain now, as ETRN would (flush(8)). */
int queue_flush(const char *config_directory, const char *domain, char **error_r);

#endif
