#include "postfix_maps.h"

#include "child.h"
#include "metrics.h"
#include "strbuf.h"
#include "xalloc.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BUCKETS	 4096
#define MAX_RUNS 16 /* of postmap at a time: many who ask at once mostly ask for the same */

METRIC_COUNTER(asked, "shoveler_map_lookups_total{answer=\"asked\"}", "Lookups in maps of Postfix");
METRIC_COUNTER(cached, "shoveler_map_lookups_total{answer=\"cached\"}",
	       "Lookups in maps of Postfix");
METRIC_COUNTER(failed, "shoveler_map_lookups_total{answer=\"failed\"}",
	       "Lookups in maps of Postfix");

struct answer {
	struct answer *next;
	char *question; /* map, newline, key */
	char *value;	/* NULL: not found */
	time_t until;
};

struct postfix_maps {
	char *config_directory;
	int timeout_ms;
	int cache_seconds;
	sem_t runs;
	pthread_mutex_t lock; /* of what follows */
	size_t count;
	struct answer *buckets[BUCKETS];
};

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

struct postfix_maps *postfix_maps_new(const char *config_directory, int timeout_ms,
				      int cache_seconds)
{
	struct postfix_maps *maps = xcalloc(1, sizeof(*maps));

	maps->config_directory = xstrdup(config_directory);
	maps->timeout_ms = timeout_ms;
	maps->cache_seconds = cache_seconds;
	pthread_mutex_init(&maps->lock, NULL);
	sem_init(&maps->runs, 0, MAX_RUNS);
	return maps;
}

static void free_answer(struct answer *answer)
{
	free(answer->question);
	free(answer->value);
	free(answer);
}

static void forget_all(struct postfix_maps *maps)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (maps->buckets[i] != NULL) {
			struct answer *answer = maps->buckets[i];

			maps->buckets[i] = answer->next;
			free_answer(answer);
		}
	}
	maps->count = 0;
}

void postfix_maps_free(struct postfix_maps **maps)
{
	if (*maps == NULL)
		return;
	forget_all(*maps);
	pthread_mutex_destroy(&(*maps)->lock);
	sem_destroy(&(*maps)->runs);
	free((*maps)->config_directory);
	free(*maps);
	*maps = NULL;
}

static struct answer **bucket_of(struct postfix_maps *maps, const char *question)
{
	return &maps->buckets[XXH3_64bits(question, strlen(question)) % BUCKETS];
}

/* Returns 1 and *value_r (NULL: not found), or 0. */
static int recall(struct postfix_maps *maps, const char *question, char **value_r)
{
	struct answer **place, *answer;
	int known = 0;

	pthread_mutex_lock(&maps->lock);
	for (place = bucket_of(maps, question); (answer = *place) != NULL; place = &answer->next) {
		if (strcmp(answer->question, question) != 0)
			continue;
		if (answer->until > now_s()) {
			*value_r = answer->value != NULL ? xstrdup(answer->value) : NULL;
			known = 1;
		} else {
			*place = answer->next;
			maps->count--;
			free_answer(answer);
		}
		break;
	}
	pthread_mutex_unlock(&maps->lock);
	return known;
}

static void remember(struct postfix_maps *maps, const char *question, const char *value)
{
	struct answer *answer = xcalloc(1, sizeof(*answer)), **bucket;

	answer->question = xstrdup(question);
	answer->value = value != NULL ? xstrdup(value) : NULL;
	answer->until = now_s() + maps->cache_seconds;
	pthread_mutex_lock(&maps->lock);
	if (maps->count >= POSTFIX_MAPS_MAX_CACHE)
		forget_all(maps);
	bucket = bucket_of(maps, question);
	answer->next = *bucket;
	*bucket = answer;
	maps->count++;
	pthread_mutex_unlock(&maps->lock);
}

/*
 * "Not found" is exit code 1 without a complaint; a lookup that failed has the same code, and says
 * so. Only the complaint that a source file is newer changes nothing about the answer.
 */
static bool is_complaint(const char *text)
{
	while (*text != '\0') {
		size_t size = strcspn(text, "\n");
		struct span line = {text, size};
		const char harmless[] = "is older than source file";

		if (size > 0 && memmem(line.data, size, harmless, sizeof(harmless) - 1) == NULL)
			return true;
		text += size + (text[size] == '\n');
	}
	return false;
}

static const char *without_proxy(const char *map)
{
	return strncmp(map, "proxy:", 6) == 0 ? map + 6 : map;
}

static bool can_be_asked(const char *key)
{
	return key[0] != '\0' && strlen(key) <= POSTFIX_MAPS_MAX_KEY &&
	       strpbrk(key, "\r\n\t") == NULL;
}

/* The value of key in lines "key<TAB>value" (postalias: "key:<TAB>value"), or NULL. */
static char *value_of(const struct strbuf *out, const char *key)
{
	const char *line = strbuf_text(out);
	size_t size = strlen(key);

	while (*line != '\0') {
		size_t length = strcspn(line, "\n");
		const char *rest = line + size + (length > size && line[size] == ':');

		if (length > size && strncmp(line, key, size) == 0 && *rest == '\t')
			return xstrndup(rest + 1, length - (size_t)(rest + 1 - line));
		line += length + (line[length] == '\n');
	}
	return NULL;
}

