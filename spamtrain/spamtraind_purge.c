#include "spamtrain/spamtraind_purge.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "spamtrain/quarantine.h"
#include "spamtrain/users.h"

#include <pthread.h>
#include <stdlib.h>

#define FIRST_PURGE_SECONDS 60
#define USER_PAUSE_MS	    20
#define EXPIRED_BATCH	    500 /* messages of a user's quarantine removed at a time */

METRIC_COUNTER(expired_messages, "shoveler_spamtraind_quarantine_expired_total",
	       "Messages removed from quarantines because of their age");
METRIC_COUNTER(purge_errors, "shoveler_spamtraind_purge_errors_total",
	       "Users whose store could not be purged");
METRIC_GAUGE(last_purge, "shoveler_spamtraind_last_purge_timestamp_seconds",
	     "When the last round of purging ended, seconds since 1970");

struct purger {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
};

/* ---- one user ---- */

struct batch {
	time_t before;
	char signatures[EXPIRED_BATCH][STORE_SIGNATURE_SIZE];
	size_t count;
};

static bool collect(void *context, const struct store_quarantined *row)
{
	struct batch *batch = context;

	/* Oldest first: nothing older follows. */
	if (row->added >= batch->before || batch->count == EXPIRED_BATCH)
		return false;
	memcpy(batch->signatures[batch->count++], row->signature, STORE_SIGNATURE_SIZE);
	return true;
}

static enum store_status expire_one(struct store *store, const char *signature, char **error_r)
{
	struct store_quarantined row;
	enum store_status status = store_quarantine_get(store, signature, &row, error_r);

	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? STORE_OK : status;
	status = quarantine_delete(store, &row, STORE_OUTCOME_DELETED, error_r);
	store_quarantined_free(&row);
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status expire(struct store *store, time_t before, unsigned *expired,
				char **error_r)
{
	struct batch *batch = xcalloc(1, sizeof(*batch));
	enum store_status status;

	batch->before = before;
	do {
		batch->count = 0;
		status = store_quarantine_list(store, collect, batch, error_r);
		for (size_t i = 0; i < batch->count && status == STORE_OK; i++) {
			status = expire_one(store, batch->signatures[i], error_r);
			*expired += status == STORE_OK;
		}
	} while (status == STORE_OK && batch->count == EXPIRED_BATCH);
	free(batch);
	return status;
}

enum classifier_status purge_user(struct spamtraind *service, const char *user, time_t now,
				  unsigned *expired_r, char **error_r)
{
	struct classifier *classifier = NULL;
	enum classifier_status status =
		classifier_open(service->site, user, false, &classifier, error_r);
	struct store *store;
	struct quarantine_swept swept = {0};

	*expired_r = 0;
	if (status != CLASSIFIER_OK || classifier == NULL)
		return status;
	store = classifier_store(classifier);
	status = classifier_purge(classifier, now, error_r);
	if (status == CLASSIFIER_OK && (expire(store, now - (time_t)service->quarantine_seconds,
					       expired_r, error_r) != STORE_OK ||
					quarantine_sweep(store, now, &swept, error_r) != STORE_OK))
		status = CLASSIFIER_DEFER;
	classifier_close(&classifier);
	if (swept.removed > 0)
		msg_info("purge: user=<%s>, action=sweep, files=%u", user, swept.removed);
	if (swept.indexed > 0)
		msg_warn("purge: user=<%s>, action=recover, messages=%u: in the quarantine, but "
			 "not in its index",
			 user, swept.indexed);
	return status;
}

/* ---- the thread ---- */

/* Returns false when it is to stop. */
static bool sleep_ms(struct purger *purger, int64_t ms)
{
	struct timespec until;
	int error = 0;
	bool go_on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&purger->lock);
	while (!purger->stopping && error == 0)
		error = pthread_cond_timedwait(&purger->changed, &purger->lock, &until);
	go_on = !purger->stopping;
	pthread_mutex_unlock(&purger->lock);
	return go_on;
}

static bool purge_next(void *context, const char *user)
{
	struct spamtraind *service = spamtraind_current();
	unsigned expired = 0;
	char *error = NULL;

	if (purge_user(service, user, time(NULL), &expired, &error) != CLASSIFIER_OK) {
		metric_add(&purge_errors, 1);
		msg_warn("purge: user=<%s>, outcome=deferred, reason=%s", user, error);
	}
	if (expired > 0) {
		metric_add(&expired_messages, expired);
		msg_info("purge: user=<%s>, action=expire, messages=%u", user, expired);
	}
	free(error);
	spamtraind_drop(&service);
	return sleep_ms(context, USER_PAUSE_MS);
}

static int64_t purge_all(struct purger *purger)
{
	struct spamtraind *service = spamtraind_current();
	int64_t interval = service->purge_interval;
	char *error = NULL;

	if (users_each(service->users_directory, purge_next, purger, &error) < 0)
		msg_error("purge: %s", error);
	else
		metric_set(&last_purge, (int64_t)time(NULL));
	free(error);
	spamtraind_drop(&service);
	return interval;
}

static void *run(void *argument)
{
	struct spamtraind *service = spamtraind_current();
	int64_t seconds = service->purge_interval < FIRST_PURGE_SECONDS ? service->purge_interval
									: FIRST_PURGE_SECONDS;

	spamtraind_drop(&service);
	while (sleep_ms(argument, seconds * 1000))
		seconds = purge_all(argument);
	return NULL;
}

static void free_purger(struct purger **purger)
{
	pthread_cond_destroy(&(*purger)->changed);
	pthread_mutex_destroy(&(*purger)->lock);
	free(*purger);
	*purger = NULL;
}

int purger_start(struct purger **purger_r, char **error_r)
{
	struct purger *purger = xcalloc(1, sizeof(*purger));
	pthread_condattr_t attributes;
	int error;

	pthread_mutex_init(&purger->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&purger->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	error = pthread_create(&purger->thread, NULL, run, purger);
	if (error != 0) {
		*error_r = xasprintf("cannot start purging: %s", strerror(error));
		free_purger(&purger);
		return -1;
	}
	*purger_r = purger;
	return 0;
}

void purger_stop(struct purger **purger)
{
	if (*purger == NULL)
		return;
	pthread_mutex_lock(&(*purger)->lock);
	(*purger)->stopping = true;
	pthread_cond_broadcast(&(*purger)->changed);
	pthread_mutex_unlock(&(*purger)->lock);
	pthread_join((*purger)->thread, NULL);
	free_purger(purger);
}
