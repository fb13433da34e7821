/*
 * spamtraind_preferences.c - requests about a user's preferences: what they are, their setting, and
 * what others would have made of the mail that came.
 */
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "schema/store_correspondent.h"
#include "schema/store_web.h"
#include "spamtrain/classifier/correspondents.h"
#include "spamtrain/engine/engine.h"
#include "spamtrain/daemon/spamtraind_request.h"
#include "spamtrain/daemon/spamtraind_rows.h"

#include <stdlib.h>

#define SET_PREFIX	 "set."
#define RESET_PREFIX	 "reset."
#define PREVIEW_MESSAGES 500
#define PREVIEW_MAX	 2000

/* ---- preferences ---- */

/* What counts before the user's own. False: answered. */
static bool read_site(struct request *request, struct preferences *site_r)
{
	char *reason = NULL;

	if (classifier_user_defaults(request->service->site, strbuf_text(&request->user), site_r,
				     &reason) == CLASSIFIER_OK)
		return true;
	reply_store_error(request, STORE_DEFER, reason);
	return false;
}

static json_t *choices_json(const char *choices)
{
	json_t *list = json_array();

	while (*choices != '\0') {
		size_t size = strcspn(choices, " ");

		json_array_append_new(list, json_stringn(choices, size));
		choices += size + (choices[size] == ' ');
	}
	return list;
}

static json_t *preference_json(const struct preference_info *info, const char *value,
			       const char *site, bool own)
{
	static const char *const kinds[] = {"choice", "number", "switch", "text"};
	json_t *json = json_pack("{s:s, s:o, s:o, s:b, s:s, s:s}", "name", info->name, "value",
				 json_text(value), "site", json_text(site), "own", own, "kind",
				 kinds[info->kind], "help", info->help);

	if (info->kind == PREFERENCE_CHOICE)
		json_object_set_new(json, "choices", choices_json(info->choices));
	if (info->kind == PREFERENCE_NUMBER)
		json_object_set_new(json, "minimum", json_integer(info->minimum));
	if (info->kind == PREFERENCE_NUMBER || info->kind == PREFERENCE_TEXT)
		json_object_set_new(json, "maximum", json_integer(info->maximum));
	return json;
}

/* Whether the user has a value of his own. */
static bool is_own(struct classifier *classifier, const char *name)
{
	char *value = NULL, *ignored = NULL;
	bool own = classifier != NULL && store_preference_get(classifier_store(classifier), name,
							      &value, &ignored) == STORE_OK;

	free(value);
	free(ignored);
	return own;
}

void request_preferences(struct request *request)
{
	char value[PREFERENCE_TEXT_MAX + 1], site[PREFERENCE_TEXT_MAX + 1];
	struct classifier *classifier = NULL;
	const struct preferences *used;
	struct preference_info info;
	struct preferences defaults;
	json_t *list;

	if (!read_site(request, &defaults) || !request_open(request, false, &classifier))
		return;
	used = classifier != NULL ? classifier_preferences(classifier) : &defaults;
	list = json_array();
	for (size_t i = 0; preferences_info(i, &info); i++) {
		preferences_get(used, info.name, value, sizeof(value));
		preferences_get(&defaults, info.name, site, sizeof(site));
		json_array_append_new(
			list, preference_json(&info, value, site, is_own(classifier, info.name)));
	}
	classifier_close(&classifier);
	reply_json(request, json_pack("{s:o}", "preferences", list));
}

/* ---- setting ---- */

/* The name behind set. or reset., or NULL. */
static const char *preference_attribute(const struct request *request, size_t i, bool *reset_r)
{
	const char *name = request->packet->attributes[i].name;

	*reset_r = strncmp(name, RESET_PREFIX, sizeof(RESET_PREFIX) - 1) == 0;
	if (*reset_r)
		return name + sizeof(RESET_PREFIX) - 1;
	return strncmp(name, SET_PREFIX, sizeof(SET_PREFIX) - 1) == 0
		       ? name + sizeof(SET_PREFIX) - 1
		       : NULL;
}

