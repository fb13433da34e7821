/*
 * spamtraind_export.c - request export: all that is known of a user, as one JSON object. Written
 * row by row, so that only the reply itself takes memory.
 */
#include "lib/file.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "schema/store_web.h"
#include "spamtrain/daemon/spamtraind_request.h"
#include "spamtrain/daemon/spamtraind_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITE_SIZE (64 * 1024)

struct export
{
	struct request *request;
	struct store *store;
	struct strbuf out;
	int fd;
	bool failed; /* to write */
	bool first;  /* of the list being written */
	bool started;
	enum store_status status;
	char *reason;
};

static void flush(struct export *export)
{
	if (!export->failed && file_write_all(export->fd, strbuf_span(&export->out)) < 0)
		export->failed = true;
	strbuf_reset(&export->out);
}

/* Consumes the reference. */
static void put_json(struct export *export, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	strbuf_append_text(&export->out, text != NULL ? text : "null");
	free(text);
	json_decref(json);
	if (export->out.size >= WRITE_SIZE)
		flush(export);
}

static void put_member(struct export *export, const char *name, const char *open)
{
	strbuf_printf(&export->out, "%s\n\"%s\":%s", export->started ? "," : "", name, open);
	export->started = export->first = true;
}

static void put_item(struct export *export, json_t *json)
{
	strbuf_append_text(&export->out, export->first ? "\n" : ",\n");
	export->first = false;
	put_json(export, json);
}

/* ---- lists ---- */

struct correction_context {
	struct export *export;
	const char *signature;
};

static void put_correction(void *context, time_t when, enum store_class class, const char *source)
{
	struct correction_context *of = context;

	put_item(of->export, json_pack("{s:s, s:I, s:s, s:o}", "signature", of->signature, "time",
				       (json_int_t)when, "class", store_class_name(class), "source",
				       json_text(source)));
}

static bool put_row(void *context, const struct store_message *row)
{
	struct export *export = context;
	json_t *json = row_json(export->store, row);

	json_object_set_new(json, "reasons", json_text(row->factors));
	put_item(export, json);
	return !export->failed;
}

static bool put_corrections_of(void *context, const struct store_message *row)
{
	struct export *export = context;
	struct correction_context of = {export, row->signature};

	if (row->corrected_at != 0)
		export->status = store_correction_list(export->store, row->id, put_correction, &of,
						       &export->reason);
	return export->status == STORE_OK && !export->failed;
}

static void put_trusted(void *context, const char *from, const char *signature, time_t added)
{
	put_item(context, json_pack("{s:o, s:s, s:I}", "from", json_text(from), "signature",
				    signature, "added", (json_int_t)added));
}

static bool put_held(void *context, const struct store_quarantined *held)
{
	struct export *export = context;
	json_t *json = held_json(export->request->service, export->store, held, &export->status,
				 &export->reason);

	if (json != NULL)
		put_item(export, json);
	if (export->status == STORE_NOT_FOUND)
		export->status = STORE_OK;
	return export->status == STORE_OK && !export->failed;
}

static bool put_preference(void *context, const char *name, const char *value)
{
	struct export *export = context;

	strbuf_printf(&export->out, "%s\"%s\":", export->first ? "" : ", ", name);
	export->first = false;
	put_json(export, json_text(value));
	return true;
}

static enum store_status put_lists(struct export *export, char **reason_r)
{
	const struct store_filter all = {.result = -1, .limit = SIZE_MAX / 2};
	enum store_status status;

	put_member(export, "preferences", "{");
	status = store_preference_list(export->store, put_preference, export, reason_r);
	strbuf_append_text(&export->out, "}");
	put_member(export, "trusted", "[");
	if (status == STORE_OK)
		status = store_trusted_list(export->store, put_trusted, export, reason_r);
	strbuf_append_text(&export->out, "]");
	put_member(export, "history", "[");
	if (status == STORE_OK)
		status = store_message_list(export->store, &all, put_row, export, reason_r);
	strbuf_append_text(&export->out, "]");
	put_member(export, "corrections", "[");
	if (status == STORE_OK)
		status = store_message_list(export->store, &all, put_corrections_of, export,
					    reason_r);
	strbuf_append_text(&export->out, "]");
	put_member(export, "quarantine", "[");
	if (status == STORE_OK)
		status = store_quarantine_list(export->store, put_held, export, reason_r);
	strbuf_append_text(&export->out, "]");
	return status;
}

static void write_all(struct export *export)
{
	static const char nothing[] = ",\"preferences\":{},\"trusted\":[],\"history\":[],"
				      "\"corrections\":[],\"quarantine\":[]";
	enum store_status status = STORE_OK;

	strbuf_append_text(&export->out, "{");
	put_member(export, "user", "");
	put_json(export, json_text(strbuf_text(&export->request->user)));
	put_member(export, "exported", "");
	put_json(export, json_integer((json_int_t)time(NULL)));
	if (export->store != NULL)
		status = put_lists(export, &export->reason);
	else
		strbuf_append_text(&export->out, nothing);
	strbuf_append_text(&export->out, "}\n");
	flush(export);
	if (export->status == STORE_OK)
		export->status = status;
}

void request_export(struct request *request)
{
	struct export export = {.request = request, .fd = -1};
	struct classifier *classifier = NULL;

	if (!request_open(request, false, &classifier))
		return;
	if (classifier != NULL)
		export.store = classifier_store(classifier);
	export.fd = reply_content_open(request);
	if (export.fd >= 0)
		write_all(&export);
	classifier_close(&classifier);
	strbuf_free(&export.out);
	if (export.fd < 0)
		return;
	if (export.status == STORE_OK && !export.failed) {
		msg_info("export: user=<%s>, action=export", strbuf_text(&request->user));
		reply_content(request, "json", export.fd);
		free(export.reason);
		return;
	}
	close(export.fd);
	if (export.failed && export.reason == NULL)
		export.reason = xstrdup("no room for the reply");
	reply_store_error(request, STORE_DEFER, export.reason);
}
