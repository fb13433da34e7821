/*
 * store_backup.h - a user's store as of one moment, while others read and write it; and back.
 *
 * A snapshot is a read transaction on the write-ahead log with the dictionary's files open: no
 * writer waits for it, however long it takes, and nothing that it names can vanish. The copy it
 * writes is an SQLite file without a log.
 *
 * A restore puts the rows of such a copy into the store that is there, in one transaction under its
 * own lock, as exchange.h does: who has the store open sees the restored one from then on. Two
 * things are not taken back: messages that are in quarantine now stay there, and links of digests
 * that were used stay used.
 *
 * Statuses and *error_r as in store.h. STORE_INVALID: the copy is damaged, is no store of ours or
 * is of a newer program.
 */
#ifndef SHOVELER_STORE_BACKUP_H
#define SHOVELER_STORE_BACKUP_H

#include "schema/store.h"

#define STORE_BACKUP_FILE "store.sqlite"

struct store_snapshot;

/* The store in directory is not migrated by this. STORE_NOT_FOUND: there is none. */
enum store_status store_snapshot_open(struct store_snapshot **snapshot_r, const char *directory,
				      char **error_r);
void store_snapshot_close(struct store_snapshot **snapshot);
int store_snapshot_version(const struct store_snapshot *snapshot); /* newest migration it has */

/* Files of the dictionary: names within the folder, and descriptors that stay the snapshot's. */
size_t store_snapshot_files(const struct store_snapshot *snapshot);
const char *store_snapshot_name(const struct store_snapshot *snapshot, size_t i);
int store_snapshot_descriptor(const struct store_snapshot *snapshot, size_t i);

/* Writes the rows to a new file, unsynced. */
enum store_status store_snapshot_write(struct store_snapshot *snapshot, const char *path,
				       char **error_r);

struct store_copy {
	uint64_t messages, quarantined; /* rows */
};

/*
 * Calls each for the files of the quarantine's rows in a copy that was just written; of which it
 * says false, the row is removed from the copy.
 */
enum store_status store_copy_finish(const char *path,
				    bool (*each)(void *context, const char *file, uint64_t size),
				    void *context, struct store_copy *copy_r, char **error_r);

struct store_restore;

/*
 * Reads the copy in directory, database and files of the dictionary, looks whether it is whole and
 * ours, and brings it to today's version in memory and temporary files.
 */
enum store_status store_restore_open(struct store_restore **restore_r, const char *directory,
				     char **error_r);
void store_restore_close(struct store_restore **restore);
int store_restore_version(const struct store_restore *restore); /* that the copy had */
enum store_status store_restore_quarantine(struct store_restore *restore,
					   bool (*each)(void *context, const char *file,
							uint64_t size),
					   void *context, char **error_r);

/*
 * Makes the store in directory what was read; makes it if there is none. The files of the
 * quarantine must be in place before. On any error nothing was changed, and no store was made.
 */
enum store_status store_restore_install(struct store_restore *restore, const char *directory,
					char **error_r);

/* ---- any other SQLite file of ours: the policy ---- */

struct migration;

/* The file at source, as of one moment, as a new file; *version_r: its newest migration. */
enum store_status sqlite_copy(const char *source, const char *path, int *version_r, char **error_r);

/*
 * The copy at path, looked at as above, into the file at target, which is there, by SQLite's own
 * locks; target NULL: it is only looked at.
 */
enum store_status sqlite_restore(const char *path, const struct migration *steps,
				 const char *target, char **error_r);

/* Is there a file that SQLite cannot read, or finds damaged? Looks at all of it. */
bool sqlite_is_damaged(const char *path);

#endif
