/*
 * quarantine.h - held-back messages: one file each in "quarantine" below the user's folder, and a
 * row in the user's store (schema/store.h) that says whose it was.
 *
 * Commit protocol of quarantine_put(): write "tmp.PID.N", fsync it, rename it to a name of its own
 * ("SIGNATURE.TIME.PID.N"), fsync the folder, then commit the row together with the outcome in the
 * history, then remove the file that the row named before. The message is in the quarantine when
 * the row is. Deleting goes the other way: first the row, with the outcome, then the file. No name
 * is used twice, so what one process removes is never what another has just put.
 *
 * A crash in between, or the loss of the store, leaves a whole message without a row:
 * quarantine_sweep() makes a row for it, unless the history says that it was released or deleted,
 * or delivered (again) since then: then the file goes.
 *
 * The file holds the message as it would have been delivered (lib/rewrite.h): forged fields
 * removed, our X-DSPAM-* on top, every other byte as it came.
 */
#ifndef SHOVELER_QUARANTINE_H
#define SHOVELER_QUARANTINE_H

#include "lib/span_source.h"
#include "schema/store.h"

#define QUARANTINE_FOLDER	  "quarantine"
#define QUARANTINE_ORPHAN_SECONDS (24 * 3600) /* younger files without a row are let be */

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

/*
 * Signature and file of row are looked at. STORE_NOT_FOUND: no such row, or the message was put
 * again meanwhile. A file that has vanished is no error.
 */
enum store_status quarantine_delete(struct store *store, const struct store_quarantined *row,
				    enum store_outcome outcome, char **error_r);

struct quarantine_swept {
	unsigned removed; /* unfinished files, and those of messages that are held anyway or left */
	unsigned indexed; /* messages that had lost their row and have one again */
};

/*
 * Looks at files without a row that are older than QUARANTINE_ORPHAN_SECONDS. Envelopes are not
 * known any more: sender and recipient of the rows it makes are "". Foreign names are let be.
 */
enum store_status quarantine_sweep(struct store *store, time_t now,
				   struct quarantine_swept *swept_r, char **error_r);

#endif
