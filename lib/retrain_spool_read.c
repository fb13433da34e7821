/*
 * retrain_spool_read.c - the reader's side of the spool, and its folders.
 */
#include "retrain_spool.h"

#include "file.h"
#include "xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PARENT_MODE	0755
#define SPOOL_MODE	0750 /* group: the mail processes */
#define SHARED_MODE	0770
#define PRIVATE_MODE	0700
#define MAX_SIZE_TEXT	8
#define MAX_TIME_DIGITS 12

static bool read_class(const char *text, enum retrain_class *class_r)
{
	for (enum retrain_class class = RETRAIN_INNOCENT; class <= RETRAIN_NONE; class ++) {
		if (strcmp(text, retrain_class_name(class)) == 0) {
			*class_r = class;
			return true;
		}
	}
	return false;
}

/* "" is 0. */
static bool read_time(const char *text, time_t *time_r)
{
	size_t digits = strspn(text, "0123456789");

	*time_r = (time_t)strtoll(text, NULL, 10);
	return text[digits] == '\0' && digits <= MAX_TIME_DIGITS;
}

/* Returns what is wrong, or NULL. */
static const char *take_entry(struct retrain_file *file, size_t message_size)
{
	const struct packet *packet = &file->packet;
	const char *size = packet_text(packet, "size");
	enum retrain_class class;
	size_t digits = strspn(size, "0123456789");

	for (size_t i = 0; i < packet->count; i++) {
		if (strlen(packet->attributes[i].value) > RETRAIN_SPOOL_MAX_TEXT)
			return "a value is too long";
	}
	if (!read_class(packet_text(packet, "class"), &class))
		return "class is neither spam nor innocent nor none";
	if (digits == 0 || digits > MAX_SIZE_TEXT || size[digits] != '\0' ||
	    strtoul(size, NULL, 10) != message_size)
		return "size is not that of the message";
	if (message_size > RETRAIN_SPOOL_MAX_MESSAGE)
		return "the message is too large";
	file->entry = (struct retrain_entry){
		.user = packet_text(packet, "user"),
		.class = class,
		.signature = packet_text(packet, "signature"),
		.source = packet_text(packet, "source"),
		.mailbox = packet_text(packet, "mailbox"),
	};
	if (!read_time(packet_text(packet, "accepted"), &file->entry.accepted))
		return "accepted is no time";
	if (file->entry.user[0] == '\0')
		return "no user";
	if (file->entry.signature[0] == '\0' && message_size == 0)
		return "neither signature nor message";
	return NULL;
}

enum retrain_status retrain_file_parse(struct retrain_file *file_r, struct span content,
				       char **error_r)
{
	const char *problem;
	size_t size;

	*file_r = (struct retrain_file){0};
	if (packet_parse(&file_r->packet, content, &size, error_r) < 0)
		return RETRAIN_MALFORMED;
	file_r->message = span_from(content, size);
	problem = take_entry(file_r, file_r->message.size);
	if (problem == NULL)
		return RETRAIN_OK;
	*error_r = xstrdup(problem);
	retrain_file_free(file_r);
	return RETRAIN_MALFORMED;
}

void retrain_file_free(struct retrain_file *file)
{
	packet_free(&file->packet);
	free(file->bytes);
	*file = (struct retrain_file){0};
}

static int is_waiting(const struct dirent *entry)
{
	return retrain_spool_is_name(entry->d_name);
}

/* Digits have the same order in every locale, but not through strcoll(): no alphasort(). */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int retrain_spool_list(const char *spool, char ***names_r, size_t *count_r, char **error_r)
{
	char *folder = xasprintf("%s/new", spool);
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_waiting, by_name);

	if (count < 0) {
		*error_r = xasprintf("cannot read %s: %s", folder, strerror(errno));
		free(folder);
		return -1;
	}
	free(folder);
	*names_r = xcalloc((size_t)count + 1, sizeof(**names_r));
	*count_r = 0;
	for (int i = 0; i < count; i++) {
		if (*count_r < RETRAIN_SPOOL_MAX_FILES)
			(*names_r)[(*count_r)++] = xstrdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

void retrain_names_free(char **names)
{
	for (char **name = names; name != NULL && *name != NULL; name++)
		free(*name);
	free(names);
}

static char *read_all(int fd, size_t size, struct span *content_r)
{
	char *bytes = xmalloc(size);
	size_t used = 0;

	while (used < size) {
		ssize_t more = read(fd, bytes + used, size - used);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0) {
			free(bytes);
			return NULL;
		}
		if (more == 0)
			break;
		used += (size_t)more;
	}
	*content_r = (struct span){bytes, used};
	return bytes;
}

static enum retrain_status read_file(int fd, struct retrain_file *file_r, char **error_r)
{
	enum retrain_status status;
	struct stat file;
	struct span content;
	char *bytes;

