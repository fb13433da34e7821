/*
 * restore.h - puts what is chosen of a backup into its places: cmd_restore.c, restore_user.c.
 */
#ifndef SHOVELER_RESTORE_H
#define SHOVELER_RESTORE_H

#include "backup.h"

struct restore {
	struct admin *admin;
	const struct backup_set *set;
	struct backup_choice choice;
	uint64_t users, files, set_aside; /* what was done; damaged stores that were moved away */
	bool in_memory;			  /* a daemon has to be restarted */
};

/* Stores of chosen users, and the policy, that are damaged are renamed. An exit code. */
int restore_set_aside_damaged(struct restore *restore);

/* A user's store and quarantine; entry: of the user. 0, or -1 and *error_r: his are as before. */
int restore_user(struct restore *restore, const struct manifest_entry *entry, char **error_r);

#endif
