/*
 * replay.c - gives each fuzz target its seeds, without libFuzzer: a unit test of the ordinary
 * build.
 *
 * All targets in one program; CMake compiles each with LLVMFuzzerTestOneInput named after it, and
 * lists them in FUZZ_TARGETS. A target that fails aborts, after its input was named.
 * usage: fuzz_replay SEEDS [NAME...]
 */
#include "lib/strbuf.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEED (64 * 1024 * 1024)

#define DECLARE(name) int name##_fuzz(const uint8_t *data, size_t size);
FUZZ_TARGETS(DECLARE)

#define ROW(name) {#name, name##_fuzz},
static const struct {
	const char *name;
	int (*run)(const uint8_t *data, size_t size);
} targets[] = {FUZZ_TARGETS(ROW)};

static char *read_seed(const char *path, size_t *size_r)
{
	FILE *file = fopen(path, "re");
	struct strbuf text = STRBUF_INIT;
	char block[16384];
	size_t size;

	if (file == NULL)
		return NULL;
	while ((size = fread(block, 1, sizeof(block), file)) > 0 && text.size < MAX_SEED)
		strbuf_append(&text, block, size);
	fclose(file);
	*size_r = text.size;
	return strbuf_steal(&text);
}

/* A copy of exactly its size, so that the sanitizers see each byte that is read behind it. */
static void run_exactly(size_t target, const char *text, size_t size)
{
	uint8_t *data = malloc(size > 0 ? size : 1);

	if (data == NULL)
		abort();
	memcpy(data, text, size);
	targets[target].run(data, size);
	free(data);
}

static int replay_file(size_t target, const char *path)
{
	size_t size = 0;
	char *text = read_seed(path, &size);

	if (text == NULL) {
		printf("# %s: %s\n", path, strerror(errno));
		return -1;
	}
	printf("# %s\n", path);
	run_exactly(target, text, size);
	/* Cut off in the middle, as transport does. */
	run_exactly(target, text, size / 2);
	run_exactly(target, text, 0);
	free(text);
	return 0;
}

/* The number of seeds, or -1: none, or one that cannot be read. */
static int replay(size_t target, const char *seeds)
{
	char path[4096];
	struct dirent *entry;
	DIR *folder;
	int count = 0, ret = 0;

	snprintf(path, sizeof(path), "%s/%s", seeds, targets[target].name);
	folder = opendir(path);
	if (folder == NULL) {
		printf("# %s: %s\n", path, strerror(errno));
		return -1;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", seeds, targets[target].name,
			 entry->d_name);
		if (replay_file(target, path) < 0)
			ret = -1;
		count++;
	}
	closedir(folder);
	return ret < 0 || count == 0 ? -1 : count;
}

static int is_wanted(const char *name, char **names)
{
	if (*names == NULL)
		return 1;
	for (; *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	size_t count = sizeof(targets) / sizeof(targets[0]);
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2) {
		fprintf(stderr, "usage: fuzz_replay SEEDS [NAME...]\n");
		return 64;
	}
	for (size_t i = 0; i < count; i++) {
		int seeds;

		if (!is_wanted(targets[i].name, argv + 2))
			continue;
		seeds = replay(i, argv[1]);
		failed |= seeds < 0;
		printf("%s %zu - fuzz target %s: %d seeds\n", seeds < 0 ? "not ok" : "ok", i + 1,
		       targets[i].name, seeds < 0 ? 0 : seeds);
	}
	return failed;
}
