/*
 * spamtraind_submit.c - sessions that put corrections into the spool and wait for what becomes of
 * them.
 */
#include "spamtrain/daemon/spamtraind_spool_internal.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- telling who waits ---- */

/* The lock is held. Who waits for that file and was not told yet, or NULL. */
static struct waiter *find_waiter(struct spool_worker *worker, const char *name)
{
	struct waiter *waiter = worker->waiters;

	while (waiter != NULL && (waiter->done || strcmp(waiter->name, name) != 0))
		waiter = waiter->next;
	return waiter;
}

void spool_tell_lesson(struct spool_worker *worker, const char *name,
		       struct correction_result *result)
{
	int64_t until = clock_ms() + SPOOL_RELEASE_WAIT_MS;
	struct waiter *waiter;

	pthread_mutex_lock(&worker->lock);
	waiter = find_waiter(worker, name);
	if (waiter != NULL) {
		waiter->result = *result;
		result->reason = NULL;
		waiter->done = waiter->lesson_only || result->held[0] == '\0';
		if (waiter->deadline_ms > until)
			waiter->deadline_ms = until;
		if (result->status == CORRECTION_DEFERRED)
			waiter->result.status = CORRECTION_WAITING;
		pthread_cond_broadcast(&worker->changed);
	}
	pthread_mutex_unlock(&worker->lock);
	correction_result_free(result);
}

void spool_tell_release(void *context, const char *name, enum release_status status,
			const char *reason)
{
	struct spool_worker *worker = context;
	struct waiter *waiter;

	pthread_mutex_lock(&worker->lock);
	waiter = find_waiter(worker, name);
	if (waiter != NULL) {
		waiter->done = true;
		waiter->result.released = status == RELEASE_DONE;
		if (reason != NULL && waiter->result.reason == NULL)
			waiter->result.reason = xstrdup(reason);
		if (status == RELEASE_DEFERRED)
			waiter->result.status = CORRECTION_WAITING;
		pthread_cond_broadcast(&worker->changed);
	}
	pthread_mutex_unlock(&worker->lock);
}

/* ---- sessions that wait ---- */

/* The lock is held. */
static void enter(struct spool_worker *worker, struct waiter *waiter)
{
	waiter->next = worker->waiters;
	worker->waiters = waiter;
}

static void leave(struct spool_worker *worker, const struct waiter *waiter)
{
	struct waiter **place = &worker->waiters;

	while (*place != waiter)
		place = &(*place)->next;
	*place = waiter->next;
}

/* A deadline may come nearer meanwhile. */
static void wait_until_told(struct spool_worker *worker, struct waiter *waiter)
{
	while (!waiter->done && clock_ms() < waiter->deadline_ms) {
		struct timespec deadline = {.tv_sec = waiter->deadline_ms / 1000,
					    .tv_nsec =
						    (long)(waiter->deadline_ms % 1000) * 1000000};

		pthread_cond_timedwait(&worker->changed, &worker->lock, &deadline);
	}
	if (!waiter->done)
		waiter->result.status = CORRECTION_WAITING;
}

/* Not all sessions may wait, or a Dovecot that hangs would keep the others from being accepted. */
static int64_t deadline_in(const struct spool_worker *worker, int wait_ms)
{
	return worker->sessions < SPOOL_WAITING_MAX ? clock_ms() + wait_ms : 0;
}

int spool_worker_submit(struct spool_worker *worker, const struct retrain_entry *entry,
			struct span message, int wait_ms, struct correction_result *result_r,
			char **error_r)
{
	struct waiter waiter = {.result = {.status = CORRECTION_WAITING}};
	struct retrain_entry durable = *entry;
	char *name = NULL;
	int ret;

	durable.durable = true;
	pthread_mutex_lock(&worker->lock);
	ret = retrain_spool_write_named(worker->spool, &durable, message, &name, error_r);
	if (ret == 0 && wait_ms > 0) {
		waiter.name = name;
		waiter.deadline_ms = deadline_in(worker, wait_ms);
		worker->sessions++;
		enter(worker, &waiter);
		wait_until_told(worker, &waiter);
		leave(worker, &waiter);
		worker->sessions--;
	}
	pthread_mutex_unlock(&worker->lock);
	*result_r = waiter.result;
	free(name);
	return ret;
}

