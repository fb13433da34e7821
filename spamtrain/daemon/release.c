#include "spamtrain/daemon/release.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/rewrite.h"
#include "lib/xalloc.h"
#include "spamtrain/user/quarantine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

METRIC_COUNTER(released, "shoveler_spamtraind_releases_total{outcome=\"released\"}",
	       "Messages taken out of quarantine");
METRIC_COUNTER(refused, "shoveler_spamtraind_releases_total{outcome=\"refused\"}",
	       "Messages taken out of quarantine");
METRIC_COUNTER(taken_back, "shoveler_spamtraind_releases_total{outcome=\"taken_back\"}",
	       "Messages taken out of quarantine");
METRIC_COUNTER(deferred, "shoveler_spamtraind_releases_total{outcome=\"deferred\"}",
	       "Messages taken out of quarantine");

/* ---- what is in the quarantine ---- */

struct held {
	struct store_quarantined row;
	struct span message; /* mapped */
	struct strbuf own;   /* the fields that go on top */
};

static void held_free(struct held *held)
{
	if (held->message.size > 0)
		munmap((void *)(uintptr_t)held->message.data, held->message.size);
	strbuf_free(&held->own);
	store_quarantined_free(&held->row);
}

static enum release_status map_file(const struct quarantined_file *file, struct held *held,
				    char **reason_r)
{
	size_t size = (size_t)file->row.size;
	void *map;

	if (file->fd < 0 || file->damaged || size == 0) {
		*reason_r = xasprintf("the quarantined file %s",
				      file->fd < 0 ? "has vanished" : "is damaged");
		return RELEASE_REFUSED;
	}
	map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (map == MAP_FAILED) {
		*reason_r = xasprintf("cannot map the quarantined file: %s", strerror(errno));
		return RELEASE_DEFERRED;
	}
	held->message = (struct span){map, size};
	return RELEASE_DONE;
}

/* What counts of it now: the user's word, else the verdict. */
static bool is_spam(const struct store_message *row)
{
	return row->corrected != STORE_NONE ? row->corrected == STORE_SPAM
					    : row->result == (int)CLASSIFIER_SPAM;
}

static enum release_status read_history(struct classifier *classifier, const char *signature,
					struct held *held, char **reason_r)
{
	bool spam = false;
	struct classifier_verdict verdict = {.result = CLASSIFIER_INNOCENT, .corrected = true};
	struct store_message row;
	enum store_status status =
		store_message_by_signature(classifier_store(classifier), signature, &row, reason_r);

	if (status != STORE_OK && status != STORE_NOT_FOUND)
		return RELEASE_DEFERRED;
	if (status == STORE_OK) {
		verdict.probability = row.probability;
		verdict.confidence = row.confidence;
		spam = is_spam(&row);
		store_message_free(&row);
	}
	if (spam) {
		*reason_r = xstrdup("the user has called it spam since");
		return RELEASE_TAKEN_BACK;
	}
	snprintf(verdict.signature, sizeof(verdict.signature), "%s", signature);
	dspam_headers_format(&held->own, &verdict, time(NULL));
	return RELEASE_DONE;
}

static enum release_status hold(struct classifier *classifier, const char *signature,
				struct held *held, char **reason_r)
{
	struct quarantined_file file;
	enum release_status status;

	switch (quarantine_open(classifier_store(classifier), signature, &file, reason_r)) {
	case STORE_OK:
		break;
	case STORE_NOT_FOUND:
		return RELEASE_NOT_THERE;
	default:
		return RELEASE_DEFERRED;
	}
	status = read_history(classifier, signature, held, reason_r);
	if (status == RELEASE_DONE)
		status = map_file(&file, held, reason_r);
	held->row = file.row;
	file.row = (struct store_quarantined){0};
	quarantine_close(&file);
	return status;
}

/* ---- delivery ---- */

static enum lmtp_result send_held(struct lmtp_pool *pool, const char *user, const struct held *held,
				  struct lmtp_reply *reply)
{
	const struct lmtp_envelope envelope = {held->row.sender, "BODY=8BITMIME"};
	struct lmtp_destination to = {.address = user, .parameters = "", .reply = reply};
	struct rewrite rewrite;

