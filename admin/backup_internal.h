/*
 * backup_internal.h - a backup that is being made: backup.c and backup_users.c only.
 */
#ifndef SHOVELER_BACKUP_INTERNAL_H
#define SHOVELER_BACKUP_INTERNAL_H

#include "backup.h"

struct backup {
	const struct conf *conf;
	const struct backup_choice *choice;
	char *user_path; /* of choice->user */
	char *path;	 /* the folder */
	int folder;
	struct manifest old, next;
	struct manifest_writer *writer;
	int64_t started; /* ns since 1970 */
	struct backup_result result;
	bool broken; /* the folder cannot be written any more */
};

/* Into the new manifest; entry->path is copied. */
void backup_note(struct backup *backup, const struct manifest_entry *entry);
/* The former copy of a file is still there: its entry. NULL: it is to be copied. */
const struct manifest_entry *backup_former(const struct backup *backup, const char *path);
/*
 * What the last backup had of a path and all below it is taken over; whether there was something.
 */
bool backup_keep(struct backup *backup, const char *path);
/* The content of from becomes a file of the backup, under its name. -1 with errno. */
int backup_put(struct backup *backup, int from, struct manifest_entry *entry);
/* Complains; what: path or user. */
void backup_failed(struct backup *backup, const char *what, const char *why);
/* Of a folder or file in the backup itself. */
bool backup_stop(struct backup *backup, const char *path);

#endif
