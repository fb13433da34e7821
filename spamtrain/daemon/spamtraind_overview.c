/*
 * spamtraind_overview.c - request overview: sums over all users, by domain, for the pages of
 * administrators. No store is read for a request that comes soon after another.
 */
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "schema/store_web.h"
#include "spamtrain/daemon/spamtraind_request.h"
#include "spamtrain/user/users.h"

#include <pthread.h>
#include <stdlib.h>

#define OVERVIEW_WEEKS	 13
#define OVERVIEW_SECONDS 300 /* how old an answer may be */

METRIC_COUNTER(unread, "shoveler_spamtraind_overview_errors_total",
	       "Users whose store could not be read for the overview");

struct domain {
	char *name;
	uint64_t users, held, held_bytes, lessons;
	struct store_week weeks[OVERVIEW_WEEKS]; /* oldest first */
};

/* Of one moment. */
struct overview {
	time_t made;
	time_t first_week;
	struct domain *domains;
	size_t count;
	uint64_t unread; /* users who could not be counted */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct overview kept; /* the latest */

static void free_overview(struct overview *overview)
{
	for (size_t i = 0; i < overview->count; i++)
		free(overview->domains[i].name);
	free(overview->domains);
	*overview = (struct overview){0};
}

/* ---- counting ---- */

struct counting {
	struct spamtraind *service;
	struct overview *overview;
	struct domain *domain; /* of the user in work */
};

static struct domain *find_domain(struct overview *overview, const char *user)
{
	const char *at = strrchr(user, '@'), *name = at != NULL ? at + 1 : "";
	struct domain *domain;

	for (size_t i = 0; i < overview->count; i++) {
		if (strcmp(overview->domains[i].name, name) == 0)
			return &overview->domains[i];
	}
	overview->domains =
		xrealloc(overview->domains, (overview->count + 1) * sizeof(*overview->domains));
	domain = &overview->domains[overview->count++];
	*domain = (struct domain){.name = xstrdup(name)};
	for (int i = 0; i < OVERVIEW_WEEKS; i++)
		domain->weeks[i].start = overview->first_week + i * STORE_WEEK;
	return domain;
}

static void add_week(void *context, const struct store_week *week)
{
	struct counting *counting = context;
	int64_t at = (week->start - counting->overview->first_week) / STORE_WEEK;
	struct store_week *sum;

	/* A message that is dated in the future. */
	if (at < 0 || at >= OVERVIEW_WEEKS)
		return;
	sum = &counting->domain->weeks[at];
	sum->messages += week->messages;
	sum->spam += week->spam;
	sum->caught += week->caught;
	sum->false_positives += week->false_positives;
}

static bool count_store(struct counting *counting, struct classifier *classifier, char **reason_r)
{
	struct store *store = classifier_store(classifier);
	struct classifier_stats stats;
	uint64_t held, bytes;

	if (classifier_stats(classifier, &stats, reason_r) != CLASSIFIER_OK ||
	    store_quarantine_size(store, &held, &bytes, reason_r) != STORE_OK ||
	    store_message_weeks(store, counting->overview->first_week, add_week, counting,
				reason_r) != STORE_OK)
		return false;
	counting->domain->users++;
	counting->domain->held += held;
	counting->domain->held_bytes += bytes;
	counting->domain->lessons += stats.spam_learned + stats.innocent_learned;
	return true;
}

static bool count_user(void *context, const char *user)
{
	struct counting *counting = context;
	struct classifier *classifier = NULL;
	char *reason = NULL;
	bool counted = false;

	counting->domain = find_domain(counting->overview, user);
	if (classifier_open(counting->service->site, user, false, &classifier, &reason) ==
	    CLASSIFIER_OK)
		counted = classifier == NULL || count_store(counting, classifier, &reason);
	classifier_close(&classifier);
	if (!counted) {
		metric_add(&unread, 1);
		counting->overview->unread++;
		msg_warn("overview: user=<%s>, outcome=deferred, reason=%s", user,
			 reason != NULL ? reason : "unknown");
	}
	free(reason);
	return true;
}

/* The lock is held: who asks meanwhile waits for this one. */
static int refresh(struct spamtraind *service, time_t now, char **reason_r)
{
	struct overview fresh = {.made = now};
	struct counting counting = {service, &fresh, NULL};

	if (kept.made != 0 && now >= kept.made && now - kept.made < OVERVIEW_SECONDS)
		return 0;
	fresh.first_week = store_week_start(now) - (time_t)(OVERVIEW_WEEKS - 1) * STORE_WEEK;
	if (users_each(service->users_directory, count_user, &counting, reason_r) < 0) {
		free_overview(&fresh);
		return -1;
	}
	free_overview(&kept);
	kept = fresh;
	return 0;
}

/* ---- reply ---- */

static json_t *week_json(const struct store_week *week)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "start", (json_int_t)week->start,
			 "messages", (json_int_t)week->messages, "spam", (json_int_t)week->spam,
			 "caught", (json_int_t)week->caught, "missed",
			 (json_int_t)(week->spam - week->caught), "false_positives",
			 (json_int_t)week->false_positives);
}

static json_t *domain_json(const struct domain *domain)
{
	json_t *weeks = json_array();

	for (int i = 0; i < OVERVIEW_WEEKS; i++)
		json_array_append_new(weeks, week_json(&domain->weeks[i]));
	return json_pack("{s:o, s:I, s:I, s:{s:I, s:I}, s:o}", "domain", json_text(domain->name),
			 "users", (json_int_t)domain->users, "learned", (json_int_t)domain->lessons,
			 "quarantine", "messages", (json_int_t)domain->held, "bytes",
			 (json_int_t)domain->held_bytes, "weeks", weeks);
}

void request_overview(struct request *request)
{
	const char *wanted = request_text(request, "domain");
	json_t *domains = json_array();
	char *reason = NULL;
	json_t *json = NULL;

	pthread_mutex_lock(&lock);
	if (refresh(request->service, time(NULL), &reason) == 0) {
		for (size_t i = 0; i < kept.count; i++) {
			if (wanted[0] == '\0' || strcasecmp(wanted, kept.domains[i].name) == 0)
				json_array_append_new(domains, domain_json(&kept.domains[i]));
		}
		json = json_pack("{s:I, s:O, s:I}", "made", (json_int_t)kept.made, "domains",
				 domains, "unread", (json_int_t)kept.unread);
	}
	pthread_mutex_unlock(&lock);
	json_decref(domains);
	if (json != NULL)
		reply_json(request, json);
	else
		reply_store_error(request, STORE_DEFER, reason);
}
