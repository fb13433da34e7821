/*
 * backup.h - shared by cmd_backup.c, cmd_restore.c and backup_*.c.
 *
 * A backup is a folder of root's that mirrors the places of state (state.h), with consistent copies
 * and a manifest. It is kept up to date: what has not changed is neither read nor written, each
 * file gets its name when it is whole, and at any moment what is there can be restored.
 */
#ifndef SHOVELER_BACKUP_H
#define SHOVELER_BACKUP_H

#include "backup_manifest.h"
#include "state.h"

struct admin;

/* What is backed up or restored. */
struct backup_choice {
	const char *user;	 /* only this user; NULL: all of them */
	const char *const *only; /* only these places, NULL at the end; NULL: all of them */
};

#define BACKUP_UNSAFE_WAY                                                                          \
	"%s: a folder above it belongs to somebody else, or others may write it, who could "       \
	"exchange the backup: it must lie where only root can"

/* Is it an entry, or a place (its name), of the choice? user_path: from backup_user_path(). */
bool backup_is_chosen(const struct backup_choice *choice, const char *user_path, const char *path);
/* "users/example.test/alice"; NULL: no valid address, or no choice of a user. malloc'ed. */
char *backup_user_path(const char *user);
/* The other way; NULL: no user's. malloc'ed. */
char *backup_path_user(const char *path);

/* ---- making one ---- */

struct backup_result {
	uint64_t users, users_copied, messages, quarantined;
	uint64_t files, files_copied, bytes_written;
	uint64_t failed; /* users and files of which the former copy, if any, was kept */
};

/*
 * Brings the backup in folder (made if missing) up to date. Complains of what fails. Returns an
 * exit code: EX_TEMPFAIL if something was left as it was in the last backup.
 */
int backup_make(const struct conf *conf, const char *folder, const struct backup_choice *choice,
		struct backup_result *result_r);

/* backup_users.c */
struct backup;
void backup_users(struct backup *backup);

/* ---- reading one ---- */

struct backup_set {
	char *path;
	int folder;
	struct manifest manifest;
	bool interrupted; /* the last backup was */
};

/* Returns an exit code after the complaint. */
int backup_set_open(struct backup_set *set, const char *path);
void backup_set_close(struct backup_set *set);

/*
 * Looks whether all that is chosen is there and whole: owners, checksums, databases; and how many
 * entries there are. Complains of each damage; returns an exit code.
 */
int backup_set_check(const struct backup_set *set, const struct backup_choice *choice,
		     size_t *count_r);

/*
 * Was the last backup into this folder interrupted? manifest becomes what is there: of each file
 * what the one or the other manifest says.
 */
bool backup_merge_interrupted(int folder, struct manifest *manifest);

/* A file of it: root's, which nobody else may write. -1 and *error_r. */
int backup_set_file(const struct backup_set *set, const char *path, char **error_r);

/* `shoveler backup -`, `shoveler restore -`: a folder of our own under temporary_directory. */
char *backup_temporary(const struct conf *conf); /* NULL after the complaint; malloc'ed */
/*
 * Runs work in a child, so that the folder can be removed however that ends; a signal to end goes
 * on to it. An exit code.
 */
int backup_temporary_run(int (*work)(void *context, const char *folder), void *context,
			 const char *folder);
void backup_temporary_remove(char **path);
/* Runs tar in the folder, which writes or reads our standard output or input; an exit code. */
int backup_tar(const char *folder, bool write);

#endif
