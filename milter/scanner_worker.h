/*
 * scanner_worker.h - one process that scans one message at a time.
 *
 * Forked by the scanner after the signatures were loaded, so all workers share those pages. It
 * accepts connections of scanner_listen; a connection is one request:
 *
 *	request=scan + descriptor   ->  status=clean|infected|limit|error signature= reason=
 *	                                database=
 *
 * database: number of signatures and fingerprint of their folder; another set has another name. A
 * client that is not in scanner_clients gets no answer. The worker holds nothing between two
 * requests, so killing it costs one request, which its client sees as end of file.
 */
#ifndef SHOVELER_SCANNER_WORKER_H
#define SHOVELER_SCANNER_WORKER_H

#include "scanner_engine.h"

#include <stdatomic.h>

#define SCANNER_WORKER_NO_MEMORY 3 /* exit code: a scan needed more than it may have */

struct scanner_worker {
	const struct scanner_settings *settings;
	struct scanner_engine *engine;
	const char *database;
	int listen_fd;
	const char *temp_directory;  /* this worker's own */
	_Atomic int64_t *busy_since; /* shared with the parent: CLOCK_MONOTONIC ms, 0: idle */
};

/* The life of a worker, in the forked child. SIGTERM: the current request ends, then exit. */
_Noreturn void scanner_worker_run(const struct scanner_worker *worker);

#endif
