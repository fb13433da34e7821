/*
 * spamtraind_user.c - requests about a user as a whole: preferences, preview, trusted senders,
 * statistics, forgetting.
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
#define STATS_WEEKS	 13
#define STATS_WEEKS_MAX	 104

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

/* ---- trusted senders ---- */

static void reply_trust(struct request *request, enum store_status status, const char *from,
			bool trust, char *reason)
{
	if (status != STORE_OK) {
		reply_store_error(request, status, reason);
		return;
	}
	msg_info("sender: user=<%s>, action=%s", strbuf_text(&request->user),
		 trust ? "trust" : "distrust");
	reply_ok(request);
	packet_put(&request->reply, "from", from);
}

static void trust(struct request *request, struct store *store, const struct store_message *row)
{
	enum store_status status;
	char *reason = NULL;

	if (row->sender_key == 0) {
		reply_error(request, "invalid", "the message names no sender");
		return;
	}
	status = store_trusted_add(store, row, time(NULL), &reason);
	reply_trust(request, status, row->from, true, reason);
}

/* The message by which he was trusted may have left the history. */
static void distrust(struct request *request, struct store *store, const char *signature)
{
	struct store_message row = {0};
	char *reason = NULL;
	enum store_status status = store_message_by_signature(store, signature, &row, &reason);

	if (status == STORE_OK || status == STORE_NOT_FOUND)
		status = store_trusted_delete(store, row.sender_key, signature, &reason);
	reply_trust(request, status, row.from != NULL ? row.from : "", false, reason);
	store_message_free(&row);
}

void request_sender_trust(struct request *request)
{
	const char *wanted = request_text(request, "trust");
	struct classifier *classifier = NULL;
	char signature[STORE_SIGNATURE_SIZE];
	struct store_message row;

	if (!request_signature(request, signature) || !request_open_known(request, &classifier))
		return;
	if (strcmp(wanted, "no") == 0) {
		distrust(request, classifier_store(classifier), signature);
	} else if (wanted[0] != '\0' && strcmp(wanted, "yes") != 0) {
		reply_error(request, "invalid", "trust must be yes or no");
	} else if (request_row(request, classifier_store(classifier), &row)) {
		trust(request, classifier_store(classifier), &row);
		store_message_free(&row);
	}
	classifier_close(&classifier);
}

static void add_trusted(void *context, const char *from, const char *signature, time_t added)
{
	json_array_append_new(context,
			      json_pack("{s:o, s:s, s:I}", "from", json_text(from), "signature",
					signature, "added", (json_int_t)added));
}

void request_trusted(struct request *request)
{
	struct classifier *classifier = NULL;
	enum store_status status = STORE_OK;
	char *reason = NULL;
	json_t *list;

	if (!request_open(request, false, &classifier))
		return;
	list = json_array();
	if (classifier != NULL)
		status = store_trusted_list(classifier_store(classifier), add_trusted, list,
					    &reason);
	classifier_close(&classifier);
	if (status == STORE_OK)
		reply_json(request, json_pack("{s:O}", "senders", list));
	else
		reply_store_error(request, status, reason);
	json_decref(list);
}

/* ---- statistics ---- */

struct weeks {
	json_t *list;
	time_t next; /* the week that must come next: gaps are filled */
};

static void append_week(json_t *list, const struct store_week *week)
{
	json_array_append_new(
		list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "start", (json_int_t)week->start,
				"messages", (json_int_t)week->messages, "spam",
				(json_int_t)week->spam, "caught", (json_int_t)week->caught,
				"missed", (json_int_t)(week->spam - week->caught),
				"false_positives", (json_int_t)week->false_positives));
}

static void fill_weeks(struct weeks *weeks, time_t until)
{
	for (; weeks->next < until; weeks->next += STORE_WEEK)
		append_week(weeks->list, &(struct store_week){.start = weeks->next});
}

static void add_week(void *context, const struct store_week *week)
{
	struct weeks *weeks = context;

	fill_weeks(weeks, week->start);
	append_week(weeks->list, week);
	weeks->next = week->start + STORE_WEEK;
}

struct statistics {
	struct classifier_stats learned;
	uint64_t messages, bytes; /* in quarantine */
};

static enum store_status read_statistics(struct classifier *classifier, time_t since,
					 struct statistics *statistics, struct weeks *weeks,
					 char **reason_r)
{
	struct store *store = classifier_store(classifier);
	enum store_status status = STORE_DEFER;

	if (classifier_stats(classifier, &statistics->learned, reason_r) == CLASSIFIER_OK)
		status = store_quarantine_size(store, &statistics->messages, &statistics->bytes,
					       reason_r);
	return status == STORE_OK ? store_message_weeks(store, since, add_week, weeks, reason_r)
				  : status;
}

static void reply_statistics(struct request *request, const struct statistics *s, json_t *weeks)
{
	reply_json(request,
		   json_pack("{s:{s:I, s:I, s:I}, s:I, s:I, s:{s:I, s:I, s:I}, s:O}", "learned",
			     "spam", (json_int_t)s->learned.spam_learned, "innocent",
			     (json_int_t)s->learned.innocent_learned, "tokens",
			     (json_int_t)s->learned.tokens, "history",
			     (json_int_t)s->learned.history, "store_bytes",
			     (json_int_t)s->learned.store_bytes, "quarantine", "messages",
			     (json_int_t)s->messages, "bytes", (json_int_t)s->bytes, "limit",
			     (json_int_t)request->service->quarantine_max, "weeks", weeks));
}

void request_stats(struct request *request)
{
	struct classifier *classifier = NULL;
	struct statistics statistics = {0};
	enum store_status status = STORE_OK;
	time_t now = time(NULL), since;
	struct weeks weeks;
	char *reason = NULL;
	int64_t count;

	if (!request_number(request, "weeks", STATS_WEEKS, 1, STATS_WEEKS_MAX, &count) ||
	    !request_open(request, false, &classifier))
		return;
	since = store_week_start(now) - (time_t)(count - 1) * STORE_WEEK;
	weeks = (struct weeks){json_array(), since};
	if (classifier != NULL)
		status = read_statistics(classifier, since, &statistics, &weeks, &reason);
	classifier_close(&classifier);
	fill_weeks(&weeks, now + 1);
	if (status == STORE_OK)
		reply_statistics(request, &statistics, weeks.list);
	else
		reply_store_error(request, status, reason);
	json_decref(weeks.list);
}

/* ---- forgetting ---- */

void request_forget(struct request *request)
{
	struct classifier *classifier = NULL;
	uint64_t forgotten = 0;
	char *reason = NULL;
	int64_t since;

	if (!request_number(request, "since", -1, 0, INT64_MAX, &since))
		return;
	if (since < 0) {
		reply_error(request, "invalid", "since is missing");
		return;
	}
	if (!request_open(request, false, &classifier))
		return;
	if (classifier != NULL && classifier_forget_since(classifier, (time_t)since, &forgotten,
							  &reason) != CLASSIFIER_OK) {
		reply_store_error(request, STORE_DEFER, reason);
	} else {
		msg_info("forget: user=<%s>, action=forget, messages=%llu",
			 strbuf_text(&request->user), (unsigned long long)forgotten);
		reply_ok(request);
		reply_number(request, "forgotten", (int64_t)forgotten);
	}
	classifier_close(&classifier);
}
