/*
 * spamtraind_spool_internal.h - shared by spamtraind_spool.c (the thread) and spamtraind_submit.c
 * (the sessions that give it work and wait for it) only.
 */
#ifndef SHOVELER_SPAMTRAIND_SPOOL_INTERNAL_H
#define SHOVELER_SPAMTRAIND_SPOOL_INTERNAL_H

#include "lib/watchdog.h"
#include "spamtrain/daemon/spamtraind_backoff.h"
#include "spamtrain/daemon/spamtraind_spool.h"

#include <pthread.h>
#include <stdatomic.h>

/* A session that waits for what becomes of the file it wrote. */
struct waiter {
	const char *name;
	int64_t deadline_ms;
	bool lesson_only; /* does not wait for Dovecot */
	bool done;
	struct correction_result result;
	struct waiter *next;
};

struct spool_worker {
	char *spool;
	char *folder; /* SPOOL/new */
	int inotify_fd, wake_fd;
	pthread_t thread;
	struct outbox *outbox;
	atomic_bool stopping;
	struct pulse pulse;
	/* the thread's own */
	struct backoff backoff;
	int64_t next_scan_ms, next_clean_ms;
	/* of the sessions; lock also keeps the spool's writer to one thread */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct waiter *waiters;
	unsigned sessions; /* that wait */
};

/* A file is applied: who waits for it hears of the lesson. Takes over the result. */
void spool_tell_lesson(struct spool_worker *worker, const char *name,
		       struct correction_result *result);
/* The outbox has tried to release what that file was about; context: the worker. */
void spool_tell_release(void *context, const char *name, enum release_status status,
			const char *reason);

void spool_delete_file(struct spool_worker *worker, const char *name);

#endif
