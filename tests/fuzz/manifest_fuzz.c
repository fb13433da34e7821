/*
 * libFuzzer: the manifest of a backup. What is taken names only what lies below a place, and reads
 * the same when it is written again.
 */
#include "admin/backup_manifest.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_path(const char *path)
{
	require(path[0] != '/' && path[0] != '\0');
	for (const char *level = path; level != NULL; level = strchr(level, '/')) {
		level += *level == '/';
		size_t length = strcspn(level, "/");
		require(length > 0 && strncmp(level, "../", length + 1) != 0);
		require(strcmp(level, "..") != 0 && strcmp(level, ".") != 0);
	}
}

static void write_again(int folder, const struct manifest *manifest)
{
	struct manifest again;
	char *error = NULL;
	struct manifest_writer *writer = manifest_writer_open(folder, "again", manifest->taken);

	require(writer != NULL);
	for (size_t i = 0; i < manifest->count; i++)
		manifest_write(writer, &manifest->list[i]);
	require(manifest_writer_close(&writer, true) == 0);
	require(manifest_load(&again, folder, "again", false, &error) == 0);
	require(again.count == manifest->count && again.taken == manifest->taken);
	for (size_t i = 0; i < manifest->count; i++) {
		require(strcmp(again.list[i].path, manifest->list[i].path) == 0);
		require(again.list[i].size == manifest->list[i].size);
		require(again.list[i].mode == manifest->list[i].mode);
	}
	manifest_free(&again);
}

static char path[] = "/dev/shm/manifest_fuzz.XXXXXX";

static void folder_remove(void)
{
	rmdir(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int folder = -1;
	struct manifest manifest;
	char *error = NULL;

	if (folder < 0) {
		require(mkdtemp(path) != NULL && atexit(folder_remove) == 0);
		folder = open(path, O_RDONLY | O_DIRECTORY);
		require(folder >= 0);
	}
	int fd = openat(folder, "manifest", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	for (int unfinished = 0; unfinished < 2; unfinished++) {
		if (manifest_load(&manifest, folder, "manifest", unfinished != 0, &error) < 0) {
			require(error != NULL);
			free(error);
			error = NULL;
			continue;
		}
		for (size_t i = 0; i < manifest.count; i++) {
			check_path(manifest.list[i].path);
			require(manifest_find(&manifest, manifest.list[i].path) != NULL);
			require(manifest_user_end(&manifest, i) > i);
		}
		write_again(folder, &manifest);
		manifest_free(&manifest);
	}
	unlinkat(folder, "manifest", 0);
	unlinkat(folder, "again", 0);
	return 0;
}
