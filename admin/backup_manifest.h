/*
 * backup_manifest.h - what lies in a backup: a text file, "manifest".
 *
 *	shoveler-backup 1
 *	taken SECONDS				since 1970
 *	folder MODE OWNER GROUP PATH
 *	file SIZE DIGEST MTIME MODE OWNER GROUP PATH
 *	user SCHEMA STAMP MESSAGES QUARANTINED PATH	a user's folder; his files follow
 *	end LINES DIGEST
 *
 * PATH is relative, its first level is a place of state (state.h), percent-escaped. DIGEST is
 * XXH3-128, MTIME nanoseconds since 1970, OWNER and GROUP names. STAMP tells whether the user's
 * store has changed since ("-": nobody knows).
 *
 * While a backup runs, "manifest.next" grows: a line is in it before the file it tells of gets its
 * name. A backup that was interrupted leaves it, and each file is as the one or the other says.
 */
#ifndef SHOVELER_BACKUP_MANIFEST_H
#define SHOVELER_BACKUP_MANIFEST_H

#include "lib/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define MANIFEST_FILE	     "manifest"
#define MANIFEST_NEXT	     "manifest.next"
#define MANIFEST_FORMAT	     1
#define MANIFEST_DIGEST_SIZE 33
#define MANIFEST_NAME_SIZE   33 /* of a system user or group, with the NUL */

enum manifest_type { MANIFEST_FOLDER, MANIFEST_ONE_FILE, MANIFEST_USER };

struct manifest_entry {
	enum manifest_type type;
	char *path;
	/* of files */
	uint64_t size;
	char digest[MANIFEST_DIGEST_SIZE];
	int64_t mtime; /* ns */
	/* of files and folders */
	mode_t mode;
	char owner[MANIFEST_NAME_SIZE], group[MANIFEST_NAME_SIZE];
	/* of users */
	int schema;
	char stamp[96];
	uint64_t messages, quarantined;
};

struct manifest {
	struct manifest_entry *list; /* as they stand in the file: a user's files follow him */
	size_t count, capacity;
	int64_t taken;
	size_t *by_path; /* indexes, sorted by path */
};

/*
 * Reads and judges it as if a stranger had written it. unfinished: its end may be missing; what
 * follows the last whole line is left out. Returns 0; or -1 and *error_r, and errno (ENOENT).
 */
int manifest_load(struct manifest *manifest, int folder, const char *name, bool unfinished,
		  char **error_r);
void manifest_free(struct manifest *manifest);

/* NULL: it is not there. */
const struct manifest_entry *manifest_find(const struct manifest *manifest, const char *path);
/* Where a user's entries end: the first behind those below entry i. */
size_t manifest_user_end(const struct manifest *manifest, size_t i);

/* *entry is taken over. */
void manifest_add(struct manifest *manifest, const struct manifest_entry *entry);
/* To be called when all were added. */
void manifest_sort(struct manifest *manifest);

struct manifest_writer;
/* Of a new file in this folder; NULL with errno. */
struct manifest_writer *manifest_writer_open(int folder, const char *name, int64_t taken);
void manifest_write(struct manifest_writer *writer, const struct manifest_entry *entry);
/* What was written is in the file. 0, or -1 with errno. */
int manifest_flush(struct manifest_writer *writer);
/* Writes the end, or leaves it out, and syncs. 0, or -1 with errno. */
int manifest_writer_close(struct manifest_writer **writer, bool finished);

#endif
