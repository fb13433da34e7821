/*
 * spamtraind_link.c - requests link-show and link-use: the links of the daily digest.
 *
 * Using one: the action first, then the note that it was used. Killed in between, the link works
 * once more and changes nothing, since every action is idempotent. A release that Dovecot puts off
 * or refuses does not use the link up.
 */
#include "lib/action_link.h"
#include "lib/address.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "schema/store_web.h"
#include "spamtrain/daemon/spamtraind_request.h"
#include "spamtrain/daemon/spamtraind_rows.h"

#include <stdlib.h>

METRIC_COUNTER(links_used, "shoveler_spamtraind_links_total{outcome=\"used\"}",
	       "Links of daily digests that were followed and confirmed");
METRIC_COUNTER(links_refused, "shoveler_spamtraind_links_total{outcome=\"refused\"}",
	       "Links of daily digests that were followed and confirmed");

/* The user of the link becomes that of the request. */
static bool read_link(struct request *request, struct action_link *link_r)
{
	const char *token = request_text(request, "token");

	if (request->service->link_secret.size == 0) {
		reply_error(request, "invalid", "this host makes no links");
		return false;
	}
	switch (action_link_check(link_r, &request->service->link_secret, span_of(token),
				  time(NULL))) {
	case ACTION_LINK_OK:
		break;
	case ACTION_LINK_EXPIRED:
		reply_error(request, "expired", "the link has expired");
		return false;
	case ACTION_LINK_INVALID:
		reply_error(request, "invalid", "the link is not one of this host");
		return false;
	}
	strbuf_reset(&request->user);
	strbuf_append_text(&request->user, link_r->user);
	return true;
}

static bool is_unused(struct request *request, struct store *store, const struct action_link *link)
{
	char *reason = NULL;
	enum store_status status = store_link_used(store, link->mac, &reason);

	if (status == STORE_NOT_FOUND)
		return true;
	if (status == STORE_OK)
		reply_error(request, "used", "the link was used already");
	else
		reply_store_error(request, status, reason);
	return false;
}

static void put_link(struct request *request, const struct action_link *link)
{
	packet_put(&request->reply, "action", action_link_name(link->action));
	packet_put(&request->reply, "user", link->user);
	reply_number(request, "expires", link->expires);
}

/* ---- show ---- */

struct counting {
	time_t until;
	int64_t count;
};

static bool count_until(void *context, const struct store_quarantined *row)
{
	struct counting *counting = context;

	counting->count += row->added <= counting->until;
	return row->added <= counting->until;
}

static void show_all(struct request *request, struct store *store, const struct action_link *link)
{
	struct counting counting = {.until = link->until};
	char *reason = NULL;
	enum store_status status = store_quarantine_list(store, count_until, &counting, &reason);

	if (status != STORE_OK) {
		reply_store_error(request, status, reason);
		return;
	}
	reply_ok(request);
	put_link(request, link);
	reply_number(request, "count", counting.count);
	reply_number(request, "until", link->until);
}

static void show_one(struct request *request, struct store *store, const struct action_link *link)
{
	struct store_quarantined held;
	struct store_message row;
	const char *file_state;
	char *reason = NULL;
	enum store_status status = store_quarantine_get(store, link->signature, &held, &reason);

	if (status == STORE_OK) {
		status = held_row(store, &held, &row, &file_state, &reason);
		store_quarantined_free(&held);
	}
	if (status != STORE_OK) {
		reply_store_error(request, status, reason);
		return;
	}
	reply_ok(request);
	put_link(request, link);
	packet_put(&request->reply, "from", row.from);
	packet_put(&request->reply, "subject", row.subject);
	reply_number(request, "received", row.received);
	store_message_free(&row);
}

void request_link_show(struct request *request)
{
	struct classifier *classifier = NULL;
	struct action_link link;
	struct store *store;

	if (!read_link(request, &link) || !request_open_known(request, &classifier))
		return;
	store = classifier_store(classifier);
	if (is_unused(request, store, &link)) {
		if (link.action == ACTION_LINK_DELETE_ALL)
			show_all(request, store, &link);
		else
			show_one(request, store, &link);
	}
	classifier_close(&classifier);
}

/* ---- use ---- */

