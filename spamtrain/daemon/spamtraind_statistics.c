/*
 * spamtraind_statistics.c - request for what a user's filter knows, and what it did week by week.
 */
#include "schema/store_web.h"
#include "spamtrain/daemon/spamtraind_request.h"

#define STATS_WEEKS	13
#define STATS_WEEKS_MAX 104

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
