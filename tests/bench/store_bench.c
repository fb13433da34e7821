/*
 * store_bench.c - what the classifier's store costs: CPU of a message, with growth, with many users,
 * and how long a delivery waits while the dictionary is rewritten. Run by cost.sh.
 *
 * usage: store_bench cost INDEX FOLDER        a labelled archive, as for spamtrain evaluate
 *        store_bench growth FOLDER TOKENS...  synthetic mail until the dictionary holds so many
 *        store_bench users FOLDER USERS       small stores, cold
 *
 * FOLDER must not exist. Commits are synced as in production, except while stores are filled.
 */
#include "schema/dictionary.h"
#include "spamtrain/classifier/classifier_internal.h"

#include "lib/xalloc.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY 86400

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what, const char *error)
{
	fprintf(stderr, "store_bench: %s: %s\n", what, error != NULL ? error : "failed");
	exit(1);
}

static void check(enum classifier_status status, const char *what, const char *error)
{
	if (status != CLASSIFIER_OK)
		die(what, error);
}

static struct classifier_site *site_make(const char *folder, size_t open_max, bool quick,
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
		die(mode, error);
	return classifier_site_create(&settings);
}

static struct classifier *user_open(struct classifier_site *site, const char *user)
{
	struct classifier *c = NULL;
	char *error = NULL;

	check(classifier_open(site, user, true, &c, &error), user, error);
	return c;
}

static struct classifier_verdict process(struct classifier *c, const struct classifier_message *m)
{
	struct classifier_verdict verdict;
	char *error = NULL;

	check(classifier_process(c, m, NULL, &verdict, &error), "process", error);
	classifier_verdict_free(&verdict);
	return verdict;
}

static void score(struct classifier *c, const struct classifier_message *m)
{
	struct classifier_verdict verdict;
	char *error = NULL;

	check(classifier_score(c, m, &verdict, &error), "score", error);
	classifier_verdict_free(&verdict);
}

static void correct(struct classifier *c, enum classifier_teaching teaching, bool spam,
		    const char *signature, const struct classifier_message *m)
{
	struct classifier_correction correction = {.teaching = teaching,
						   .class = spam ? STORE_SPAM : STORE_INNOCENT,
						   .signature = signature,
						   .message = m,
						   .source = "bench"};
	enum classifier_corrected corrected;
	char *error = NULL;

	check(classifier_correct(c, &correction, &corrected, &error), "correct", error);
}

static struct classifier_message *file_message(const char *path)
{
	static char buffer[CLASSIFIER_MESSAGE_MAX];
	int fd = open(path, O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));

	if (size < 0)
		die(path, "cannot be read");
	close(fd);
	return classifier_message_read((struct span){buffer, (size_t)size}, (uint64_t)size);
}

/* ---- cost ---- */

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
		die(path, "cannot be read");
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
	struct classifier_site *site = site_make(folder, 1, false, mode);
	const char *user = strcmp(mode, "TUM") == 0 ? "tum@example.test" : "teft@example.test";
	double cpu = cpu_ms(), wall = wall_ms();
	size_t corrections = 0;

	for (size_t i = 0; i < count; i++) {
		struct classifier_message *m = file_message(items[i].path);
		struct classifier *c = user_open(site, user);
		struct classifier_verdict v = process(c, m);
		if ((v.result == CLASSIFIER_SPAM) != items[i].spam) {
			correct(c, CLASSIFIER_CORRECT, items[i].spam, v.signature, NULL);
			corrections++;
		}
		classifier_close(&c);
		classifier_message_free(&m);
	}
	printf("process, %s           %.3f ms CPU (%.2f ms wall, synced; %zu corrections)\n", mode,
	       (cpu_ms() - cpu) / (double)count, (wall_ms() - wall) / (double)count, corrections);
	cpu = cpu_ms();
	for (size_t i = 0; i < count; i++) {
		struct classifier_message *m = file_message(items[i].path);
		struct classifier *c = user_open(site, user);
		score(c, m);
		classifier_close(&c);
		classifier_message_free(&m);
	}
	printf("classify alone, %s    %.3f ms CPU\n", mode, (cpu_ms() - cpu) / (double)count);
	classifier_site_free(&site);
}

static void cost_learn(const struct item *items, size_t count, const char *folder)
{
	struct classifier_site *site = site_make(folder, 1, false, "TEFT");
	double cpu = cpu_ms(), wall = wall_ms();

	for (size_t i = 0; i < count; i++) {
		struct classifier_message *m = file_message(items[i].path);
		struct classifier *c = user_open(site, "learn@example.test");
		correct(c, CLASSIFIER_TRAIN, items[i].spam, NULL, m);
		classifier_close(&c);
		classifier_message_free(&m);
	}
	printf("learn alone (train)     %.3f ms CPU (%.2f ms wall, synced)\n",
	       (cpu_ms() - cpu) / (double)count, (wall_ms() - wall) / (double)count);
	classifier_site_free(&site);
}

