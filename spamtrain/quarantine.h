/*
 * quarantine.h - held-back messages: one file each in "quarantine" below the user's folder, and a
 * row in the user's store (schema/store.h) that says whose it was.
 *
 * Commit protocol of quarantine_put(): write "tmp.PID.N", fsync it, rename it to the signature,
 * fsync the folder, then commit the row. The message is in the quarantine when the row is. A crash
 * before that leaves a file without a row, and the sender of the message was told nothing: it comes
 * again and takes the same name, or quarantine_sweep() removes the file. Deleting goes the other
 * way: first the row, then the file.
 *
 * The file holds the message as it would have been delivered (lib/rewrite.h): forged fields
 * removed, our X-DSPAM-* on top, every other byte as it came.
 */
#ifndef SHOVELER_QUARANTINE_H
#define SHOVELER_QUARANTINE_H

#include "lib/span_source.h"
#include "schema/store.h"

#define QUARANTINE_FOLDER	  "quarantine"
#define QUARANTINE_ORPHAN_SECONDS (24 * 3600) /* files without a row are kept so long */

/* Errors as in schema/store.h; a full disk or a folder that cannot be written is STORE_DEFER. */

/* row: signature, sender, recipient and added are the caller's; file and size are not looked at. */
enum store_status quarantine_put(struct store *store, const struct store_quarantined *row,
				 struct span_source *content, char **error_r);

struct quarantined_file {
	struct store_quarantined row;
	int fd;	      /* for reading, at the start; -1: the file has vanished */
	bool damaged; /* its size is not what the row says */
};

/* STORE_NOT_FOUND: no such row. *file_r is to be closed on STORE_OK only. */
enum store_status quarantine_open(struct store *store, const char *signature,
				  struct quarantined_file *file_r, char **error_r);
void quarantine_close(struct quarantined_file *file);

/* STORE_NOT_FOUND: no such row. A file that has vanished is no error. */
enum store_status quarantine_delete(struct store *store, const char *signature, char **error_r);

/* Removes files that have no row and are older than QUARANTINE_ORPHAN_SECONDS; *removed_r: how
 * many. */
enum store_status quarantine_sweep(struct store *store, time_t now, unsigned *removed_r,
				   char **error_r);

#endif
