/*
 * pass.h - the messages of one mailbox on their way through the scanner.
 *
 * Several are with the scanner at once; their answers are taken in the order of the mailbox, so
 * that "all up to this UID" is always true of what was scanned (state.h). What was removed is
 * expunged in one transaction at the end, and only then the mailbox counts as scanned that far.
 */
#ifndef SHOVELER_RESCAN_PASS_H
#define SHOVELER_RESCAN_PASS_H

#include "rescan.h"

struct mailbox;

/* box: open and synchronised. Returns 0, or -1 and the mailbox's storage error. */
int pass_run(struct rescan *rescan, struct mailbox *box);

#endif
