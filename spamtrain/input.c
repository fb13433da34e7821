/*
 * input.c - messages from files, mboxes, Maildirs and folders of these.
 */
#include "spamtrain/command.h"

#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define READ_MAX    (CLASSIFIER_MESSAGE_MAX + 65536) /* bytes of one message that are read */
#define MAILBOX_MAX ((off_t)1 << 30)		     /* bytes of one file */
#define DEPTH_MAX   16				     /* folders in folders */

int file_open_as_root(const char *path, int flags)
{
	uid_t user = geteuid();
	bool switched = user != 0 && getuid() == 0 && seteuid(0) == 0;
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int saved = errno;

	if (switched && seteuid(user) != 0)
		abort();
	errno = saved;
	return fd;
}

static int read_fd(int fd, struct strbuf *out)
{
	ssize_t n = 1;

	while (n > 0 && out->size < READ_MAX) {
		strbuf_reserve(out, 65536);
		n = read(fd, out->data + out->size, 65536);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			out->size += (size_t)n;
	}
	return n < 0 ? -1 : 0;
}

int message_file_read(const char *path, struct strbuf *out)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : file_open_as_root(path, O_RDONLY);
	int result = fd < 0 ? -1 : read_fd(fd, out);

	if (result != 0)
		complain("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return result == 0 ? EX_OK : EX_NOINPUT;
}

int message_open(const char *path, struct classifier_message **message_r)
{
	struct strbuf bytes = STRBUF_INIT;
	int code = message_file_read(path, &bytes);

	if (code == EX_OK)
		*message_r = classifier_message_read(strbuf_span(&bytes), bytes.size);
	strbuf_free(&bytes);
	return code;
}

/* ---- many ---- */

/* The size of the first message of an mbox: up to the next line "From " behind an empty line. */
static size_t mbox_message_size(struct span mbox)
{
	size_t at = 5;

	while (at < mbox.size) {
		const char *found = memmem(mbox.data + at, mbox.size - at, "\nFrom ", 6);
		if (found == NULL)
			return mbox.size;
		size_t end = (size_t)(found - mbox.data) + 1;
		if (end >= 2 &&
		    (mbox.data[end - 2] == '\n' ||
		     (end >= 3 && mbox.data[end - 2] == '\r' && mbox.data[end - 3] == '\n')))
			return end;
		at = end + 5;
	}
	return mbox.size;
}

static bool walk_contents(struct walk *walk, struct span contents)
{
	bool mbox = contents.size > 5 && memcmp(contents.data, "From ", 5) == 0;

	while (contents.size > 0) {
		size_t size = mbox ? mbox_message_size(contents) : contents.size;
		if (!walk->each(walk->context, span_first(contents, size)))
			return false;
		walk->bytes += size;
		contents = span_from(contents, size);
	}
	return true;
}

static void unreadable(struct walk *walk, const char *path)
{
	walk->unreadable++;
	if (!walk->only_count)
		complain("%s: %s", path, strerror(errno));
}

/* Reads the whole file: mapped, it could be cut short by another program while we look at it. */
static bool walk_file(struct walk *walk, int fd, const char *path, off_t size)
{
	if (walk->only_count || size == 0) {
		walk->bytes += (uint64_t)size;
		return true;
	}
	char *contents = size <= MAILBOX_MAX ? malloc((size_t)size) : NULL;
	size_t used = 0;
	ssize_t n = 1;
	errno = EFBIG;
	while (contents != NULL && n > 0 && used < (size_t)size) {
		n = read(fd, contents + used, (size_t)size - used);
		used += n > 0 ? (size_t)n : 0;
	}
	bool go_on = true;
	if (contents == NULL || n < 0)
		unreadable(walk, path);
	else
		go_on = walk_contents(walk, (struct span){contents, used});
	free(contents);
	return go_on;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **names_in(int fd, size_t *count_r)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	char **names = NULL;
	size_t count = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' && strchr("./", entry->d_name[1]) != NULL)
			continue; /* "." and ".."; a Maildir's sub-folders start with one dot */
		if (strcmp(entry->d_name, "tmp") == 0 || strncmp(entry->d_name, "dovecot", 7) == 0)
			continue;
		if ((count & (count + 1)) == 0)
			names = xrealloc(names, 2 * (count + 1) * sizeof(*names));
		names[count++] = xstrdup(entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	if (count > 1)
		qsort(names, count, sizeof(*names), by_name);
	*count_r = count;
	return names;
}

static bool walk_path(struct walk *walk, const char *path, unsigned depth);

static bool walk_folder(struct walk *walk, int fd, const char *path, unsigned depth)
{
	size_t count;
	char **names = names_in(fd, &count);
	bool go_on = true;

	for (size_t i = 0; i < count; i++) {
		char *inner = xasprintf("%s/%s", path, names[i]);
		if (go_on)
			go_on = walk_path(walk, inner, depth + 1);
		free(inner);
		free(names[i]);
	}
	free(names);
	return go_on;
}

static bool walk_path(struct walk *walk, const char *path, unsigned depth)
{
	struct stat st;
	int fd = depth > DEPTH_MAX ? -1 : file_open_as_root(path, O_RDONLY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) != 0) {
		unreadable(walk, path);
		if (fd >= 0)
			close(fd);
		return true;
	}
	if (S_ISDIR(st.st_mode))
		return walk_folder(walk, fd, path, depth); /* closes fd */
	bool go_on = !S_ISREG(st.st_mode) || walk_file(walk, fd, path, st.st_size);
	close(fd);
	return go_on;
}

bool messages_walk(struct walk *walk, const char *path)
{
	return walk_path(walk, path, 0);
}
