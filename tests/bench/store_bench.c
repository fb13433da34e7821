/*
 * store_bench.c - what the classifier's store costs: CPU of a message, with growth, with many
 * users, and how long a delivery waits while the dictionary is rewritten. Run by cost.sh.
 *
 * usage: store_bench cost INDEX FOLDER        a labelled archive, as for spamtrain evaluate
 *        store_bench growth FOLDER TOKENS...  synthetic mail until the dictionary holds so many
 *        store_bench users FOLDER USERS       small stores, cold
 *
 * FOLDER must not exist. Commits are synced as in production, except while stores are filled.
 */
#include "store_bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

double bench_cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

double bench_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void bench_die(const char *what, const char *error)
{
	fprintf(stderr, "store_bench: %s: %s\n", what, error != NULL ? error : "failed");
	exit(1);
}

void bench_check(enum classifier_status status, const char *what, const char *error)
{
	if (status != CLASSIFIER_OK)
		bench_die(what, error);
}

struct classifier_site *bench_site(const char *folder, size_t open_max, bool quick,
				   const char *mode)
{
	struct classifier_settings settings;
	char *error = NULL;

	classifier_settings_init(&settings);
	settings.users_directory = folder;
	settings.open_stores_max = open_max;
	settings.quick = quick;
	settings.rules = (struct dictionary_rules){0};
	if (!preferences_set(&settings.preferences, "trainingMode", mode, &error))
		bench_die(mode, error);
	return classifier_site_create(&settings);
}

struct classifier *bench_open(struct classifier_site *site, const char *user)
{
	struct classifier *c = NULL;
	char *error = NULL;

	bench_check(classifier_open(site, user, true, &c, &error), user, error);
	return c;
}

struct classifier_verdict bench_process(struct classifier *c, const struct classifier_message *m)
{
	struct classifier_verdict verdict;
	char *error = NULL;

	bench_check(classifier_process(c, m, NULL, &verdict, &error), "process", error);
	classifier_verdict_free(&verdict);
	return verdict;
}

void bench_score(struct classifier *c, const struct classifier_message *m)
{
	struct classifier_verdict verdict;
	char *error = NULL;

	bench_check(classifier_score(c, m, &verdict, &error), "score", error);
	classifier_verdict_free(&verdict);
}

void bench_correct(struct classifier *c, enum classifier_teaching teaching, bool spam,
		   const char *signature, const struct classifier_message *m)
{
	struct classifier_correction correction = {.teaching = teaching,
						   .class = spam ? STORE_SPAM : STORE_INNOCENT,
						   .signature = signature,
						   .message = m,
						   .source = "bench"};
	enum classifier_corrected corrected;
	char *error = NULL;

	bench_check(classifier_correct(c, &correction, &corrected, &error), "correct", error);
}

struct classifier_message *bench_file_message(const char *path)
{
	static char buffer[CLASSIFIER_MESSAGE_MAX];
	int fd = open(path, O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));

	if (size < 0)
		bench_die(path, "cannot be read");
	close(fd);
	return classifier_message_read((struct span){buffer, (size_t)size}, (uint64_t)size);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "cost") == 0)
		bench_cost(argv[2], argv[3]);
	else if (argc > 3 && strcmp(argv[1], "growth") == 0)
		bench_growth(argv[2], argv + 3, argc - 3);
	else if (argc == 4 && strcmp(argv[1], "users") == 0)
		bench_users(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	else
		bench_die("usage",
			  "cost INDEX FOLDER | growth FOLDER TOKENS... | users FOLDER USERS");
	return 0;
}
