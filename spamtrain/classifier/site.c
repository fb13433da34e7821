/*
 * site.c - settings, and the cache of open stores.
 *
 * The cache is a list, most recently used first, under one lock. A handle that is busy belongs to
 * the thread that took it out; another thread that wants the same user, or any thread when all
 * handles are busy, waits for the condition, at most WAIT_SECONDS: one user with a slow or locked
 * store must not take all threads. No thread may hold two handles, so this cannot lock up.
 */
#include "spamtrain/classifier/classifier_internal.h"

#include "lib/address.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/xalloc.h"
#include "spamtrain/user/preference_maps.h"

#include <pthread.h>
#include <stdlib.h>

#define WAIT_SECONDS	10
#define SECONDS_PER_DAY 86400

struct classifier_site {
	struct classifier_settings settings;
	char *users_directory;
	struct preference_maps *preference_maps; /* NULL: there are none */
	struct members *members;		 /* of groups; NULL: there are none */
	struct site_newest *newest;		 /* NULL: users start from nothing */
	pthread_mutex_t lock;
	pthread_cond_t returned;
	struct classifier *list;
	size_t open;
};

void classifier_settings_init(struct classifier_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	preferences_init(&settings->preferences);
	settings->open_stores_max = 1;
	settings->wait_seconds = WAIT_SECONDS;
	settings->signature_retention = 14 * SECONDS_PER_DAY;
	settings->history_retention = 90 * SECONDS_PER_DAY;
	settings->rules = (struct dictionary_rules){.hits1s = 15,
						    .hits1i = 15,
						    .hapaxes = 30,
						    .neutral = 90,
						    .unused = 90,
						    .tokens_max = 2000000};
}

struct classifier_site *classifier_site_create(const struct classifier_settings *settings)
{
	struct classifier_site *site = xcalloc(1, sizeof(*site));

	site->settings = *settings;
	site->users_directory = xstrdup(settings->users_directory);
	site->settings.users_directory = site->users_directory;
	if (settings->groups.count > 0)
		site->members = members_new(site->users_directory, settings->open_stores_max);
	if (settings->site_file != NULL)
		site->newest = site_newest_new(settings->site_file, FEATURES_VERSION);
	site->settings.site_file = NULL;
	pthread_mutex_init(&site->lock, NULL);
	clock_init_condition(&site->returned);
	return site;
}

/* A mistake in spam_traps, or NULL. malloc'ed. */
static char *traps_problem(const struct conf *conf, const struct dictionary_groups *groups)
{
	static const enum conf_param training[] = {P_TRAINING_SPAM_ADDRESSES,
						   P_TRAINING_INNOCENT_ADDRESSES};
	const char *const *traps = conf_list(conf, P_SPAM_TRAPS);
	const char *delimiters = conf_text(conf, P_RECIPIENT_DELIMITER);

	for (const char *const *trap = traps; *trap != NULL; trap++) {
		char *address = xasprintf("%s%s", (*trap)[0] == '@' ? "nobody" : "", *trap);
		struct strbuf user = STRBUF_INIT;
		bool valid = address_user(span_of(address), "", &user);
		strbuf_free(&user);
		free(address);
		if (!valid)
			return xasprintf("\"%s\" is neither a mail address nor @domain", *trap);
	}
	for (size_t i = 0; i < sizeof(training) / sizeof(training[0]); i++)
		for (const char *const *at = conf_list(conf, training[i]); *at != NULL; at++)
			if (address_is_listed(traps, *at, delimiters))
				return xasprintf("%s is a training address", *at);
	for (size_t i = 0; i < groups->count; i++)
		for (size_t m = 0; m < groups->list[i].count; m++)
			if (address_is_listed(traps, groups->list[i].members[m], delimiters))
				return xasprintf(
					"%s is a member of group \"%s\": a trap is nobody's",
					groups->list[i].members[m], groups->list[i].name);
	return NULL;
}

