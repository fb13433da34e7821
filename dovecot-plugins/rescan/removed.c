#include "removed.h"

#include "lib/address.h"
#include "lib/file.h"
#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COPY_SIZE 65536

int removed_prepare(const char *directory, const char *mail_user, char **error_r)
{
	const struct passwd *account;

	if (mkdir(directory, 0700) < 0) {
		if (errno == EEXIST)
			return 0;
		*error_r = xasprintf("cannot make %s: %s", directory, strerror(errno));
		return -1;
	}
	account = getpwnam(mail_user);
	if (account == NULL || chown(directory, account->pw_uid, account->pw_gid) < 0) {
		*error_r = xasprintf("cannot give %s to %s", directory, mail_user);
		rmdir(directory);
		return -1;
	}
	return 0;
}

static bool copy_all(int from, int to)
{
	char *buffer = xmalloc(COPY_SIZE);
	off_t offset = 0;
	ssize_t size;

	while ((size = pread(from, buffer, COPY_SIZE, offset)) > 0) {
		if (file_write_all(to, (struct span){buffer, (size_t)size}) < 0) {
			size = -1;
			break;
		}
		offset += size;
	}
	free(buffer);
	return size == 0;
}

/* One file, on disk; either head or what fd holds. Returns 0, or an errno. */
static int write_file(int folder, const char *name, struct span head, int fd)
{
	int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int problem = 0;

	if (file < 0)
		return errno;
	if (file_write_all(file, head) < 0 || (fd >= 0 && !copy_all(fd, file)) || fsync(file) < 0)
		problem = errno != 0 ? errno : EIO;
	if (close(file) < 0 && problem == 0)
		problem = errno;
	if (problem != 0)
		unlinkat(folder, name, 0);
	return problem;
}

static void describe(struct strbuf *out, const struct removed_message *message)
{
	char number[24];

	packet_put(out, "user", message->user);
	packet_put(out, "mailbox", message->mailbox);
	snprintf(number, sizeof(number), "%u", (unsigned)message->uid);
	packet_put(out, "uid", number);
	packet_put(out, "signature", message->signature);
	packet_put(out, "database", message->database);
	snprintf(number, sizeof(number), "%lld", (long long)time(NULL));
	packet_put(out, "time", number);
}

/* *name_r: of the message's file. Returns 0, or an errno. */
static int write_pair(int folder, const struct removed_message *message, int fd, char **name_r)
{
	static unsigned sequence;
	struct strbuf text = STRBUF_INIT;
	struct timespec now;
	char *base, *about, *name;
	int problem;

	clock_gettime(CLOCK_REALTIME, &now);
	base = xasprintf("%lld%06ld.%ld.%u", (long long)now.tv_sec, now.tv_nsec / 1000,
			 (long)getpid(), sequence++);
	about = xasprintf("%s.txt", base);
	name = xasprintf("%s.eml", base);
	describe(&text, message);
	problem = write_file(folder, about, strbuf_span(&text), -1);
	if (problem == 0)
		problem = write_file(folder, name, (struct span){NULL, 0}, fd);
	if (problem == 0 && fsync(folder) < 0)
		problem = errno;
	strbuf_free(&text);
	free(about);
	free(base);
	if (problem == 0)
		*name_r = name;
	else
		free(name);
	return problem;
}

/* A new folder must be in its parent on disk too. */
static int open_user_folder(const char *directory, const char *path)
{
	if (mkdir(path, 0700) < 0) {
		if (errno != EEXIST)
			return -1;
	} else if (file_sync_directory(directory) < 0) {
		return -1;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int removed_save(const char *directory, const struct removed_message *message, int fd,
		 char **path_r, char **error_r)
{
	struct strbuf path = STRBUF_INIT;
	int folder, problem;
	char *name = NULL;

	strbuf_printf(&path, "%s/", directory);
	address_escape(&path, span_of(message->user));
	folder = open_user_folder(directory, strbuf_text(&path));
	problem = folder < 0 ? errno : write_pair(folder, message, fd, &name);
	if (folder >= 0)
		close(folder);
	if (problem == 0) {
		*path_r = xasprintf("%s/%s", strbuf_text(&path), name);
		free(name);
	} else {
		*error_r = xasprintf("cannot keep it in %s: %s", strbuf_text(&path),
				     strerror(problem));
	}
	strbuf_free(&path);
	return problem == 0 ? 0 : -1;
}

/* ---- what is too old ---- */

static int expire_folder(int parent, const char *name, time_t before, uint64_t *count)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat file;

	if (folder == NULL) {
		int problem = errno;
		if (fd >= 0)
			close(fd);
		errno = problem;
		return problem == ENOTDIR || problem == ENOENT ? 0 : -1;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    fstatat(fd, entry->d_name, &file, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(file.st_mode) || file.st_mtime >= before)
			continue;
		if (unlinkat(fd, entry->d_name, 0) == 0)
			(*count)++;
	}
	closedir(folder);
	/* fails as long as something is in it */
	(void)unlinkat(parent, name, AT_REMOVEDIR);
	return 0;
}

int removed_expire(const char *directory, int64_t retention, uint64_t *count_r, char **error_r)
{
	DIR *folder = opendir(directory);
	const struct dirent *entry;
	time_t before = time(NULL) - retention;
	int ret = 0;

	*count_r = 0;
	if (folder == NULL) {
		if (errno == ENOENT)
			return 0;
		*error_r = xasprintf("cannot read %s: %s", directory, strerror(errno));
		return -1;
	}
	int parent = dirfd(folder);
	while (ret == 0 && parent >= 0 && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] != '.')
			ret = expire_folder(parent, entry->d_name, before, count_r);
		if (ret < 0)
			*error_r = xasprintf("cannot read %s/%s: %s", directory, entry->d_name,
					     strerror(errno));
	}
	closedir(folder);
	return ret;
}
