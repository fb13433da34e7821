#include "spamtrain/daemon/spamtraind_digest.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "schema/store_web.h"
#include "spamtrain/daemon/digest.h"
#include "spamtrain/daemon/own_mail.h"
#include "spamtrain/daemon/spamtraind_rows.h"
#include "spamtrain/user/users.h"

#include <stdlib.h>

#define FIRST_LOOK_MS 1000
#define LOOK_MS	      20000 /* how late after the hour it may be */
#define USER_PAUSE_MS 20
#define ANNOUNCED_MAX 20000 /* messages that one digest tells of */

METRIC_COUNTER(digests_sent, "shoveler_spamtraind_digests_total{outcome=\"sent\"}",
	       "Daily digests");
METRIC_COUNTER(digests_refused, "shoveler_spamtraind_digests_total{outcome=\"refused\"}",
	       "Daily digests");
METRIC_COUNTER(digests_deferred, "shoveler_spamtraind_digests_total{outcome=\"deferred\"}",
	       "Daily digests");

enum digest_status {
	DIGEST_SENT,
	DIGEST_NOT_DUE, /* not wanted, sent already, or nothing new */
	DIGEST_REFUSED, /* Dovecot refuses it for good: not today */
	DIGEST_DEFERRED /* to be tried again; *reason_r */
};

/* ---- what is new ---- */

struct collection {
	const struct spamtraind *service;
	struct store *store;
	const char *alerts;
	struct digest *digest;
	char (*signatures)[STORE_SIGNATURE_SIZE]; /* all that is new */
	size_t count;
	enum store_status status;
	char **reason_r;
};

static bool contains_nocase(const char *text, struct span word)
{
	for (; *text != '\0'; text++) {
		if (strncasecmp(text, word.data, word.size) == 0)
			return true;
	}
	return false;
}

/* alerts: words by commas. */
static bool is_alert(const char *alerts, const struct store_message *row)
{
	while (*alerts != '\0') {
		size_t size = strcspn(alerts, ",");
		struct span word = span_trim((struct span){alerts, size});

		if (word.size > 0 &&
		    (contains_nocase(row->from, word) || contains_nocase(row->subject, word) ||
		     contains_nocase(row->sender, word)))
			return true;
		alerts += size + (alerts[size] == ',');
	}
	return false;
}

/* Alerts go before the others; within each the order stays. The last one falls off a full list. */
static void insert_item(struct digest *digest, struct digest_item *item)
{
	size_t at = digest->count;

	if (item->alert) {
		for (at = 0; at < digest->count && digest->items[at].alert; at++)
			;
	}
	if (at >= DIGEST_ITEMS_MAX) {
		free(item->from);
		free(item->subject);
		return;
	}
	if (digest->count == DIGEST_ITEMS_MAX) {
		digest->count--;
		free(digest->items[digest->count].from);
		free(digest->items[digest->count].subject);
	}
	memmove(&digest->items[at + 1], &digest->items[at],
		(digest->count - at) * sizeof(digest->items[0]));
	digest->items[at] = *item;
	digest->count++;
}

static bool collect(void *context, const struct store_quarantined *held, double key, int64_t rowid)
{
	struct collection *collection = context;
	struct digest_item item = {.size = held->size};
	struct store_message row;
	const char *file_state;

	(void)key, (void)rowid;
	collection->status =
		held_row(collection->store, held, &row, &file_state, collection->reason_r);
	if (collection->status == STORE_NOT_FOUND) {
		collection->status = STORE_OK;
		return true;
	}
	if (collection->status != STORE_OK)
		return false;
	memcpy(collection->signatures[collection->count++], held->signature, STORE_SIGNATURE_SIZE);
	memcpy(item.signature, held->signature, sizeof(item.signature));
	item.from = xstrdup(row.from[0] != '\0' ? row.from : row.sender);
	item.subject = xstrdup(row.subject);
	item.received = held->added;
	item.expires = held->added + (time_t)collection->service->quarantine_seconds;
	item.alert = is_alert(collection->alerts, &row);
	item.damaged = strcmp(file_state, "ok") != 0;
	insert_item(collection->digest, &item);
	store_message_free(&row);
	return collection->count < ANNOUNCED_MAX;
}

static enum store_status collect_news(struct collection *collection)
{
	const struct store_quarantine_page page = {
		.contains = "", .limit = ANNOUNCED_MAX, .news = true};
	struct digest *digest = collection->digest;
	enum store_status status = store_quarantine_page(collection->store, &page, collect,
							 collection, collection->reason_r);