	if (fstat(fd, &file) < 0) {
		*error_r = xstrdup(strerror(errno));
		return RETRAIN_ERROR;
	}
	if (!S_ISREG(file.st_mode) || file.st_size > RETRAIN_SPOOL_MAX_FILE) {
		*error_r = xstrdup("not a regular file, or too large");
		return RETRAIN_MALFORMED;
	}
	bytes = read_all(fd, (size_t)file.st_size, &content);
	if (bytes == NULL) {
		*error_r = xstrdup(strerror(errno));
		return RETRAIN_ERROR;
	}
	status = retrain_file_parse(file_r, content, error_r);
	if (status == RETRAIN_OK)
		file_r->bytes = bytes;
	else
		free(bytes);
	return status;
}

enum retrain_status retrain_spool_read(const char *spool, const char *name,
				       struct retrain_file *file_r, char **error_r)
{
	char *path = xasprintf("%s/new/%s", spool, name);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	enum retrain_status status;

	free(path);
	if (fd < 0 && errno == ENOENT)
		return RETRAIN_GONE;
	if (fd < 0) {
		status = errno == ELOOP ? RETRAIN_MALFORMED : RETRAIN_ERROR;
		*error_r = xstrdup(strerror(errno));
		return status;
	}
	status = read_file(fd, file_r, error_r);
	close(fd);
	return status;
}

int retrain_spool_delete(const char *spool, const char *name, char **error_r)
{
	char *path = xasprintf("%s/new/%s", spool, name);
	int ret = unlink(path);

	if (ret < 0 && errno == ENOENT)
		ret = 0;
	if (ret < 0)
		*error_r = xasprintf("cannot remove %s: %s", path, strerror(errno));
	free(path);
	return ret;
}

int retrain_spool_refuse(const char *spool, const char *name, char **error_r)
{
	char *path = xasprintf("%s/new/%s", spool, name);
	char *bad = xasprintf("%s/bad/%s", spool, name);
	int ret = rename(path, bad);

	if (ret < 0)
		*error_r = xasprintf("cannot rename %s to %s: %s", path, bad, strerror(errno));
	free(bad);
	free(path);
	return ret;
}

/* ---- the folders ---- */

/* By descriptor, never through a link: root works in a folder that belongs to somebody else. */
static int own_folder(int fd, mode_t mode, unsigned uid, unsigned gid)
{
	if (geteuid() == 0 && fchown(fd, uid, gid) < 0)
		return -1;
	return fchmod(fd, mode);
}

/* Returns the folder's descriptor, or -1 with errno. */
static int make_folder(int parent, const char *name, mode_t mode, unsigned uid, unsigned gid)
{
	bool made = mkdirat(parent, name, mode) == 0;
	int fd, saved;

	if (!made && errno != EEXIST)
		return -1;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (made || geteuid() == 0) && own_folder(fd, mode, uid, gid) < 0) {
		saved = errno;
		close(fd);
		errno = saved;
		fd = -1;
	}
	return fd;
}

static int make_parents(const char *path, unsigned uid, unsigned gid)
{
	char *copy = xstrdup(path);
	int ret = 0;

	for (char *slash = strchr(copy + 1, '/'); slash != NULL && ret == 0;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, PARENT_MODE) == 0)
			ret = geteuid() == 0 ? lchown(copy, uid, gid) : 0;
		else if (errno != EEXIST)
			ret = -1;
		*slash = '/';
	}
	free(copy);
	return ret;
}

int retrain_spool_prepare(const char *spool, unsigned uid, unsigned gid, char **error_r)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"new", SHARED_MODE}, {"bad", PRIVATE_MODE}, {"tmp", SHARED_MODE}};
	int parent = -1, fd = -1;

	if (make_parents(spool, uid, gid) == 0)
		parent = make_folder(AT_FDCWD, spool, SPOOL_MODE, uid, gid);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && parent >= 0; i++) {
		if (fd >= 0)
			close(fd);
		fd = make_folder(parent, folders[i].name, folders[i].mode, uid, gid);
		if (fd < 0)
			break;
	}
	if (fd < 0)
		*error_r = xasprintf("cannot make %s with new, bad and tmp: %s", spool,
				     strerror(errno));
	else
		close(fd);
	if (parent >= 0)
		close(parent);
	return fd < 0 ? -1 : 0;
}

static void clean_folder(const char *spool, const char *name, time_t before)
{
	char *path = xasprintf("%s/%s", spool, name);
	DIR *directory = opendir(path);
	const struct dirent *entry;
	struct stat file;

	free(path);
	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL) {
		if (fstatat(dirfd(directory), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(file.st_mode) && file.st_mtime < before)
			unlinkat(dirfd(directory), entry->d_name, 0);
	}
	closedir(directory);
}

void retrain_spool_clean(const char *spool)
{
	time_t now = time(NULL);

	clean_folder(spool, "tmp", now - RETRAIN_SPOOL_TMP_AGE);
	clean_folder(spool, "bad", now - RETRAIN_SPOOL_BAD_AGE);
}