char *classifier_site_file(const struct conf *conf)
{
	return xasprintf("%s/dictionary", conf_text(conf, P_SITE_DIRECTORY));
}

/* Of a time, at least one unless it is 0. */
static unsigned days(const struct conf *conf, enum conf_param param)
{
	return (unsigned)((conf_number(conf, param) + SECONDS_PER_DAY - 1) / SECONDS_PER_DAY);
}

struct classifier_site *classifier_site_new(const struct conf *conf, char **error_r)
{
	struct classifier_settings settings;
	char *file = NULL, *reason = NULL;

	classifier_settings_init(&settings);
	if (!preferences_parse(&settings.preferences, conf_text(conf, P_DEFAULT_PREFERENCES),
			       &reason)) {
		*error_r = xasprintf("default_preferences: %s", reason);
		free(reason);
		return NULL;
	}
	if (groups_parse(&settings.groups, conf_list(conf, P_DICTIONARY_GROUPS), error_r) != 0)
		return NULL;
	char *problem = traps_problem(conf, &settings.groups);
	if (problem != NULL) {
		*error_r = xasprintf("%s: %s", conf_name(P_SPAM_TRAPS), problem);
		free(problem);
		groups_free(&settings.groups);
		return NULL;
	}
	if (conf_bool(conf, P_SITE_DICTIONARY))
		settings.site_file = file = classifier_site_file(conf);
	settings.users_directory = conf_text(conf, P_USERS_DIRECTORY);
	settings.open_stores_max = (size_t)conf_number(conf, P_OPEN_STORES_LIMIT);
	settings.signature_retention = conf_number(conf, P_SIGNATURE_RETENTION);
	settings.history_retention = conf_number(conf, P_HISTORY_RETENTION);
	settings.rules = (struct dictionary_rules){
		.hits1s = days(conf, P_PURGE_HITS1S),
		.hits1i = days(conf, P_PURGE_HITS1I),
		.hapaxes = days(conf, P_PURGE_HAPAXES),
		.neutral = days(conf, P_PURGE_NEUTRAL),
		.unused = days(conf, P_PURGE_UNUSED),
		.tokens_max = (size_t)conf_number(conf, P_TOKENS_LIMIT),
	};
	struct classifier_site *site = classifier_site_create(&settings);
	site->preference_maps = preference_maps_new(conf);
	free(file);
	return site;
}

static void handle_free(struct classifier *c)
{
	store_close(&c->store);
	free(c->sums);
	free(c->user);
	free(c);
}

void classifier_site_free(struct classifier_site **site)
{
	struct classifier *next;

	if (*site == NULL)
		return;
	for (struct classifier *c = (*site)->list; c != NULL; c = next) {
		next = c->next;
		handle_free(c);
	}
	pthread_mutex_destroy(&(*site)->lock);
	pthread_cond_destroy(&(*site)->returned);
	members_free(&(*site)->members);
	site_newest_free(&(*site)->newest);
	groups_free(&(*site)->settings.groups);
	preference_maps_free(&(*site)->preference_maps);
	free((*site)->users_directory);
	free(*site);
	*site = NULL;
}

const struct preferences *classifier_site_preferences(const struct classifier_site *site)
{
	return &site->settings.preferences;
}

enum classifier_status classifier_user_defaults(const struct classifier_site *site,
						const char *user, struct preferences *preferences_r,
						char **error_r)
{
	*preferences_r = site->settings.preferences;
	if (site->preference_maps != NULL &&
	    preference_maps_apply(site->preference_maps, user, preferences_r, error_r) < 0)
		return CLASSIFIER_DEFER;
	return CLASSIFIER_OK;
}

int classifier_site_check(const struct classifier_site *site, char **error_r)
{
	return site->preference_maps != NULL ? preference_maps_check(site->preference_maps, error_r)
					     : 0;
}

