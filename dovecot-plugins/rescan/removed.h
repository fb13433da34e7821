/*
 * removed.h - where messages go that the re-scan takes out of a mailbox, so that the administrator
 * can give back what was taken by mistake.
 *
 *	$rescan_directory/USER/NAME.eml	 the message as it was in the mailbox
 *	$rescan_directory/USER/NAME.txt	 attributes (packet.h): user, mailbox, uid, signature, ...
 *
 * USER is escaped as in address.h, NAME is "<microseconds since 1970>.<pid>.<sequence>". Both files
 * and their folder are on disk (fsync) when removed_save() returns; .eml appears last.
 */
#ifndef SHOVELER_RESCAN_REMOVED_H
#define SHOVELER_RESCAN_REMOVED_H

#include <stdint.h>

struct removed_message {
	const char *user, *mailbox, *signature, *database;
	uint32_t uid;
};

/* As root, before privileges are dropped: makes the folder if need be, for mail_user. */
int removed_prepare(const char *directory, const char *mail_user, char **error_r);

/*
 * fd: the whole message. Returns 0 and *path_r, of the .eml; or -1 and *error_r (both freed by the
 * caller).
 */
int removed_save(const char *directory, const struct removed_message *message, int fd,
		 char **path_r, char **error_r);

/*
 * Deletes files older than so many seconds, and folders of users that are empty then. *count_r:
 * how many files. Returns 0 (also if there is no such folder), or -1 and *error_r.
 */
int removed_expire(const char *directory, int64_t retention, uint64_t *count_r, char **error_r);

#endif
