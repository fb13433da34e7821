/*
 * store_bench_users.c - many small stores, cold and kept open.
 */
#include "store_bench.h"

#include "lib/xalloc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
	struct classifier_site *site = bench_site(folder, 1, true, "TUM");

	for (unsigned i = 0; i < users; i++) {
		char *user = user_name(i);
		struct classifier *c = bench_open(site, user);
		for (int k = 0; k < USER_MESSAGES; k++) {
			struct classifier_message *m = bench_synthetic_message(k % 2);
			bench_correct(c, CLASSIFIER_TRAIN, k % 2, NULL, m);
			classifier_message_free(&m);
		}
		classifier_close(&c);
		free(user);
	}
	classifier_site_free(&site);
}

static void users_cold(const char *folder, unsigned users, bool keep)
{
	struct classifier_site *site = bench_site(folder, keep ? USERS_OPEN : 1, false, "TUM");
	struct classifier_message *m = bench_synthetic_message(true);
	double worst = 0, sum = 0, wall = 0;
	long before = resident_kib();

	for (unsigned i = 0; i < users; i++) {
		char *user = user_name(i);
		double cpu = bench_cpu_ms(), start = bench_wall_ms();
		struct classifier *c = bench_open(site, user);
		if (keep)
			bench_process(c, m);
		else
			bench_score(c, m);
		classifier_close(&c);
		cpu = bench_cpu_ms() - cpu;
		wall += bench_wall_ms() - start;
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

void bench_users(const char *folder, unsigned users)
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
