#include "public_folder.h"

#include "act_as.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER_MODE 0700

static int failed(const char *what, const char *path, char **error_r)
{
	*error_r = xasprintf("cannot %s %s: %s", what, path, strerror(errno));
	return -1;
}

static int make_directory(const char *path, char **error_r)
{
	if (mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST)
		return 0;
	return failed("make folder", path, error_r);
}

/* Makes $public_directory, the mail user's, if need be; then works as that user. */
static int enter(const struct conf *conf, char **error_r)
{
	const char *user = conf_text(conf, P_MAIL_USER),
		   *root = conf_text(conf, P_PUBLIC_DIRECTORY);
	const struct passwd *passwd = getpwnam(user);

	if (mkdir(root, FOLDER_MODE) < 0) {
		if (errno != EEXIST)
			return failed("make folder", root, error_r);
	} else if (geteuid() == 0 && passwd != NULL &&
		   lchown(root, passwd->pw_uid, passwd->pw_gid) < 0) {
		return failed("give away", root, error_r);
	}
	return act_as(user, error_r);
}

/* "#Tree/Path" lies in $public_directory/Tree/Path. */
static char *folder_path(const struct conf *conf, const char *folder)
{
	return xasprintf("%s/%s", conf_text(conf, P_PUBLIC_DIRECTORY), folder + 1);
}

static int make_maildir(const char *path, char **error_r)
{
	static const char *const parts[] = {"tmp", "new", "cur"};
	int ret = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && ret == 0; i++) {
		char *part = xasprintf("%s/%s", path, parts[i]);

		ret = make_directory(part, error_r);
		free(part);
	}
	return ret;
}

/* The tree itself is only a container; every level below it is a mailbox. */
static int make_levels(char *path, size_t tree_size, char **error_r)
{
	int ret = 0;

	for (size_t end = tree_size; ret == 0; end++) {
		char saved;

		end += strcspn(path + end, "/");
		saved = path[end];
		path[end] = '\0';
		ret = make_directory(path, error_r);
		if (ret == 0 && end > tree_size)
			ret = make_maildir(path, error_r);
		path[end] = saved;
		if (saved == '\0')
			break;
	}
	return ret;
}

int public_folder_make(const struct conf *conf, const char *folder, char **error_r)
{
	char *path = folder_path(conf, folder);
	size_t tree_size = strlen(path) - strlen(folder) + 1 + strcspn(folder + 1, "/");
	int ret = enter(conf, error_r);

	if (ret == 0)
		ret = make_levels(path, tree_size, error_r);
	act_as_self();
	free(path);
	return ret;
}

/* /.deleted/20261122T170000Z-Tree.Path: one name, however deep it was. */
static char *retired_path(const struct conf *conf, const char *folder)
{
	char when[32], *name = xstrdup(folder + 1), *place;
	time_t now = time(NULL);
	struct tm tm;

	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	for (char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash, '/'))
		*slash = '.';
	place = xasprintf("%s/.deleted/%s-%s", conf_text(conf, P_PUBLIC_DIRECTORY), when, name);
	free(name);
	return place;
}

static int move_away(const struct conf *conf, const char *path, const char *place, char **error_r)
{
	char *bin = xasprintf("%s/.deleted", conf_text(conf, P_PUBLIC_DIRECTORY));
	int ret = make_directory(bin, error_r);

	free(bin);
	if (ret < 0)
		return -1;
	if (renameat2(AT_FDCWD, path, AT_FDCWD, place, RENAME_NOREPLACE) < 0)
		return errno == ENOENT ? 1 : failed("move away", path, error_r);
	return 0;
}

int public_folder_retire(const struct conf *conf, const char *folder, char **place_r,
			 char **error_r)
{
	char *path = folder_path(conf, folder), *place = retired_path(conf, folder);
	int ret = enter(conf, error_r);

	*place_r = NULL;
	if (ret == 0)
		ret = move_away(conf, path, place, error_r);
	act_as_self();
	free(path);
	if (ret != 0) {
		free(place);
		return ret < 0 ? -1 : 0;
	}
	*place_r = place;
	return 0;
}
