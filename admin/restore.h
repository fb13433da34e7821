/*
 * restore.h - puts what is chosen of a backup into its places: cmd_restore.c, restore_user.c; and
 * back again if that fails: restore_back.c.
 */
#ifndef SHOVELER_RESTORE_H
#define SHOVELER_RESTORE_H

#include "backup.h"

struct restore {
	struct admin *admin;
	const struct backup_set *set;
	struct backup_choice choice;
	uint64_t users, files;		 /* what was done */
	bool in_memory;			 /* a daemon has to be restarted */
	bool *done;			 /* of each entry: it is in its place */
	const struct restore *undoes;	 /* only what that one did; NULL: all that is chosen */
	struct restore_moved *moved;	 /* damaged stores */
	struct restore_created *created; /* stores of users who had none */
};

/*
 * How many entries failed, after the complaint: the first is the last, and done says how far it
 * came; but who undoes another goes on.
 */
size_t restore_apply(struct restore *restore);
bool restore_did(const struct restore *restore, const char *path);

/*
 * The folder that a place lies in, or is: -1 with errno. *below_r: of an entry's path, what lies in
 * it.
 */
int restore_place_base(const struct state_place *place, const struct conf *conf, const char *path,
		       char **below_r);

/* ---- the way back ---- */

struct restore_back;

/*
 * Keeps what is about to be replaced, and the room that it needs to be put back. For one user there
 * is nothing to keep. An exit code; after the complaint nothing is left of it.
 */
int restore_back_prepare(struct restore_back **back_r, const struct restore *restore);
/* Undoes what was done; tells how that ended. */
void restore_back_go(struct restore_back *back, const struct restore *restore);
/* All is well: what was kept goes. */
void restore_back_finish(struct restore_back **back);

/* Stores of chosen users, and the policy, that are damaged are renamed. An exit code. */
int restore_set_aside_damaged(struct restore *restore);
/* back: they get their names again, unless another was made meanwhile. */
void restore_damaged_finish(struct restore *restore, bool back);

/* Makes the policy as if it had never been there. 0, or -1 with errno. */
int restore_policy_remove(const struct conf *conf);

/* Users who had no store have none again; how many keep it, after the complaint. */
size_t restore_created_remove(const struct restore *restore);
void restore_created_free(struct restore *restore);

/* A user's store and quarantine; entry: of the user. 0, or -1 and *error_r: his are as before. */
int restore_user(struct restore *restore, const struct manifest_entry *entry, char **error_r);

#endif