	if (collection->status != STORE_OK)
		return collection->status;
	digest->news = collection->count;
	return status == STORE_OK ? store_quarantine_size(collection->store, &digest->messages,
							  &digest->bytes, collection->reason_r)
				  : status;
}

/* ---- is it due ---- */

/* Notes the day. STORE_NOT_FOUND: nothing is to be sent. *before_r: the day of the last one. */
static enum store_status claim_day(struct classifier *classifier, int64_t day, int64_t *before_r,
				   char **reason_r)
{
	struct store *store = classifier_store(classifier);
	enum store_status status;
	uint64_t news = 0;

	if (!classifier_preferences(classifier)->daily_summary)
		return STORE_NOT_FOUND;
	status = store_digest_day(store, before_r, reason_r);
	if (status != STORE_OK || *before_r >= day)
		return status == STORE_OK ? STORE_NOT_FOUND : status;
	status = store_digest_news(store, &news, reason_r);
	if (status == STORE_OK)
		status = store_digest_set_day(store, day, reason_r);
	return status == STORE_OK && news == 0 ? STORE_NOT_FOUND : status;
}

/* ---- afterwards ---- */

static struct classifier *open_again(struct spamtraind *service, const char *user)
{
	struct classifier *classifier = NULL;
	char *reason = NULL;

	if (classifier_open(service->site, user, false, &classifier, &reason) != CLASSIFIER_OK)
		msg_warn("digest: user=<%s>, cannot be noted: %s", user, reason);
	free(reason);
	return classifier;
}

static enum store_status note_announced(struct store *store, const struct collection *collection,
					char **reason_r)
{
	enum store_status status = store_begin(store, reason_r);

	for (size_t i = 0; i < collection->count && status == STORE_OK; i++)
		status = store_digest_announced(store, collection->signatures[i], reason_r);
	if (status == STORE_OK)
		status = store_digest_forget(store, reason_r);
	return status == STORE_OK ? store_commit(store, reason_r) : status;
}

/* What cannot be noted now is told of again tomorrow. */
static void finish(struct spamtraind *service, const char *user,
		   const struct collection *collection)
{
	struct classifier *classifier = open_again(service, user);
	char *reason = NULL;

	if (classifier != NULL &&
	    note_announced(classifier_store(classifier), collection, &reason) != STORE_OK)
		msg_warn("digest: user=<%s>, cannot be noted: %s", user, reason);
	free(reason);
	classifier_close(&classifier);
}

static void put_back_day(struct store *store, const char *user, int64_t before)
{
	char *reason = NULL;

	if (store_digest_set_day(store, before, &reason) != STORE_OK)
		msg_warn("digest: user=<%s>, cannot be noted: %s", user, reason);
	free(reason);
}

static void unclaim_day(struct spamtraind *service, const char *user, int64_t before)
{
	struct classifier *classifier = open_again(service, user);

	if (classifier != NULL)
		put_back_day(classifier_store(classifier), user, before);
	classifier_close(&classifier);
}

/* ---- sending ---- */

static enum digest_status deliver(struct spamtraind *service, const struct collection *collection,
				  time_t now, char **reason_r)
{
	struct strbuf mail = STRBUF_INIT;
	struct lmtp_reply reply;
	enum lmtp_result result;

	digest_format(&mail, service, collection->digest, now);
	result = own_mail_deliver(service, collection->digest->user, strbuf_span(&mail), &reply);
	strbuf_free(&mail);
	if (result == LMTP_ACCEPTED)
		return DIGEST_SENT;
	*reason_r = xasprintf("%d %s", reply.code, reply.text);
	/* It may have been delivered: not twice. */
	if (result == LMTP_AMBIGUOUS || (result == LMTP_REFUSED && reply.code >= 500))
		return DIGEST_REFUSED;
	return DIGEST_DEFERRED;
}

static enum digest_status send_claimed(struct spamtraind *service, struct collection *collection,
				       int64_t before, time_t now, char **reason_r)
{
	const char *user = collection->digest->user;
	enum digest_status status = deliver(service, collection, now, reason_r);

	if (status == DIGEST_SENT)
		finish(service, user, collection);
	if (status == DIGEST_DEFERRED)
		unclaim_day(service, user, before);
	return status;
}