/* ---- mail to the training addresses ---- */

int spool_worker_correct(struct spool_worker *worker, const struct retrain_entry *entry,
			 struct span message, struct correction_result *result_r, char **error_r)
{
	struct waiter waiter = {.result = {.status = CORRECTION_WAITING}, .lesson_only = true};
	char *name = NULL;
	int ret;

	pthread_mutex_lock(&worker->lock);
	ret = retrain_spool_write_named(worker->spool, entry, message, &name, error_r);
	if (ret == 0) {
		waiter.name = name;
		waiter.deadline_ms = clock_ms() + SPOOL_LESSON_WAIT_MS;
		enter(worker, &waiter);
		wait_until_told(worker, &waiter);
		leave(worker, &waiter);
	}
	pthread_mutex_unlock(&worker->lock);
	*result_r = waiter.result;
	if (ret == 0 && waiter.result.status == CORRECTION_WAITING) {
		result_r->status = CORRECTION_DEFERRED;
		spool_delete_file(worker, name);
	}
	free(name);
	return ret;
}

int spool_worker_mail(struct spool_worker *worker, const char *user, struct span message,
		      char **error_r)
{
	return outbox_mail(worker->outbox, user, message, error_r);
}

/* ---- many ---- */

/* The lock is held. Each that is accepted gets a waiter; the first refusal ends it. */
static size_t write_many(struct spool_worker *worker, const struct retrain_entry *entries,
			 size_t count, int wait_ms, struct waiter *waiters, char **error_r)
{
	int64_t deadline_ms = deadline_in(worker, wait_ms);
	size_t written = 0;

	for (; written < count; written++) {
		char *name = NULL;

		if (retrain_spool_write_named(worker->spool, &entries[written],
					      (struct span){NULL, 0}, &name, error_r) < 0)
			break;
		waiters[written] = (struct waiter){
			.name = name,
			.deadline_ms = deadline_ms,
			.result = {.status = CORRECTION_WAITING},
		};
		enter(worker, &waiters[written]);
	}
	return written;
}

/* The lock is held. Takes the results over. */
static void collect_many(struct spool_worker *worker, struct waiter *waiters, size_t count,
			 bool synced, struct correction_result *results_r)
{
	worker->sessions++;
	for (size_t i = 0; i < count; i++) {
		if (synced)
			wait_until_told(worker, &waiters[i]);
		leave(worker, &waiters[i]);
		results_r[i] = waiters[i].result;
		free((char *)(uintptr_t)waiters[i].name);
	}
	worker->sessions--;
}

/* What may be lost in a power failure was not accepted. */
static void refuse_waiting(struct correction_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (results[i].status == CORRECTION_WAITING)
			results[i].status = CORRECTION_DEFERRED;
	}
}

int spool_worker_submit_many(struct spool_worker *worker, const struct retrain_entry *entries,
			     size_t count, int wait_ms, struct correction_result *results_r,
			     char **error_r)
{
	struct waiter *waiters = xcalloc(count, sizeof(*waiters));
	char *sync_error = NULL;
	size_t written;
	bool synced;

	for (size_t i = 0; i < count; i++)
		results_r[i] = (struct correction_result){.status = CORRECTION_DEFERRED};
	pthread_mutex_lock(&worker->lock);
	written = write_many(worker, entries, count, wait_ms, waiters, error_r);
	pthread_mutex_unlock(&worker->lock);
	synced = retrain_spool_sync(worker->spool, &sync_error) == 0;
	pthread_mutex_lock(&worker->lock);
	collect_many(worker, waiters, written, synced, results_r);
	pthread_mutex_unlock(&worker->lock);
	free(waiters);
	if (!synced)
		refuse_waiting(results_r, count);
	if (*error_r == NULL)
		*error_r = sync_error;
	else
		free(sync_error);
	return written == count && synced ? 0 : -1;
}