const struct dictionary_groups *classifier_site_groups(const struct classifier_site *site)
{
	return &site->settings.groups;
}

struct members *classifier_site_members(const struct classifier_site *site)
{
	return site->members;
}

const struct classifier_settings *classifier_site_settings(const struct classifier_site *site)
{
	return &site->settings;
}

/* ---- the cache; the lock is held ---- */

static void list_remove(struct classifier_site *site, struct classifier *c)
{
	struct classifier **at = &site->list;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

static void list_prepend(struct classifier_site *site, struct classifier *c)
{
	c->next = site->list;
	site->list = c;
}

static struct classifier *list_find(const struct classifier_site *site, const char *user)
{
	struct classifier *c = site->list;

	while (c != NULL && strcmp(c->user, user) != 0)
		c = c->next;
	return c;
}

/* The idle handle that was not used for the longest time. */
static struct classifier *list_idle(const struct classifier_site *site)
{
	struct classifier *idle = NULL;

	for (struct classifier *c = site->list; c != NULL; c = c->next)
		if (!c->busy)
			idle = c;
	return idle;
}

/* A busy handle for user; its store is NULL if it is new. NULL: it took too long. */
static struct classifier *take_out(struct classifier_site *site, const char *user)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += site->settings.wait_seconds;
	pthread_mutex_lock(&site->lock);
	for (;;) {
		struct classifier *c = list_find(site, user), *idle = NULL;
		if (c == NULL && site->open >= site->settings.open_stores_max &&
		    (idle = list_idle(site)) != NULL) {
			list_remove(site, idle);
			site->open--;
			handle_free(idle);
		}
		if (c == NULL && site->open < site->settings.open_stores_max) {
			c = xcalloc(1, sizeof(*c));
			c->site = site;
			c->user = xstrdup(user);
			c->group = groups_find(&site->settings.groups, user);
			list_prepend(site, c);
			site->open++;
		}
		if (c != NULL && !c->busy) {
			c->busy = true;
			list_remove(site, c);
			list_prepend(site, c);
			pthread_mutex_unlock(&site->lock);
			return c;
		}
		if (pthread_cond_timedwait(&site->returned, &site->lock, &until) != 0) {
			pthread_mutex_unlock(&site->lock);
			return NULL;
		}
	}
}

static void give_back(struct classifier *c, bool keep)
{
	struct classifier_site *site = c->site;

	site_dictionary_unref(&c->site_dictionary);
	pthread_mutex_lock(&site->lock);
	c->busy = false;
	if (!keep) {
		list_remove(site, c);
		site->open--;
		handle_free(c);
	}
	pthread_cond_broadcast(&site->returned);
	pthread_mutex_unlock(&site->lock);
}

/* ---- open, close ---- */

static bool overlay_preference(void *context, const char *name, const char *value)
{
	char *ignored = NULL;

	/* A value that is valid no more leaves the site's default. */
	preferences_set(context, name, value, &ignored);
	free(ignored);
	return true;
}

enum classifier_status classifier_preferences_load(struct classifier *classifier, char **error_r)
{
	enum classifier_status status = classifier_user_defaults(classifier->site, classifier->user,
								 &classifier->preferences, error_r);

	if (status != CLASSIFIER_OK)
		return status;
	return status_of_store(store_preference_list(classifier->store, overlay_preference,
						     &classifier->preferences, error_r));
}

/* Has the user been removed, or restored, behind our back? */
static bool is_stale(const struct classifier *c)
{
	return c->store != NULL && !store_is_current(c->store);
}

static enum classifier_status open_store(struct classifier *c, bool create, char **error_r)
{
	enum store_status status = STORE_OK;

