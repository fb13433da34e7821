#include "folder.h"

#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define WALK_DEPTH 16

int folder_make(const char *path, mode_t mode, const char *user, char **error_r)
{
	const struct passwd *entry = user != NULL ? getpwnam(user) : NULL;
	int fd, ret = 0;

	if (mkdir(path, mode) < 0 && errno != EEXIST) {
		*error_r = xasprintf("cannot make %s: %s", path, strerror(errno));
		return -1;
	}
	if (geteuid() != 0 || entry == NULL)
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, entry->pw_uid, entry->pw_gid) < 0) {
		*error_r = xasprintf("cannot give %s to %s: %s", path, user, strerror(errno));
		ret = -1;
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	/* Goes on after a failure: the rest can still be removed. */
	(void)remove(path);
	return 0;
}

static int remove_entry_below(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level == 0 ? 0 : remove_entry(path, st, type, ftw);
}

void folder_remove(const char *path)
{
	(void)nftw(path, remove_entry, WALK_DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void folder_empty(const char *path)
{
	(void)nftw(path, remove_entry_below, WALK_DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static uint64_t entry_fingerprint(const char *name, const struct stat *st)
{
	char *text = xasprintf("%s %lld %lld.%09ld %llu", name, (long long)st->st_size,
			       (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
			       (unsigned long long)st->st_ino);
	uint64_t hash = XXH3_64bits(text, strlen(text));

	free(text);
	return hash;
}

static bool counts(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && (dot == NULL || strcmp(dot, ".dat") != 0);
}

int folder_fingerprint(const char *path, uint64_t *fingerprint_r, time_t *newest_r, char **error_r)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	struct stat st;

	if (folder == NULL) {
		*error_r = xasprintf("cannot read %s: %s", path, strerror(errno));
		return -1;
	}
	*fingerprint_r = 0;
	*newest_r = 0;
	/* A sum, as readdir() has no order. */
	while ((entry = readdir(folder)) != NULL) {
		if (!counts(entry->d_name) || fstatat(dirfd(folder), entry->d_name, &st, 0) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		*fingerprint_r += entry_fingerprint(entry->d_name, &st);
		if (st.st_mtim.tv_sec > *newest_r)
			*newest_r = st.st_mtim.tv_sec;
	}
	closedir(folder);
	return 0;
}