static void cost_read(const struct item *items, size_t count)
{
	double cpu = cpu_ms();
	double features = 0;

	for (size_t i = 0; i < count; i++) {
		struct classifier_message *m = file_message(items[i].path);
		features += (double)m->count;
		classifier_message_free(&m);
	}
	printf("of it, reading          %.3f ms CPU, %.0f features a message\n",
	       (cpu_ms() - cpu) / (double)count, features / (double)count);
}

static void cost(const char *index, const char *folder)
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

/* ---- synthetic mail ---- */

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

/* xorshift64*: Vigna, 2016. 0..1 */
static double random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (double)(random_state * UINT64_C(2685821657736338717) >> 11) / 9007199254740992.0;
}

#define VOCABULARY 3e6
#define WORDS	   330 /* of a message: about as many features as real mail has */

/* A word by Zipf's law: the n-th is used n times less often than the first. */
static void append_word(struct strbuf *out, bool spam)
{
	uint64_t rank = (uint64_t)exp(random_next() * log(VOCABULARY));

	/* A third of the words are told by one class only. */
	rank = rank * 3 + (rank % 3 == 0 ? (spam ? 1 : 2) : 0);
	for (uint64_t n = rank * UINT64_C(2654435761) % UINT64_C(4294967291); n > 0; n /= 26)
		strbuf_append_char(out, (char)('a' + n % 26));
	strbuf_append_char(out, ' ');
}

static struct classifier_message *synthetic_message(bool spam)
{
	static unsigned number;
	struct strbuf text = STRBUF_INIT;

	strbuf_printf(&text, "From: %s%.0f@example.%s\nTo: user@example.test\nSubject: ",
		      spam ? "seller" : "friend", random_next() * 200, spam ? "biz" : "org");
	for (int i = 0; i < 6; i++)
		append_word(&text, spam);
	strbuf_printf(&text, "\nMessage-ID: <%u.%d@example.test>\n\n", number++, getpid());
	for (int i = 0; i < WORDS; i++) {
		append_word(&text, spam);
		if (i % 11 == 10)
			strbuf_append_char(&text, '\n');
	}
	struct classifier_message *m = classifier_message_read(strbuf_span(&text), text.size);
	strbuf_free(&text);
	return m;
}

/* ---- growth ---- */

#define GROWTH_USER "grown@example.test"
#define MEASURED    2000 /* messages */
#define PURGE_EVERY 250	 /* messages: about what comes between two purges, and much more */

static void purge(struct classifier *c, time_t now)
{
	char *error = NULL;

	check(classifier_purge(c, now, &error), "purge", error);
}

