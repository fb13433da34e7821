/*
 * spamtraind_quarantine.c - requests quarantine, quarantine-message, -delete and -flush.
 */
#include "lib/file.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "schema/store_web.h"
#include "spamtrain/user/quarantine.h"
#include "spamtrain/daemon/spamtraind_request.h"
#include "spamtrain/daemon/spamtraind_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SHOWN_BYTES	(256 * 1024)
#define SHOWN_BYTES_MAX (1024 * 1024)
#define CURSOR_MAX	64
#define FLUSH_BATCH	500 /* messages deleted without looking at the list again */

METRIC_COUNTER(deleted_messages, "shoveler_spamtraind_quarantine_deleted_total",
	       "Messages deleted from quarantines by their users");

/* ---- list ---- */

struct page {
	struct request *request;
	struct store *store;
	json_t *rows;
	size_t limit;
	char next[CURSOR_MAX];
	double key; /* of the last row */
	int64_t rowid;
	enum store_status status;
	char *reason;
};

static bool add_held(void *context, const struct store_quarantined *held, double key, int64_t rowid)
{
	struct page *page = context;
	json_t *json;

	if (json_array_size(page->rows) == page->limit) {
		snprintf(page->next, sizeof(page->next), "%.17g:%lld", page->key,
			 (long long)page->rowid);
		return false;
	}
	page->key = key;
	page->rowid = rowid;
	json = held_json(page->request->service, page->store, held, &page->status, &page->reason);
	if (json != NULL)
		json_array_append_new(page->rows, json);
	/* Deleted since the list was read: no error. */
	if (page->status == STORE_NOT_FOUND)
		page->status = STORE_OK;
	return page->status == STORE_OK;
}

static bool read_cursor(struct request *request, struct store_quarantine_page *wanted)
{
	const char *text = request_text(request, "after");
	char *end;

	if (text[0] == '\0')
		return true;
	wanted->after = true;
	wanted->key = strtod(text, &end);
	if (end != text && *end == ':') {
		text = end + 1;
		wanted->rowid = strtoll(text, &end, 10);
		if (end != text && *end == '\0')
			return true;
	}
	reply_error(request, "invalid", "after is not what next was");
	return false;
}

static bool read_page(struct request *request, struct store_quarantine_page *wanted)
{
	const char *sort = request_text(request, "sort");
	int64_t limit;

	if (!request_number(request, "limit", REQUEST_PAGE, 1, REQUEST_PAGE_MAX, &limit) ||
	    !read_cursor(request, wanted))
		return false;
	wanted->limit = (size_t)limit + 1;
	wanted->contains = request_text(request, "contains");
	wanted->by_time = strcmp(sort, "time") == 0;
	if (wanted->by_time || sort[0] == '\0' || strcmp(sort, "score") == 0)
		return true;
	reply_error(request, "invalid", "sort must be score or time");
	return false;
}

static void reply_page(struct request *request, const struct page *page, uint64_t messages,
		       uint64_t bytes)
{
	reply_json(request, json_pack("{s:O, s:s, s:I, s:I, s:I, s:I}", "rows", page->rows, "next",
				      page->next, "messages", (json_int_t)messages, "bytes",
				      (json_int_t)bytes, "limit",
				      (json_int_t)request->service->quarantine_max, "lifetime",
				      (json_int_t)request->service->quarantine_seconds));
}

void request_quarantine(struct request *request)
{
	struct store_quarantine_page wanted = {0};
	struct classifier *classifier = NULL;
	struct page page = {.request = request};
	uint64_t messages = 0, bytes = 0;

	if (!read_page(request, &wanted) || !request_open(request, false, &classifier))
		return;
	page.rows = json_array();
	page.limit = wanted.limit - 1;
	if (classifier != NULL) {
		enum store_status status;

		page.store = classifier_store(classifier);
		status = store_quarantine_page(page.store, &wanted, add_held, &page, &page.reason);
		if (page.status == STORE_OK)
			page.status = status;
		if (page.status == STORE_OK)
			page.status =
				store_quarantine_size(page.store, &messages, &bytes, &page.reason);
		classifier_close(&classifier);
	}
	if (page.status == STORE_OK)
		reply_page(request, &page, messages, bytes);
	else
		reply_store_error(request, page.status, page.reason);
	json_decref(page.rows);
}

/* ---- one message ---- */

