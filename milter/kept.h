/*
 * kept.h - copies of suppressed messages, for the admin to release when a signature was wrong.
 *
 * One file a message in virus_keep_directory, named by its queue id: attributes as in lib/packet.h
 * (time, id, client, from, to, signature), an empty line, the message. Written beside, synced and
 * renamed, so what is there is whole. Of what no copy can be kept, nothing is taken from anybody:
 * the message is deferred.
 */
#ifndef SHOVELER_KEPT_H
#define SHOVELER_KEPT_H

#include "lib/packet.h"

#include <stdint.h>
#include <time.h>

#define KEPT_MAX_FILES 10000 /* beyond that nothing more is kept */
#define KEPT_MAX_TO    32768 /* bytes of recipients that are noted */

struct kept_message {
	const char *id;	    /* queue id: letters and digits */
	const char *client; /* address */
	const char *sender; /* without <> */
	const char *to;	    /* recipients, separated by spaces */
	const char *signature;
	time_t time;
};

/* message_fd: read from its start. Returns 0, or -1 and *error_r. */
int kept_write(const char *directory, const struct kept_message *message, int message_fd,
	       char **error_r);

/* Removes what is older than max_age_s. Returns how many. */
unsigned kept_purge(const char *directory, int64_t max_age_s);

/* Calls show for each, in order of time. Returns 0, or -1 and *error_r. */
int kept_list(const char *directory,
	      void (*show)(const struct kept_message *message, void *context), void *context,
	      char **error_r);

struct kept_file {
	struct packet attributes;
	struct kept_message message; /* points into attributes */
	char *text;
	struct span content; /* the message, within text */
};

/* Returns 0, or -1 and *error_r: there is none, or it is damaged. */
int kept_read(const char *directory, const char *id, struct kept_file *file_r, char **error_r);
void kept_file_free(struct kept_file *file);
int kept_remove(const char *directory, const char *id);

#endif