/* The store is not kept while Dovecot thinks. */
static enum digest_status send_user(struct spamtraind *service, struct collection *collection,
				    int64_t day, time_t now, char **reason_r)
{
	struct digest *digest = collection->digest;
	struct classifier *classifier = NULL;
	enum store_status status;
	char *alerts = NULL;
	int64_t before = 0;

	if (classifier_open(service->site, digest->user, false, &classifier, reason_r) !=
	    CLASSIFIER_OK)
		return DIGEST_DEFERRED;
	if (classifier == NULL)
		return DIGEST_NOT_DUE;
	status = claim_day(classifier, day, &before, reason_r);
	if (status == STORE_OK) {
		collection->store = classifier_store(classifier);
		alerts = xstrdup(classifier_preferences(classifier)->alerts);
		collection->alerts = alerts;
		digest->language = spamtraind_language(service, classifier_preferences(classifier));
		status = collect_news(collection);
		if (status != STORE_OK)
			put_back_day(collection->store, digest->user, before);
	}
	classifier_close(&classifier);
	free(alerts);
	if (status == STORE_OK && digest->news > 0)
		return send_claimed(service, collection, before, now, reason_r);
	return status == STORE_OK || status == STORE_NOT_FOUND ? DIGEST_NOT_DUE : DIGEST_DEFERRED;
}

static void log_digest(const char *user, enum digest_status status, const struct digest *digest,
		       const char *reason)
{
	if (status == DIGEST_SENT) {
		metric_add(&digests_sent, 1);
		msg_info("digest: user=<%s>, action=digest, outcome=sent, messages=%llu", user,
			 (unsigned long long)digest->news);
	} else if (status != DIGEST_NOT_DUE) {
		metric_add(status == DIGEST_REFUSED ? &digests_refused : &digests_deferred, 1);
		msg_warn("digest: user=<%s>, action=digest, outcome=%s, reason=%s", user,
			 status == DIGEST_REFUSED ? "refused" : "deferred",
			 reason != NULL ? reason : "unknown");
	}
}

/* One user's, if it is due on that day (YYYYMMDD). */
static enum digest_status digest_send(struct spamtraind *service, const char *user, int64_t day,
				      time_t now, char **reason_r)
{
	struct digest *digest = xcalloc(1, sizeof(*digest));
	struct collection collection = {
		.service = service,
		.digest = digest,
		.signatures = xcalloc(ANNOUNCED_MAX, STORE_SIGNATURE_SIZE),
		.status = STORE_OK,
		.reason_r = reason_r,
	};
	enum digest_status status;

	digest->user = user;
	status = send_user(service, &collection, day, now, reason_r);
	log_digest(user, status, digest, *reason_r);
	digest_items_free(digest);
	free(collection.signatures);
	free(digest);
	return status;
}

/* ---- the thread ---- */

struct round {
	struct ticker *ticker;
	int64_t day;
	bool deferred; /* somebody's has to be tried again */
};

static bool send_next(void *context, const char *user)
{
	struct spamtraind *service = spamtraind_current();
	struct round *round = context;
	char *reason = NULL;

	if (digest_send(service, user, round->day, time(NULL), &reason) == DIGEST_DEFERRED)
		round->deferred = true;
	free(reason);
	spamtraind_drop(&service);
	return ticker_sleep(round->ticker, USER_PAUSE_MS);
}

/* The day, if its digests may be sent by now; else 0. */
static int64_t day_due(time_t now, int hour)
{
	struct tm local;

	localtime_r(&now, &local);
	return local.tm_hour < hour ? 0
				    : (int64_t)(local.tm_year + 1900) * 10000 +
					      (local.tm_mon + 1) * 100 + local.tm_mday;
}

/* Returns whether all digests of the day were sent. */
static bool send_all(struct ticker *ticker, int64_t day)
{
	struct spamtraind *service = spamtraind_current();
	struct round round = {ticker, day, false};
	char *error = NULL;

	if (users_each(service->users_directory, send_next, &round, &error) < 0) {
		msg_error("digest: %s", error);
		round.deferred = true;
	}
	free(error);
	spamtraind_drop(&service);
	return !round.deferred;
}

void digest_loop(struct ticker *ticker)
{
	int64_t done = 0, wait_ms = FIRST_LOOK_MS;

	while (ticker_sleep(ticker, wait_ms)) {
		struct spamtraind *service = spamtraind_current();
		int64_t day = day_due(time(NULL), service->digest_hour);

		spamtraind_drop(&service);
		wait_ms = LOOK_MS;
		if (day == 0 || day == done)
			continue;
		if (send_all(ticker, day))
			done = day;
		else
			wait_ms = DIGEST_RETRY_SECONDS * 1000;
	}
}