static bool apply_one(const struct request *request, size_t i, const struct preferences *site,
		      struct preferences *preferences, char **reason_r)
{
	char value[PREFERENCE_TEXT_MAX + 1];
	bool reset;
	const char *name = preference_attribute(request, i, &reset);

	if (name == NULL)
		return true;
	if (!reset)
		return preferences_set(preferences, name, request->packet->attributes[i].value,
				       reason_r);
	if (preferences_get(site, name, value, sizeof(value)) != NULL)
		return preferences_set(preferences, name, value, reason_r);
	*reason_r = xasprintf("unknown preference \"%s\"", name);
	return false;
}

/* What set.* and reset.* make of preferences. */
static bool apply_all(struct request *request, struct preferences *preferences)
{
	struct preferences site;
	char *reason = NULL;
	bool reset;

	if (!read_site(request, &site))
		return false;
	for (size_t i = 0; i < request->packet->count; i++) {
		if (apply_one(request, i, &site, preferences, &reason))
			continue;
		reply_error(request, "invalid", reason);
		packet_put(&request->reply, "name", preference_attribute(request, i, &reset));
		free(reason);
		return false;
	}
	return true;
}

/* In a transaction: all or nothing. */
static enum store_status store_all(struct request *request, struct store *store,
				   const struct preferences *checked, char **reason_r)
{
	enum store_status status = store_begin(store, reason_r);

	for (size_t i = 0; i < request->packet->count && status == STORE_OK; i++) {
		char value[PREFERENCE_TEXT_MAX + 1];
		bool reset;
		const char *name = preference_attribute(request, i, &reset);

		if (name == NULL)
			continue;
		preferences_get(checked, name, value, sizeof(value));
		status = store_preference_set(store, preferences_canonical(name),
					      reset ? NULL : value, reason_r);
	}
	return status == STORE_OK ? store_commit(store, reason_r) : status;
}

static void log_settings(const struct request *request)
{
	struct strbuf names = STRBUF_INIT;

	for (size_t i = 0; i < request->packet->count; i++) {
		bool reset;
		const char *name = preference_attribute(request, i, &reset);

		if (name != NULL)
			strbuf_printf(&names, "%s%s", names.size > 0 ? "," : "", name);
	}
	msg_info("preferences: user=<%s>, action=set, names=%s", strbuf_text(&request->user),
		 strbuf_text(&names));
	strbuf_free(&names);
}

void request_preference_set(struct request *request)
{
	struct classifier *classifier = NULL;
	struct preferences checked;
	enum store_status status;
	char *reason = NULL;

	if (!request_open(request, true, &classifier))
		return;
	checked = *classifier_preferences(classifier);
	if (apply_all(request, &checked)) {
		status = store_all(request, classifier_store(classifier), &checked, &reason);
		if (status == STORE_OK) {
			log_settings(request);
			reply_ok(request);
		} else {
			reply_store_error(request, status, reason);
		}
	}
	classifier_close(&classifier);
}

/* ---- preview ---- */

struct preview {
	struct store *store;
	const struct preferences *now, *then;
	uint64_t messages, spam_now, spam_then, changed;
	json_t *rows;
	enum store_status status;
	char *reason;
};

/* What is known of who sent a message. */
struct origin {
	bool trusted;		    /* by the user's word: the From: line */
	bool correspondent;	    /* the user wrote to him */
	struct store_sender sender; /* the From: line from that network */
};

/* The verdict that decide() of process.c would give to the stored score. */
static bool is_spam(const struct preferences *preferences, const struct store_message *row,
		    const struct origin *origin)
{
	bool known = row->score != 0 || row->probability != 0.5;
	bool mild = preferences->whitelist && origin->correspondent;
	bool whitelisted = origin->trusted ||
			   (preferences->whitelist && origin->sender.spam <= 0 &&
			    origin->sender.innocent >= (int64_t)preferences->whitelist_threshold);

	return known && !whitelisted &&
	       row->score >
		       engine_threshold(mild ? PREFERENCE_SEDATION_MAX : preferences->sedation);
}