/* Its first bytes are copied: a descriptor of the file itself would outlive its deletion. */
static void reply_file(struct request *request, const struct quarantined_file *file, size_t max)
{
	struct strbuf bytes = STRBUF_INIT;
	ssize_t got;
	int fd;

	if (file->fd < 0) {
		reply_error(request, "unknown", "the quarantined file has vanished");
		return;
	}
	strbuf_reserve(&bytes, max);
	got = pread(file->fd, bytes.data, max, 0);
	bytes.size = got > 0 ? (size_t)got : 0;
	fd = got < 0 ? -1 : reply_content_open(request);
	if (got < 0 || (fd >= 0 && file_write_all(fd, strbuf_span(&bytes)) < 0)) {
		reply_error(request, "deferred", strerror(errno));
		if (fd >= 0)
			close(fd);
	} else if (fd >= 0) {
		reply_ok(request);
		reply_number(request, "total", (int64_t)file->row.size);
		reply_content(request, "message", fd);
	}
	strbuf_free(&bytes);
}

void request_quarantine_message(struct request *request)
{
	struct classifier *classifier = NULL;
	char signature[STORE_SIGNATURE_SIZE], *reason = NULL;
	struct quarantined_file file;
	enum store_status status;
	int64_t max;

	if (!request_signature(request, signature) ||
	    !request_number(request, "max", SHOWN_BYTES, 1, SHOWN_BYTES_MAX, &max) ||
	    !request_open_known(request, &classifier))
		return;
	status = quarantine_open(classifier_store(classifier), signature, &file, &reason);
	classifier_close(&classifier);
	if (status != STORE_OK) {
		reply_store_error(request, status, reason);
		return;
	}
	reply_file(request, &file, (size_t)max);
	quarantine_close(&file);
}

/* ---- delete ---- */

enum store_status quarantine_discard(struct store *store, const char *signature, unsigned *deleted,
				     char **error_r)
{
	struct store_quarantined row;
	enum store_status status = store_quarantine_get(store, signature, &row, error_r);

	if (status == STORE_OK) {
		status = quarantine_delete(store, &row, STORE_OUTCOME_DELETED, error_r);
		store_quarantined_free(&row);
	}
	*deleted += status == STORE_OK;
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static void reply_deleted(struct request *request, enum store_status status, unsigned deleted,
			  char *reason)
{
	metric_add(&deleted_messages, deleted);
	if (deleted > 0)
		msg_info("quarantine: user=<%s>, action=delete, messages=%u",
			 strbuf_text(&request->user), deleted);
	if (status != STORE_OK) {
		reply_store_error(request, status, reason);
		return;
	}
	reply_ok(request);
	reply_number(request, "deleted", deleted);
}

void request_quarantine_delete(struct request *request)
{
	struct signatures *signatures = request_signatures(request);
	struct classifier *classifier = NULL;
	enum store_status status = STORE_OK;
	char *reason = NULL;
	unsigned deleted = 0;

	if (signatures == NULL)
		return;
	if (request_open(request, false, &classifier)) {
		for (size_t i = 0;
		     classifier != NULL && i < signatures->count && status == STORE_OK; i++)
			status = quarantine_discard(classifier_store(classifier),
						    signatures->list[i], &deleted, &reason);
		classifier_close(&classifier);
		reply_deleted(request, status, deleted, reason);
	}
	free(signatures);
}

/* ---- flush ---- */

struct batch {
	time_t until;
	size_t count;
	char signatures[FLUSH_BATCH][STORE_SIGNATURE_SIZE];
};

static bool collect(void *context, const struct store_quarantined *row)
{
	struct batch *batch = context;

	/* Oldest first. */
	if (row->added > batch->until || batch->count == FLUSH_BATCH)
		return false;
	memcpy(batch->signatures[batch->count++], row->signature, STORE_SIGNATURE_SIZE);
	return true;
}

enum store_status quarantine_flush(struct store *store, time_t until, unsigned *deleted_r,
				   char **error_r)
{
	struct batch *batch = xcalloc(1, sizeof(*batch));
	enum store_status status;

	*deleted_r = 0;
	batch->until = until;
	do {
		batch->count = 0;
		status = store_quarantine_list(store, collect, batch, error_r);
		for (size_t i = 0; i < batch->count && status == STORE_OK; i++)
			status =
				quarantine_discard(store, batch->signatures[i], deleted_r, error_r);
	} while (status == STORE_OK && batch->count == FLUSH_BATCH);
	free(batch);
	return status;
}

void request_quarantine_flush(struct request *request)
{
	struct classifier *classifier = NULL;
	enum store_status status = STORE_OK;
	char *reason = NULL;
	unsigned deleted = 0;
	int64_t until;

	if (!request_number(request, "until", -1, 0, INT64_MAX, &until))
		return;
	if (until < 0) {
		reply_error(request, "invalid", "until is missing");
		return;
	}
	if (!request_open(request, false, &classifier))
		return;
	if (classifier != NULL)
		status = quarantine_flush(classifier_store(classifier), (time_t)until, &deleted,
					  &reason);
	classifier_close(&classifier);
	reply_deleted(request, status, deleted, reason);
}
