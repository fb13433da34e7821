/*
 * fault_inject.h - for tests: what changes the disk is counted, and fails or is the last thing that
 * happens at the N-th call.
 *
 * A test that links fault_inject.c replaces open, write, pwrite, fsync, fdatasync, ftruncate,
 * rename, unlink and mkdir for itself and for SQLite. Calls count only between fault_arm() and
 * fault_disarm(), and only in the process that armed.
 */
#ifndef SHOVELER_FAULT_INJECT_H
#define SHOVELER_FAULT_INJECT_H

#include <stdbool.h>

enum fault_kind {
	FAULT_NONE,  /* only counts */
	FAULT_KILL,  /* kill -9 before the call; of a write, in the middle of it */
	FAULT_POWER, /* the same, and all that was not synced is undone */
	FAULT_FULL,  /* no write, new file or new folder succeeds any more */
	FAULT_IO     /* this one call fails with EIO */
};

/* at: of which call, from 1. */
void fault_arm(enum fault_kind kind, unsigned at);
/* How many calls there were. */
unsigned fault_disarm(void);

#endif