static void fill(const char *folder, uint64_t tokens)
{
	struct classifier_site *site = site_make(folder, 1, true, "TEFT");
	struct classifier *c = user_open(site, GROWTH_USER);
	uint64_t have = 0;
	unsigned i = 0;

	while (have < tokens) {
		struct classifier_message *m = synthetic_message(i++ % 2);
		correct(c, CLASSIFIER_TRAIN, i % 2 == 0, NULL, m);
		classifier_message_free(&m);
		if (i % 10 != 0)
			continue;
		char *error = NULL;
		if (dictionary_refresh(c->store, &error) != STORE_OK)
			die("refresh", error);
		have = dictionary_tokens(c->store);
		if (have >= tokens) {
			/* An upper bound so far: one file of all. */
			purge(c, time(NULL));
			if (dictionary_refresh(c->store, &error) != STORE_OK)
				die("refresh", error);
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
	struct classifier_site *site = site_make(folder, 1, false, "TEFT");
	struct classifier *c = user_open(site, GROWTH_USER);
	struct growth growth = {0, 0};
	double *waits = xcalloc(MEASURED, sizeof(*waits)), purging = 0;

	for (int i = 0; i < 50; i++) { /* page cache and statements */
		struct classifier_message *m = synthetic_message(i % 2);
		score(c, m);
		classifier_message_free(&m);
	}
	for (int i = 0; i < MEASURED; i++) {
		struct classifier_message *m = synthetic_message(i % 2);
		double start = cpu_ms();
		score(c, m);
		double scored = cpu_ms();
		growth.classify += scored - start;
		double wall = wall_ms();
		process(c, m);
		waits[i] = wall_ms() - wall;
		growth.learn += cpu_ms() - scored;
		classifier_message_free(&m);
		if (i % PURGE_EVERY == PURGE_EVERY - 1) {
			start = cpu_ms();
			purge(c, time(NULL));
			purging += cpu_ms() - start;
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
	struct classifier_site *site = site_make(folder, 1, false, "TEFT");
	struct classifier *c = user_open(site, GROWTH_USER);
	char *error = NULL;
	size_t dropped;

	for (int32_t day = (int32_t)(time(NULL) / DAY) + 1;; day++) {
		struct dictionary_rules rules = {.tokens_max = 1};
		if (dictionary_refresh(c->store, &error) != STORE_OK)
			die("refresh", error);
		rules.tokens_max = dictionary_tokens(c->store) - 1;
		if (dictionary_purge(c->store, &rules, day, &dropped, &error) != STORE_OK)
			die("purge", error);
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
	struct classifier_site *site = site_make(folder, 1, false, "TEFT");
	for (int i = 0; i < MEASURED; i++) {
		struct classifier_message *m = synthetic_message(i % 2);
		double wall = wall_ms();
		struct classifier *c = user_open(site, GROWTH_USER);
		process(c, m);
		classifier_close(&c);
		waits[i] = wall_ms() - wall;
		classifier_message_free(&m);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	print_waits("delivery, while a purge rewrites", waits, MEASURED);
	free(waits);
	classifier_site_free(&site);
}

static void growth(const char *folder, char **sizes, int count)
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

/* ---- many users ---- */

#define USER_MESSAGES 30
#define USERS_OPEN    100 /* open_stores_limit */

static char *user_name(unsigned i)
{
	return xasprintf("user%u@example.test", i);
}

/* Bytes of all files; with drop, out of the page cache, after they were written. */
static uint64_t folder_walk(const char *folder, bool drop, unsigned *files)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	uint64_t sum = 0;
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char *path = xasprintf("%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.' && lstat(path, &st) == 0) {
			if (S_ISDIR(st.st_mode)) {
				sum += folder_walk(path, drop, files);
			} else {
				int fd = drop ? open(path, O_RDONLY) : -1;
				if (fd >= 0) {
					fdatasync(fd);
					posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
					close(fd);
				}
				sum += (uint64_t)st.st_blocks * 512;
				(*files)++;
			}
		}
		free(path);
	}
	if (dir != NULL)
		closedir(dir);
	return sum;
}

static long resident_kib(void)
{
	long pages = 0, ignored;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%ld %ld", &ignored, &pages) != 2)
		pages = 0;
	if (file != NULL)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static unsigned descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count - 3; /* ".", ".." and itself */
}

static void users_fill(const char *folder, unsigned users)
{
	struct classifier_site *site = site_make(folder, 1, true, "TUM");

	for (unsigned i = 0; i < users; i++) {
		char *user = user_name(i);
		struct classifier *c = user_open(site, user);
		for (int k = 0; k < USER_MESSAGES; k++) {
			struct classifier_message *m = synthetic_message(k % 2);
			correct(c, CLASSIFIER_TRAIN, k % 2, NULL, m);
			classifier_message_free(&m);
		}
		classifier_close(&c);
		free(user);
	}
	classifier_site_free(&site);
}

static void users_cold(const char *folder, unsigned users, bool keep)
{
	struct classifier_site *site = site_make(folder, keep ? USERS_OPEN : 1, false, "TUM");
	struct classifier_message *m = synthetic_message(true);
	double worst = 0, sum = 0, wall = 0;
	long before = resident_kib();

	for (unsigned i = 0; i < users; i++) {
		char *user = user_name(i);
		double cpu = cpu_ms(), start = wall_ms();
		struct classifier *c = user_open(site, user);
		if (keep)
			process(c, m);
		else
			score(c, m);
		classifier_close(&c);
		cpu = cpu_ms() - cpu;
		wall += wall_ms() - start;
		sum += cpu;
		worst = cpu > worst ? cpu : worst;
		free(user);
	}
	if (keep)
		printf("%u stores kept open: %ld KiB of memory and %u descriptors for all; deliver to "
		       "each of %u users: %.3f ms CPU\n",
		       USERS_OPEN, resident_kib() - before, descriptors(), users,
		       sum / (double)users);
	else
		printf("open, classify, close, cold: %.3f ms CPU, at most %.2f; %.2f ms wall\n",
		       sum / (double)users, worst, wall / (double)users);
	classifier_message_free(&m);
	classifier_site_free(&site);
}

static void drop_caches(const char *folder)
{
	unsigned files = 0;
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	folder_walk(folder, true, &files);
	if (fd < 0 || write(fd, "3", 1) != 1)
		printf("(cold: files dropped by posix_fadvise; folders and inodes stay)\n");
	else
		printf("(cold: all caches of the kernel dropped)\n");
	if (fd >= 0)
		close(fd);
}

static void users_all(const char *folder, unsigned users)
{
	unsigned files = 0;

	users_fill(folder, users);
	uint64_t bytes = folder_walk(folder, false, &files);
	printf("%u users, %d messages each: %llu KiB on disk and %u files a user\n", users,
	       USER_MESSAGES, (unsigned long long)bytes / users / 1024, files / users);
	drop_caches(folder);
	users_cold(folder, users, false);
	drop_caches(folder);
	users_cold(folder, users, true);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "cost") == 0)
		cost(argv[2], argv[3]);
	else if (argc > 3 && strcmp(argv[1], "growth") == 0)
		growth(argv[2], argv + 3, argc - 3);
	else if (argc == 4 && strcmp(argv[1], "users") == 0)
		users_all(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	else
		die("usage", "cost INDEX FOLDER | growth FOLDER TOKENS... | users FOLDER USERS");
	return 0;
}