	if (is_stale(c))
		store_close(&c->store);
	if (c->store == NULL) {
		char *directory = store_user_directory(c->site->users_directory, c->user);
		if (directory == NULL) {
			*error_r = xasprintf("\"%s\" is not a user's mail address", c->user);
			return CLASSIFIER_INVALID;
		}
		status = store_open(&c->store, directory, create, error_r);
		if (status == STORE_OK && c->site->settings.quick)
			store_set_quick(c->store);
		free(directory);
	}
	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
	return classifier_preferences_load(c, error_r);
}

/* The newest site dictionary, if it is good for something. */
static void site_take(struct classifier *c)
{
	if (c->site->newest == NULL)
		return;
	c->site_dictionary = site_newest_get(c->site->newest);
	if (c->site_dictionary != NULL &&
	    !site_header_is_solid(site_dictionary_header(c->site_dictionary)))
		site_dictionary_unref(&c->site_dictionary);
}

enum classifier_status classifier_open(struct classifier_site *site, const char *user, bool create,
				       struct classifier **classifier_r, char **error_r)
{
	struct classifier *c = take_out(site, user);
	enum classifier_status status;

	*classifier_r = NULL;
	if (c == NULL) {
		*error_r = xasprintf("%s: the store was busy for %u seconds", user,
				     site->settings.wait_seconds);
		return CLASSIFIER_DEFER;
	}
	status = open_store(c, create, error_r);
	if (status == CLASSIFIER_OK && c->store != NULL) {
		site_take(c);
		*classifier_r = c;
		return CLASSIFIER_OK;
	}
	give_back(c, false);
	return status;
}

void classifier_close(struct classifier **classifier)
{
	if (*classifier == NULL)
		return;
	store_rollback((*classifier)->store);
	give_back(*classifier, true);
	*classifier = NULL;
}

/* In the transaction that keeps others from adding to it. */
static enum classifier_status check_quarantine_is_empty(struct classifier *c, char **error_r)
{
	uint64_t rows = 0, bytes;
	enum store_status status = store_begin(c->store, error_r);

	if (status == STORE_OK)
		status = store_quarantine_size(c->store, &rows, &bytes, error_r);
	if (status != STORE_OK)
		return status_of_store(status);
	if (rows == 0)
		return CLASSIFIER_OK;
	*error_r = xasprintf("%s: %llu messages are still in quarantine", c->user,
			     (unsigned long long)rows);
	return CLASSIFIER_INVALID;
}

enum classifier_status classifier_forget_user(struct classifier_site *site, const char *user,
					      char **error_r)
{
	struct classifier *c = NULL;
	enum classifier_status status = classifier_open(site, user, false, &c, error_r);

	if (status == CLASSIFIER_OK && c == NULL) {
		*error_r = xasprintf("%s has no store", user);
		return CLASSIFIER_INVALID;
	}
	if (status == CLASSIFIER_OK)
		status = check_quarantine_is_empty(c, error_r);
	if (status != CLASSIFIER_OK) {
		classifier_close(&c);
		return status;
	}
	status = status_of_store(store_remove(store_directory(c->store), error_r));
	give_back(c, false);
	return status;
}

struct store *classifier_store(struct classifier *classifier)
{
	return classifier->store;
}

const struct preferences *classifier_preferences(struct classifier *classifier)
{
	return &classifier->preferences;
}

enum classifier_status classifier_preference_set(struct classifier *classifier, const char *name,
						 const char *value, char **error_r)
{
	struct preferences checked = classifier->preferences;
	char known[PREFERENCE_TEXT_MAX + 1];

	if (value != NULL && !preferences_set(&checked, name, value, error_r))
		return CLASSIFIER_INVALID;
	if (preferences_get(&checked, name, known, sizeof(known)) == NULL) {
		preferences_set(&checked, name, "", error_r); /* says which names there are */
		return CLASSIFIER_INVALID;
	}
	enum store_status status =
		store_preference_set(classifier->store, preferences_canonical(name),
				     value == NULL ? NULL : known, error_r);
	if (status != STORE_OK)
		return status_of_store(status);
	return classifier_preferences_load(classifier, error_r);
}
