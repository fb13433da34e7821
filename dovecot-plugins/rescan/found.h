/*
 * found.h - what becomes of an infected message: it is kept for the administrator, and the user
 * finds it in his history.
 */
#ifndef SHOVELER_RESCAN_FOUND_H
#define SHOVELER_RESCAN_FOUND_H

#include "rescan.h"

struct mail;
struct scan_reply;
struct found_note; /* list of what the history is to be told */

/*
 * Returns true if it is safely kept and may be expunged; *notes then has one more. fd: all of it.
 */
bool found_keep(struct rescan *rescan, struct mail *mail, const struct scan_reply *reply, int fd,
		struct found_note **notes);

/* After they were expunged. */
void found_tell(struct rescan *rescan, const struct found_note *notes);
void found_notes_free(struct found_note **notes);

/* Frees rescan->signatures. */
void found_forget(struct rescan *rescan);

#endif
