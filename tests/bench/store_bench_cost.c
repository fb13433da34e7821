/*
 * store_bench_cost.c - CPU of a message of a labelled archive.
 */
#include "store_bench.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

struct item {
	char *path;
	bool spam;
};

static struct item *index_read(const char *path, size_t *count_r)
{
	FILE *file = fopen(path, "r");
	struct item *list = NULL;
	char *line = NULL;
	size_t capacity = 0;

	if (file == NULL)
		bench_die(path, "cannot be read");
	*count_r = 0;
	while (getline(&line, &capacity, file) > 0) {
		char *tab = strchr(line, '\t');
		if (tab == NULL)
			continue;
		line[strcspn(line, "\n")] = '\0';
		list = xrealloc(list, (*count_r + 1) * sizeof(*list));
		list[(*count_r)++] = (struct item){xstrdup(tab + 1), line[0] == 's'};
	}
	free(line);
	fclose(file);
	return list;
}

static void cost_process(const struct item *items, size_t count, const char *folder,
			 const char *mode)
{
	struct classifier_site *site = bench_site(folder, 1, false, mode);
	const char *user = strcmp(mode, "TUM") == 0 ? "tum@example.test" : "teft@example.test";
	double cpu = bench_cpu_ms(), wall = bench_wall_ms();
	size_t corrections = 0;

	for (size_t i = 0; i < count; i++) {
		struct classifier_message *m = bench_file_message(items[i].path);
		struct classifier *c = bench_open(site, user);
		struct classifier_verdict v = bench_process(c, m);
		if ((v.result == CLASSIFIER_SPAM) != items[i].spam) {
			bench_correct(c, CLASSIFIER_CORRECT, items[i].spam, v.signature, NULL);
			corrections++;
		}
		classifier_close(&c);
		classifier_message_free(&m);
	}
	printf("process, %s           %.3f ms CPU (%.2f ms wall, synced; %zu corrections)\n", mode,
	       (bench_cpu_ms() - cpu) / (double)count, (bench_wall_ms() - wall) / (double)count,
	       corrections);
	cpu = bench_cpu_ms();
	for (size_t i = 0; i < count; i++) {
		struct classifier_message *m = bench_file_message(items[i].path);
		struct classifier *c = bench_open(site, user);
		bench_score(c, m);
		classifier_close(&c);
		classifier_message_free(&m);
	}
	printf("classify alone, %s    %.3f ms CPU\n", mode, (bench_cpu_ms() - cpu) / (double)count);
	classifier_site_free(&site);
}

static void cost_learn(const struct item *items, size_t count, const char *folder)
{
	struct classifier_site *site = bench_site(folder, 1, false, "TEFT");
	double cpu = bench_cpu_ms(), wall = bench_wall_ms();

	for (size_t i = 0; i < count; i++) {
		struct classifier_message *m = bench_file_message(items[i].path);
		struct classifier *c = bench_open(site, "learn@example.test");
		bench_correct(c, CLASSIFIER_TRAIN, items[i].spam, NULL, m);
		classifier_close(&c);
		classifier_message_free(&m);
	}
	printf("learn alone (train)     %.3f ms CPU (%.2f ms wall, synced)\n",
	       (bench_cpu_ms() - cpu) / (double)count, (bench_wall_ms() - wall) / (double)count);
	classifier_site_free(&site);
}

static void cost_read(const struct item *items, size_t count)
{
	double cpu = bench_cpu_ms();
	double features = 0;

	for (size_t i = 0; i < count; i++) {
		struct classifier_message *m = bench_file_message(items[i].path);
		features += (double)m->count;
		classifier_message_free(&m);
	}
	printf("of it, reading          %.3f ms CPU, %.0f features a message\n",
	       (bench_cpu_ms() - cpu) / (double)count, features / (double)count);
}

void bench_cost(const char *index, const char *folder)
{
	size_t count;
	struct item *items = index_read(index, &count);

	cost_process(items, count, folder, "TUM");
	cost_process(items, count, folder, "TEFT");
	cost_learn(items, count, folder);
	cost_read(items, count);
	for (size_t i = 0; i < count; i++)
		free(items[i].path);
	free(items);
}