/* Whether it may be used: not used yet, and the message still there. */
static bool may_use(struct request *request, const struct action_link *link)
{
	struct classifier *classifier = NULL;
	struct store_quarantined held;
	enum store_status status = STORE_OK;
	char *reason = NULL;
	bool unused;

	if (!request_open_known(request, &classifier))
		return false;
	unused = is_unused(request, classifier_store(classifier), link);
	if (unused && link->action != ACTION_LINK_DELETE_ALL) {
		status = store_quarantine_get(classifier_store(classifier), link->signature, &held,
					      &reason);
		if (status == STORE_OK)
			store_quarantined_free(&held);
		else
			reply_store_error(request, status, reason);
	}
	classifier_close(&classifier);
	return unused && status == STORE_OK;
}

/* Teaches by the spool, as every request does. False: answered. */
static bool teach(struct request *request, const struct action_link *link,
		  struct correction_result *result_r)
{
	const struct retrain_entry entry = {
		.user = link->user,
		.class = link->action == ACTION_LINK_SPAM ? RETRAIN_SPAM : RETRAIN_INNOCENT,
		.signature = link->signature,
		.source = "digest",
	};
	char *reason = NULL;
	int64_t seconds;

	*result_r = (struct correction_result){0};
	if (!request_number(request, "wait", REQUEST_WAIT_MAX_S, 0, REQUEST_WAIT_MAX_S, &seconds))
		return false;
	if (spool_worker_submit(request->worker, &entry, (struct span){NULL, 0},
				(int)seconds * 1000, result_r, &reason) < 0) {
		reply_error(request, "deferred", reason);
		free(reason);
		return false;
	}
	if (result_r->status == CORRECTION_UNKNOWN && link->action == ACTION_LINK_RELEASE) {
		reply_unknown(request);
		return false;
	}
	return true;
}

static enum store_status note_use(struct store *store, const struct action_link *link,
				  char **reason_r)
{
	struct store_quarantined held;
	enum store_status status = STORE_NOT_FOUND;

	if (link->action == ACTION_LINK_RELEASE)
		status = store_quarantine_get(store, link->signature, &held, reason_r);
	if (status == STORE_NOT_FOUND)
		return store_link_use(store, link->mac, link->expires, reason_r);
	if (status == STORE_OK)
		store_quarantined_free(&held);
	return status;
}

/* What is deleted or confirmed leaves the quarantine. The link is used up when its message left. */
static enum store_status settle(struct request *request, const struct action_link *link,
				unsigned *deleted_r, char **reason_r)
{
	struct classifier *classifier = NULL;
	enum store_status status = STORE_OK;

	*deleted_r = 0;
	if (classifier_open(request->service->site, link->user, false, &classifier, reason_r) !=
	    CLASSIFIER_OK)
		return STORE_DEFER;
	if (classifier == NULL)
		return STORE_NOT_FOUND;
	if (link->action == ACTION_LINK_DELETE_ALL)
		status = quarantine_flush(classifier_store(classifier), link->until, deleted_r,
					  reason_r);
	else if (link->action == ACTION_LINK_SPAM)
		status = quarantine_discard(classifier_store(classifier), link->signature,
					    deleted_r, reason_r);
	if (status == STORE_OK)
		status = note_use(classifier_store(classifier), link, reason_r);
	classifier_close(&classifier);
	return status;
}

static void reply_used(struct request *request, const struct action_link *link,
		       const struct correction_result *result, unsigned deleted)
{
	metric_add(&links_used, 1);
	msg_info("link: user=<%s>, action=%s, signature=%s, deleted=%u", link->user,
		 action_link_name(link->action), link->signature, deleted);
	reply_ok(request);
	put_link(request, link);
	if (link->action == ACTION_LINK_DELETE_ALL) {
		reply_number(request, "deleted", deleted);
		return;
	}
	packet_put(&request->reply, "outcome", correction_outcome(result));
	packet_put(&request->reply, "released", result->released ? "yes" : "no");
	if (result->reason != NULL)
		packet_put(&request->reply, "reason", result->reason);
}

static bool use(struct request *request, const struct action_link *link)
{
	struct correction_result result = {0};
	enum store_status status;
	char *reason = NULL;
	unsigned deleted;
	bool done = false;

	if (!may_use(request, link))
		return false;
	if (link->action == ACTION_LINK_DELETE_ALL || teach(request, link, &result)) {
		status = settle(request, link, &deleted, &reason);
		done = status == STORE_OK;
		if (done)
			reply_used(request, link, &result, deleted);
		else
			reply_store_error(request, status, reason);
	}
	correction_result_free(&result);
	return done;
}

void request_link_use(struct request *request)
{
	struct action_link link;

	if (!read_link(request, &link) || !use(request, &link))
		metric_add(&links_refused, 1);
}
