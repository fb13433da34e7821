#include "public_rights.h"

#include "act_as.h"
#include "lib/conf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ACL_FILE     "dovecot-acl"
#define ACL_MODE     0600
#define LOCK_SECONDS 10
#define LETTERS	     "lrwstipekxa"

static int failed(const char *what, const char *path, char **error_r)
{
	*error_r = xasprintf("cannot %s %s: %s", what, path, strerror(errno));
	return -1;
}

int public_rights_check(const char *rights, char **error_r)
{
	if (*rights == '+' || *rights == '-')
		rights++;
	if (strspn(rights, LETTERS) == strlen(rights))
		return 0;
	*error_r = xasprintf("rights are letters of \"" LETTERS "\", perhaps with + or - in front, "
			     "not \"%s\"",
			     rights);
	return -1;
}

/* ---- one file ---- */

/* The letters of the line if it is that of the entry, else NULL. */
static const char *entry_letters(const char *line, const char *entry)
{
	size_t size = strlen(entry);

	if (strncmp(line, entry, size) != 0 || (line[size] != ' ' && line[size] != '\0'))
		return NULL;
	return line + size + strspn(line + size, " ");
}

/* Those of one set with, or without, those of another; in the order of LETTERS. */
static void combine(const char *old, const char *change, char *letters_r)
{
	char mode = *change;

	if (mode == '+' || mode == '-')
		change++;
	for (const char *letter = LETTERS; *letter != '\0'; letter++) {
		bool had = (mode == '+' || mode == '-') && strchr(old, *letter) != NULL;
		bool named = strchr(change, *letter) != NULL;

		if (mode == '-' ? had && !named : had || named)
			*letters_r++ = *letter;
	}
	*letters_r = '\0';
}

/* Reads what is there; all other lines go to the new file as they are. */
static int copy_others(FILE *old, FILE *new, const char *entry, char *before, size_t size)
{
	char *line = NULL;
	size_t allocated = 0;
	ssize_t length;
	int ret = 0;

	while ((length = getline(&line, &allocated, old)) > 0) {
		const char *letters;

		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		letters = entry_letters(line, entry);
		if (letters != NULL)
			snprintf(before, size, "%s", letters);
		else if (fprintf(new, "%s\n", line) < 0)
			ret = -1;
	}
	free(line);
	return feof(old) ? ret : -1; /* getline() marks no error where it has no memory */
}

struct letters {
	char before[32], after[32];
};

static int write_file(int fd, const char *path, const struct public_rights_change *change,
		      struct letters *letters, char **error_r)
{
	FILE *old = fopen(path, "re"), *new;
	int ret = 0;

	if (old == NULL && errno != ENOENT)
		return failed("read", path, error_r);
	new = fdopen(dup(fd), "w");
	if (new == NULL)
		ret = -1;
	if (ret == 0 && old != NULL)
		ret = copy_others(old, new, change->entry, letters->before,
				  sizeof(letters->before));
	combine(letters->before, change->rights, letters->after);
	if (ret == 0 && letters->after[0] != '\0' &&
	    fprintf(new, "%s %s\n", change->entry, letters->after) < 0)
		ret = -1;
	if (ret < 0 || fflush(new) != 0 || fsync(fd) < 0)
		ret = failed("write", path, error_r);
	if (new != NULL)
		fclose(new);
	if (old != NULL)
		fclose(old);
	return ret;
}

/* The lock is what the new file is written to. */
static int lock_file(const char *lock, char **error_r)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	time_t deadline = time(NULL) + LOCK_SECONDS;
	int fd;

	while ((fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, ACL_MODE)) <
	       0) {
		if (errno != EEXIST || time(NULL) > deadline)
			return failed("make", lock, error_r);
		nanosleep(&pause, NULL);
	}
	return fd;
}

static int change_file(const char *directory, const struct public_rights_change *change,
		       struct letters *letters, char **error_r)
{
	char *path = xasprintf("%s/" ACL_FILE, directory);
	char *lock = xasprintf("%s/" ACL_FILE ".lock", directory);
	int fd = lock_file(lock, error_r), ret = -1;