	rewrite_init(&rewrite, held->message, strbuf_span(&held->own), NULL);
	lmtp_client_deliver(pool, &envelope, &to, &rewrite.source);
	rewrite_free(&rewrite);
	return to.result;
}

static enum release_status deliver(struct lmtp_pool *pool, const char *user,
				   const struct held *held, char **reason_r)
{
	struct lmtp_reply reply;
	enum lmtp_result result = send_held(pool, user, held, &reply);

	if (result == LMTP_ACCEPTED)
		return RELEASE_DONE;
	*reason_r = xasprintf("%d %s", reply.code, reply.text);
	return result == LMTP_REFUSED && reply.code >= 500 ? RELEASE_REFUSED : RELEASE_DEFERRED;
}

/*
 * Only what was delivered is removed: a message that was quarantined again meanwhile stays. Should
 * we be killed before, it is delivered again, never lost.
 */
static enum release_status finish(struct classifier *classifier, const struct held *held,
				  char **reason_r)
{
	enum store_status status = quarantine_delete(classifier_store(classifier), &held->row,
						     STORE_OUTCOME_RELEASED, reason_r);

	return status == STORE_OK || status == STORE_NOT_FOUND ? RELEASE_DONE : RELEASE_DEFERRED;
}

static struct classifier *open_user(struct spamtraind *service, const char *user,
				    enum release_status *status_r, char **reason_r)
{
	struct classifier *classifier = NULL;
	enum classifier_status status =
		classifier_open(service->site, user, false, &classifier, reason_r);

	*status_r = status == CLASSIFIER_OK ? RELEASE_NOT_THERE : RELEASE_DEFERRED;
	return classifier;
}

/* Once: a store that fails afterwards must not become a copy for each try. */
static enum release_status deliver_once(struct lmtp_pool *pool, const char *user,
					const struct held *held, char **delivered, char **reason_r)
{
	enum release_status status;

	if (*delivered != NULL && strcmp(*delivered, held->row.file) == 0)
		return RELEASE_DONE;
	status = deliver(pool, user, held, reason_r);
	if (status != RELEASE_DONE)
		return status;
	free(*delivered);
	*delivered = xstrdup(held->row.file);
	return RELEASE_DONE;
}

/* The store is not kept while Dovecot thinks: others may want it. */
static enum release_status release(struct spamtraind *service, const char *user,
				   const char *signature, struct held *held, char **delivered,
				   char **reason_r)
{
	enum release_status status;
	struct classifier *classifier = open_user(service, user, &status, reason_r);

	if (classifier == NULL)
		return status;
	status = hold(classifier, signature, held, reason_r);
	classifier_close(&classifier);
	if (status == RELEASE_DONE)
		status = deliver_once(service->nexthop, user, held, delivered, reason_r);
	if (status != RELEASE_DONE)
		return status;
	classifier = open_user(service, user, &status, reason_r);
	if (classifier == NULL)
		return status;
	status = finish(classifier, held, reason_r);
	classifier_close(&classifier);
	return status;
}

static void log_release(const char *user, const char *signature, enum release_status status,
			const char *reason)
{
	static const char *const outcomes[] = {[RELEASE_REFUSED] = "refused",
					       [RELEASE_TAKEN_BACK] = "taken back",
					       [RELEASE_DEFERRED] = "deferred"};

	if (status == RELEASE_DONE)
		msg_info("release: user=<%s>, action=release, signature=%s, outcome=released", user,
			 signature);
	else
		msg_warn("release: user=<%s>, action=release, signature=%s, outcome=%s, reason=%s",
			 user, signature, outcomes[status],
			 reason != NULL ? reason : "the store has gone");
}

enum release_status release_message(struct spamtraind *service, const char *user,
				    const char *signature, char **delivered, char **reason_r)
{
	static struct metric *const counters[] = {[RELEASE_DONE] = &released,
						  [RELEASE_REFUSED] = &refused,
						  [RELEASE_TAKEN_BACK] = &taken_back,
						  [RELEASE_DEFERRED] = &deferred};
	struct held held = {0};
	enum release_status status = release(service, user, signature, &held, delivered, reason_r);

	held_free(&held);
	if (status == RELEASE_NOT_THERE)
		return status;
	metric_add(counters[status], 1);
	log_release(user, signature, status, *reason_r);
	return status;
}
