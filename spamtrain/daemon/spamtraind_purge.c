#include "spamtrain/daemon/spamtraind_purge.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "schema/store_web.h"
#include "spamtrain/user/quarantine.h"
#include "spamtrain/daemon/spamtraind_request.h"
#include "spamtrain/daemon/spamtraind_site.h"
#include "spamtrain/user/users.h"

#include <stdlib.h>

#define FIRST_PURGE_SECONDS 60
#define USER_PAUSE_MS	    20

METRIC_COUNTER(expired_messages, "shoveler_spamtraind_quarantine_expired_total",
	       "Messages removed from quarantines because of their age");
METRIC_COUNTER(purge_errors, "shoveler_spamtraind_purge_errors_total",
	       "Users whose store could not be purged");
METRIC_GAUGE(last_purge, "shoveler_spamtraind_last_purge_timestamp_seconds",
	     "When the last round of purging ended, seconds since 1970");

/* ---- one user ---- */

/* Expired messages, links and left-over files. */
static enum store_status clean_up(struct store *store, const struct spamtraind *service, time_t now,
				  unsigned *expired_r, struct quarantine_swept *swept_r,
				  char **error_r)
{
	time_t oldest = now - (time_t)service->quarantine_seconds;
	enum store_status status = quarantine_flush(store, oldest - 1, expired_r, error_r);

	if (status == STORE_OK)
		status = quarantine_sweep(store, now, swept_r, error_r);
	return status == STORE_OK ? store_link_purge(store, now, error_r) : status;
}

/* CLASSIFIER_OK also when he has no store. *expired_r: what was removed from his quarantine. */
static enum classifier_status purge_user(struct spamtraind *service, const char *user, time_t now,
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
	if (status == CLASSIFIER_OK &&
	    clean_up(store, service, now, expired_r, &swept, error_r) != STORE_OK)
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
	return ticker_sleep(context, USER_PAUSE_MS);
}

static int64_t purge_all(struct ticker *ticker)
{
	struct spamtraind *service = spamtraind_current();
	int64_t interval = service->purge_interval;
	char *error = NULL;

	if (users_each(service->users_directory, purge_next, ticker, &error) < 0)
		msg_error("purge: %s", error);
	else
		metric_set(&last_purge, (int64_t)time(NULL));
	site_round(service, ticker);
	free(error);
	spamtraind_drop(&service);
	return interval;
}

void purge_loop(struct ticker *ticker)
{
	struct spamtraind *service = spamtraind_current();
	int64_t seconds = service->purge_interval < FIRST_PURGE_SECONDS ? service->purge_interval
									: FIRST_PURGE_SECONDS;

	spamtraind_drop(&service);
	while (ticker_sleep(ticker, seconds * 1000))
		seconds = purge_all(ticker);
}
