/*
 * store_bench_growth.c - one user's dictionary as it grows, and deliveries while it is rewritten.
 */
#include "store_bench.h"

#include "lib/xalloc.h"
#include "schema/dictionary.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GROWTH_USER "grown@example.test"
#define MEASURED    2000  /* messages */
#define DAY	    86400 /* seconds */
#define PURGE_EVERY 250	  /* messages: about what comes between two purges, and much more */

static void purge(struct classifier *c, time_t now)
{
	char *error = NULL;

	bench_check(classifier_purge(c, now, &error), "purge", error);
}

static void fill(const char *folder, uint64_t tokens)
{
	struct classifier_site *site = bench_site(folder, 1, true, "TEFT");
	struct classifier *c = bench_open(site, GROWTH_USER);
	uint64_t have = 0;
	unsigned i = 0;

	while (have < tokens) {
		struct classifier_message *m = bench_synthetic_message(i++ % 2);
		bench_correct(c, CLASSIFIER_TRAIN, i % 2 == 0, NULL, m);
		classifier_message_free(&m);
		if (i % 10 != 0)
			continue;
		char *error = NULL;
		if (dictionary_refresh(c->store, &error) != STORE_OK)
			bench_die("refresh", error);
		have = dictionary_tokens(c->store);
		if (have >= tokens) {
			/* An upper bound so far: one file of all. */
			purge(c, time(NULL));
			if (dictionary_refresh(c->store, &error) != STORE_OK)
				bench_die("refresh", error);
			have = dictionary_tokens(c->store);
		}
	}
	classifier_close(&c);
	classifier_site_free(&site);
	printf("%9llu tokens: %u messages taught\n", (unsigned long long)have, i);
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_waits(const char *what, double *waits, size_t count)
{
	qsort(waits, count, sizeof(*waits), compare_double);
	printf("  %-34s p50 %.2f ms, p99 %.2f ms, longest %.1f ms (wall, %zu deliveries)\n", what,
	       waits[count / 2], waits[count * 99 / 100], waits[count - 1], count);
}

struct growth {
	double classify, learn;
};

static struct growth measure(const char *folder)
{
	struct classifier_site *site = bench_site(folder, 1, false, "TEFT");
	struct classifier *c = bench_open(site, GROWTH_USER);
	struct growth growth = {0, 0};
	double *waits = xcalloc(MEASURED, sizeof(*waits)), purging = 0;

	for (int i = 0; i < 50; i++) { /* page cache and statements */
		struct classifier_message *m = bench_synthetic_message(i % 2);
		bench_score(c, m);
		classifier_message_free(&m);
	}
	for (int i = 0; i < MEASURED; i++) {
		struct classifier_message *m = bench_synthetic_message(i % 2);
		double start = bench_cpu_ms();
		bench_score(c, m);
		double scored = bench_cpu_ms();
		growth.classify += scored - start;
		double wall = bench_wall_ms();
		bench_process(c, m);
		waits[i] = bench_wall_ms() - wall;
		growth.learn += bench_cpu_ms() - scored;
		classifier_message_free(&m);
		if (i % PURGE_EVERY == PURGE_EVERY - 1) {
			start = bench_cpu_ms();
			purge(c, time(NULL));
			purging += bench_cpu_ms() - start;
		}
	}
	growth.classify /= MEASURED;
	growth.learn = (growth.learn + purging) / MEASURED;
	printf("  score %.3f ms CPU, process and learn %.3f ms CPU (of it %.3f in the purger)\n",
	       growth.classify, growth.learn, purging / MEASURED);
	print_waits("delivery, alone", waits, MEASURED);
	free(waits);
	classifier_close(&c);
	classifier_site_free(&site);
	return growth;
}

/* Rewrites the whole dictionary again and again, until killed. */
static void purge_forever(const char *folder)
{
	struct classifier_site *site = bench_site(folder, 1, false, "TEFT");
	struct classifier *c = bench_open(site, GROWTH_USER);
	char *error = NULL;
	size_t dropped;

	for (int32_t day = (int32_t)(time(NULL) / DAY) + 1;; day++) {
		struct dictionary_rules rules = {.tokens_max = 1};
		if (dictionary_refresh(c->store, &error) != STORE_OK)
			bench_die("refresh", error);
		rules.tokens_max = dictionary_tokens(c->store) - 1;
		if (dictionary_purge(c->store, &rules, day, &dropped, &error) != STORE_OK)
			bench_die("purge", error);
		fprintf(stderr, "  (purged: %zu tokens dropped)\n", dropped);
	}
}

static void measure_beside_purge(const char *folder)
{
	double *waits = xcalloc(MEASURED, sizeof(*waits));
	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0)
		purge_forever(folder);
	struct classifier_site *site = bench_site(folder, 1, false, "TEFT");
	for (int i = 0; i < MEASURED; i++) {
		struct classifier_message *m = bench_synthetic_message(i % 2);
		double wall = bench_wall_ms();
		struct classifier *c = bench_open(site, GROWTH_USER);
		bench_process(c, m);
		classifier_close(&c);
		waits[i] = bench_wall_ms() - wall;
		classifier_message_free(&m);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	print_waits("delivery, while a purge rewrites", waits, MEASURED);
	free(waits);
	classifier_site_free(&site);
}

void bench_growth(const char *folder, char **sizes, int count)
{
	struct growth first = {0, 0};

	for (int i = 0; i < count; i++) {
		char *sub = xasprintf("%s/%s", folder, sizes[i]);
		mkdir(folder, 0700);
		fill(sub, strtoull(sizes[i], NULL, 10));
		struct growth now = measure(sub);
		if (i == 0)
			first = now;
		else
			printf("  against the first: score %.2f, process and learn %.2f times\n",
			       now.classify / first.classify, now.learn / first.learn);
		measure_beside_purge(sub);
		free(sub);
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("largest resident set %ld KiB, mapped snapshots included\n", usage.ru_maxrss);
}