/* Returns 0 and what postmap said about all keys, or -1 and *error_r. */
static int run(struct postfix_maps *maps, const char *map, const struct strbuf *keys, bool alias,
	       struct strbuf *out, char **error_r)
{
	const char *const arguments[] = {alias ? "postalias" : "postmap",
					 "-c",
					 maps->config_directory,
					 "-q",
					 "-",
					 map,
					 NULL};
	struct strbuf errors = STRBUF_INIT;
	int code = child_run(arguments, strbuf_span(keys), maps->timeout_ms, out, &errors, error_r);

	if (code > 1 || (code == 1 && is_complaint(strbuf_text(&errors)))) {
		*error_r = xasprintf("%s: %.*s", map, (int)strcspn(strbuf_text(&errors), "\n"),
				     strbuf_text(&errors));
		code = -1;
	}
	strbuf_free(&errors);
	metric_add(code < 0 ? &failed : &asked, 1);
	return code < 0 ? -1 : 0;
}

/* Returns 0, or -1: others have kept all places for as long as a lookup may take. */
static int begin_run(struct postfix_maps *maps)
{
	struct timespec until;
	int ret;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += maps->timeout_ms / 1000 + 1;
	do
		ret = sem_timedwait(&maps->runs, &until);
	while (ret < 0 && errno == EINTR);
	return ret;
}

static int ask(struct postfix_maps *maps, const char *map, const char *key, bool alias,
	       char **value_r, char **error_r)
{
	struct strbuf keys = STRBUF_INIT, out = STRBUF_INIT;
	int ret;

	strbuf_printf(&keys, "%s\n", key);
	ret = run(maps, map, &keys, alias, &out, error_r);
	*value_r = ret == 0 ? value_of(&out, key) : NULL;
	strbuf_free(&keys);
	strbuf_free(&out);
	if (ret < 0)
		return -1;
	return *value_r != NULL;
}

/* Those that are not known, a line each. */
static void find_missing(struct postfix_maps *maps, const char *map, const char *const *keys,
			 size_t count, struct strbuf *missing)
{
	strbuf_reset(missing);
	for (size_t i = 0; i < count; i++) {
		char *question = xasprintf("%s\n%s", map, keys[i]), *value = NULL;

		if (can_be_asked(keys[i]) && !recall(maps, question, &value))
			strbuf_printf(missing, "%s\n", keys[i]);
		free(question);
		free(value);
	}
}

void postfix_maps_prefetch(struct postfix_maps *maps, const char *map, const char *const *keys,
			   size_t count, bool alias)
{
	struct strbuf missing = STRBUF_INIT, out = STRBUF_INIT;
	char *error = NULL;

	map = without_proxy(map);
	find_missing(maps, map, keys, count, &missing);
	if (missing.size == 0 || begin_run(maps) < 0) {
		strbuf_free(&missing);
		return;
	}
	/* Whoever had the place may have asked the same. */
	find_missing(maps, map, keys, count, &missing);
	if (missing.size > 0 && run(maps, map, &missing, alias, &out, &error) == 0) {
		for (size_t i = 0; i < count; i++) {
			char *question = xasprintf("%s\n%s", map, keys[i]), *value = NULL;

			if (can_be_asked(keys[i]) && !recall(maps, question, &value)) {
				value = value_of(&out, keys[i]);
				remember(maps, question, value);
			}
			free(question);
			free(value);
		}
	}
	sem_post(&maps->runs);
	free(error);
	strbuf_free(&missing);
	strbuf_free(&out);
}

/* The same as postfix_maps_find(), of what was not known a moment ago. */
static int ask_in_turn(struct postfix_maps *maps, const char *map, const char *key, bool alias,
		       const char *question, char **value_r, char **error_r)
{
	int found;

	if (begin_run(maps) < 0) {
		*error_r = xasprintf("%s: too many lookups at a time", map);
		metric_add(&failed, 1);
		return -1;
	}
	if (recall(maps, question, value_r)) {
		found = *value_r != NULL;
	} else {
		found = ask(maps, map, key, alias, value_r, error_r);
		if (found >= 0)
			remember(maps, question, *value_r);
	}
	sem_post(&maps->runs);
	return found;
}

int postfix_maps_find(struct postfix_maps *maps, const char *map, const char *key, bool alias,
		      char **value_r, char **error_r)
{
	char *question;
	int found;

	*value_r = NULL;
	map = without_proxy(map);
	if (!can_be_asked(key))
		return 0;
	question = xasprintf("%s\n%s", map, key);
	if (recall(maps, question, value_r)) {
		metric_add(&cached, 1);
		found = *value_r != NULL;
	} else {
		found = ask_in_turn(maps, map, key, alias, question, value_r, error_r);
	}
	free(question);
	return found;
}