	memset(letters, 0, sizeof(*letters));
	if (fd >= 0) {
		ret = write_file(fd, path, change, letters, error_r);
		if (ret == 0 && rename(lock, path) < 0)
			ret = failed("replace", path, error_r);
		if (ret < 0)
			unlink(lock);
		close(fd);
	}
	free(lock);
	free(path);
	return ret;
}

/* ---- a folder, or a tree of them ---- */

/* "#Tree/Path" lies in $public_directory/Tree/Path. */
static char *folder_path(const struct conf *conf, const char *folder)
{
	return xasprintf("%s/%s", conf_text(conf, P_PUBLIC_DIRECTORY), folder + 1);
}

static bool is_maildir(const char *path)
{
	char *cur = xasprintf("%s/cur", path);
	struct stat st;
	bool ret = lstat(cur, &st) == 0 && S_ISDIR(st.st_mode);

	free(cur);
	return ret;
}

static bool is_part_of_maildir(const FTSENT *entry)
{
	return entry->fts_level > 0 &&
	       (strcmp(entry->fts_name, "cur") == 0 || strcmp(entry->fts_name, "new") == 0 ||
		strcmp(entry->fts_name, "tmp") == 0);
}

static int change_tree(FTS *tree, size_t root_size, const struct public_rights_change *change,
		       void (*changed)(void *context, const char *folder, const char *before,
				       const char *after),
		       void *context, char **error_r)
{
	struct letters letters;
	FTSENT *entry;

	while ((entry = fts_read(tree)) != NULL) {
		char *name;

		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
			errno = entry->fts_errno;
			return failed("read", entry->fts_path, error_r);
		}
		if (entry->fts_info != FTS_D)
			continue;
		if (is_part_of_maildir(entry) || (entry->fts_level > 0 && !change->below)) {
			fts_set(tree, entry, FTS_SKIP);
			continue;
		}
		if (entry->fts_level > 0 && !is_maildir(entry->fts_path))
			continue;
		if (change_file(entry->fts_path, change, &letters, error_r) < 0)
			return -1;
		name = xasprintf("#%s", entry->fts_path + root_size);
		changed(context, name, letters.before, letters.after);
		free(name);
	}
	return 0;
}

int public_rights_change(const struct conf *conf, const struct public_rights_change *change,
			 void (*changed)(void *context, const char *folder, const char *before,
					 const char *after),
			 void *context, char **error_r)
{
	char *path = folder_path(conf, change->folder), *const paths[] = {path, NULL};
	FTS *tree = NULL;
	int ret = act_as(conf_text(conf, P_MAIL_USER), error_r);

	if (ret == 0 && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		ret = failed("enter", path, error_r);
	if (ret == 0) {
		tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
		if (tree == NULL)
			ret = failed("read", path, error_r);
	}
	if (ret == 0)
		ret = change_tree(tree, strlen(conf_text(conf, P_PUBLIC_DIRECTORY)) + 1, change,
				  changed, context, error_r);
	if (tree != NULL)
		fts_close(tree);
	act_as_self();
	free(path);
	return ret;
}

int public_rights_list(const struct conf *conf, const char *folder,
		       void (*each)(void *context, const char *line), void *context, char **error_r)
{
	char *path = folder_path(conf, folder), *file = xasprintf("%s/" ACL_FILE, path),
	     *line = NULL;
	size_t allocated = 0;
	ssize_t length;
	FILE *input = NULL;
	int ret = act_as(conf_text(conf, P_MAIL_USER), error_r);

	if (ret == 0 && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		ret = failed("enter", path, error_r);
	if (ret == 0 && (input = fopen(file, "re")) == NULL && errno != ENOENT)
		ret = failed("read", file, error_r);
	act_as_self();
	while (input != NULL && (length = getline(&line, &allocated, input)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (line[0] != '\0' && line[0] != '#')
			each(context, line);
	}
	if (input != NULL && !feof(input))
		ret = failed("read", file, error_r);
	if (input != NULL)
		fclose(input);
	free(line);
	free(file);
	free(path);
	return ret;
}