static const char *handling(const struct preferences *preferences, bool spam)
{
	if (!spam || preferences->opt_out || preferences->spam_action == SPAM_ACTION_DELIVER)
		return "delivered";
	return preferences->spam_action == SPAM_ACTION_TAG ? "tagged" : "quarantined";
}

/* *found_r, unless the store is in trouble: then false. */
static bool note_found(struct preview *preview, enum store_status status, bool *found_r)
{
	*found_r = status == STORE_OK;
	preview->status = status == STORE_NOT_FOUND ? STORE_OK : status;
	return preview->status == STORE_OK;
}

/* By the keys that is_whitelisted() and is_correspondent() of process.c go by. */
static bool read_origin(struct preview *preview, const struct store_message *row,
			struct origin *origin_r)
{
	struct store *store = preview->store;
	int64_t address = correspondent_key_of_field(span_of(row->from));

	*origin_r = (struct origin){0};
	if (row->sender_key == 0)
		return true;
	if (!note_found(preview, store_trusted_get(store, row->sender_key, &preview->reason),
			&origin_r->trusted))
		return false;
	if (address != 0 &&
	    !note_found(preview, store_correspondent_get(store, address, &preview->reason),
			&origin_r->correspondent))
		return false;
	preview->status =
		store_sender_get(store, row->route_key, &origin_r->sender, &preview->reason);
	return preview->status == STORE_OK;
}

static bool preview_row(void *context, const struct store_message *row)
{
	struct preview *preview = context;
	struct origin origin;
	bool now, then;
	const char *before, *after;

	if (row->result < 0)
		return true;
	if (!read_origin(preview, row, &origin))
		return false;
	now = is_spam(preview->now, row, &origin);
	then = is_spam(preview->then, row, &origin);
	before = handling(preview->now, now);
	after = handling(preview->then, then);
	preview->messages++;
	preview->spam_now += now;
	preview->spam_then += then;
	if (strcmp(before, after) == 0)
		return true;
	if (++preview->changed <= REQUEST_PAGE_MAX)
		json_array_append_new(preview->rows, json_pack("{s:o, s:s, s:s}", "row",
							       row_json(preview->store, row), "now",
							       before, "then", after));
	return true;
}

static void reply_preview(struct request *request, const struct preview *preview)
{
	reply_json(request, json_pack("{s:I, s:{s:I, s:I}, s:O, s:I}", "messages",
				      (json_int_t)preview->messages, "spam", "now",
				      (json_int_t)preview->spam_now, "then",
				      (json_int_t)preview->spam_then, "changed", preview->rows,
				      "changed_total", (json_int_t)preview->changed));
}

void request_preview(struct request *request)
{
	struct store_filter filter = {.result = -1};
	struct classifier *classifier = NULL;
	struct preview preview = {.status = STORE_OK};
	struct preferences then, defaults;
	int64_t last;

	if (!request_number(request, "last", PREVIEW_MESSAGES, 1, PREVIEW_MAX, &last) ||
	    !read_site(request, &defaults) || !request_open(request, false, &classifier))
		return;
	preview.now = classifier != NULL ? classifier_preferences(classifier) : &defaults;
	then = *preview.now;
	if (apply_all(request, &then)) {
		enum store_status status = STORE_OK;

		preview.rows = json_array();
		preview.then = &then;
		filter.limit = (size_t)last;
		if (classifier != NULL) {
			preview.store = classifier_store(classifier);
			status = store_message_list(preview.store, &filter, preview_row, &preview,
						    &preview.reason);
		}
		status = preview.status != STORE_OK ? preview.status : status;
		if (status == STORE_OK)
			reply_preview(request, &preview);
		else
			reply_store_error(request, status, preview.reason);
		json_decref(preview.rows);
	}
	classifier_close(&classifier);
}
