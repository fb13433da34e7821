/*
 * parallel.h - the same work for several things, a few of them at the same time, by threads that
 * the process shares and keeps for some seconds. For work that waits: for disks, for other servers.
 */
#ifndef SHOVELER_PARALLEL_H
#define SHOVELER_PARALLEL_H

#include <stddef.h>

#define PARALLEL_THREADS_MAX  32 /* of the process; when all are busy the callers work alone */
#define PARALLEL_IDLE_SECONDS 10 /* a thread without work ends then */

/*
 * Calls work(context, i) for each i below count, in that order but up to width of them at a time:
 * in the caller's thread, and in others as far as there are any. Returns when all calls are over.
 * work must not call parallel_for().
 */
void parallel_for(size_t count, unsigned width, void (*work)(void *context, size_t i),
		  void *context);

#endif
