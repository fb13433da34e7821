#include "retrain_spool.h"

#include "file.h"
#include "strbuf.h"
#include "xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MODE   0644
#define NAME_DIGITS 16
#define MAX_DIGITS  19 /* of a pid and of a sequence number */

const char *retrain_class_name(enum retrain_class class)
{
	static const char *const names[] = {"innocent", "spam", "none"};

	return names[class];
}

/* ---- names ---- */

static bool take_digits(const char **text, size_t minimum, size_t maximum)
{
	size_t count = strspn(*text, "0123456789");

	*text += count;
	return count >= minimum && count <= maximum;
}

static bool take_dot(const char **text)
{
	return *(*text)++ == '.';
}

bool retrain_spool_is_name(const char *name)
{
	return take_digits(&name, NAME_DIGITS, NAME_DIGITS) && take_dot(&name) &&
	       take_digits(&name, 1, MAX_DIGITS) && take_dot(&name) &&
	       take_digits(&name, 1, MAX_DIGITS) &&
	       (*name == '\0' ||
		(take_dot(&name) && take_digits(&name, 1, MAX_DIGITS) && *name == '\0'));
}

time_t retrain_spool_time(const char *name)
{
	return (time_t)(strtoll(name, NULL, 10) / 1000000);
}

/* Tells users apart in names of files, to count them (FNV-1a). */
static uint32_t user_tag(const char *user)
{
	uint32_t hash = 2166136261;

	for (; *user != '\0'; user++)
		hash = (hash ^ (unsigned char)*user) * 16777619u;
	return hash;
}

static char *new_name(uint32_t tag)
{
	static atomic_uint sequence;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return xasprintf("%016lld.%ld.%u.%u",
			 (long long)now.tv_sec * 1000000 + (long long)now.tv_nsec / 1000,
			 (long)getpid(), atomic_fetch_add(&sequence, 1), (unsigned)tag);
}

/* ---- writing ---- */

struct counts {
	size_t all, own; /* own: of one user */
};

static struct counts count_files(const char *folder, uint32_t tag)
{
	struct counts counts = {0};
	DIR *directory = opendir(folder);
	const struct dirent *entry;
	char suffix[16];

	snprintf(suffix, sizeof(suffix), ".%u", (unsigned)tag);
	while (directory != NULL && counts.all < RETRAIN_SPOOL_MAX_FILES &&
	       (entry = readdir(directory)) != NULL) {
		const char *last = strrchr(entry->d_name, '.');

		if (entry->d_name[0] == '.')
			continue;
		counts.all++;
		counts.own += last != NULL && strcmp(last, suffix) == 0;
	}
	if (directory != NULL)
		closedir(directory);
	return counts;
}

/* A batch of moves must not read the folder for each file: between counts it counts its own. */
static bool spool_is_full(const char *folder, uint32_t tag)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct counts counts;
	static uint32_t counted_tag, counted_folder;
	static time_t counted_at;
	uint32_t folder_tag = user_tag(folder);
	struct timespec now;
	bool full;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&lock);
	if (counted_at == 0 || now.tv_sec != counted_at || tag != counted_tag ||
	    folder_tag != counted_folder) {
		counted_at = now.tv_sec;
		counted_tag = tag;
		counted_folder = folder_tag;
		counts = count_files(folder, tag);
	}
	full = ++counts.all > RETRAIN_SPOOL_MAX_FILES || ++counts.own > RETRAIN_SPOOL_MAX_OF_USER;
	pthread_mutex_unlock(&lock);
	return full;
}

static bool put_text(struct strbuf *out, const char *name, const char *value)
{
	if (value == NULL)
		value = "";
	packet_put(out, name, value);
	return strlen(value) <= RETRAIN_SPOOL_MAX_TEXT;
}

static int format_entry(struct strbuf *out, const struct retrain_entry *entry, size_t size,
			char **error_r)
{
	char size_text[24], accepted[24];
	bool fits;

	snprintf(size_text, sizeof(size_text), "%zu", size);
	fits = put_text(out, "user", entry->user);
	fits &= put_text(out, "class", retrain_class_name(entry->class));
	fits &= put_text(out, "signature", entry->signature);
	fits &= put_text(out, "source", entry->source);
	fits &= put_text(out, "mailbox", entry->mailbox);
	packet_put(out, "size", size_text);
	if (entry->accepted > 0) {
		snprintf(accepted, sizeof(accepted), "%lld", (long long)entry->accepted);
		packet_put(out, "accepted", accepted);
	}
	strbuf_append_char(out, '\n');
	if (fits)
		return 0;
	*error_r = xasprintf("an attribute is longer than %d bytes", RETRAIN_SPOOL_MAX_TEXT);
	return -1;
}

/* The umask of a mail process would keep the reader out: fchmod(). */
static int write_file(const char *path, struct span head, struct span message, bool durable)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	bool ok;
	int saved;

	if (fd < 0)
		return -1;
	ok = fchmod(fd, FILE_MODE) == 0 && file_write_all(fd, head) == 0 &&
	     file_write_all(fd, message) == 0 && (!durable || fsync(fd) == 0);
	saved = errno;
	if (close(fd) < 0 && ok) {
		ok = false;
		saved = errno;
	}
	if (!ok)
		unlink(path);
	errno = saved;
	return ok ? 0 : -1;
}

static int publish(const char *spool, const char *name, uint32_t tag, struct span head,
		   struct span message, bool durable, char **error_r)
{
	char *folder = xasprintf("%s/new", spool);
	char *tmp = xasprintf("%s/tmp/%s", spool, name);
	char *path = xasprintf("%s/%s", folder, name);
	int ret = -1;

	if (spool_is_full(folder, tag)) {
		*error_r = xasprintf("%s: more than %d corrections wait, or %d of this user",
				     folder, RETRAIN_SPOOL_MAX_FILES, RETRAIN_SPOOL_MAX_OF_USER);
	} else if (write_file(tmp, head, message, durable) < 0) {
		*error_r = xasprintf("cannot write %s: %s", tmp, strerror(errno));
	} else if (rename(tmp, path) < 0) {
		*error_r = xasprintf("cannot rename %s to %s: %s", tmp, path, strerror(errno));
		unlink(tmp);
	} else if (durable && file_sync_directory(folder) < 0) {
		*error_r = xasprintf("cannot fsync %s: %s", folder, strerror(errno));
		unlink(path);
	} else {
		ret = 0;
	}
	free(path);
	free(tmp);
	free(folder);
	return ret;
}

int retrain_spool_write_named(const char *spool, const struct retrain_entry *entry,
			      struct span message, char **name_r, char **error_r)
{
	struct strbuf head = STRBUF_INIT;
	uint32_t tag = user_tag(entry->user);
	char *name = new_name(tag);
	int ret;

	message = span_first(message, RETRAIN_SPOOL_MAX_MESSAGE);
	ret = format_entry(&head, entry, message.size, error_r);
	if (ret == 0)
		ret = publish(spool, name, tag, strbuf_span(&head), message, entry->durable,
			      error_r);
	strbuf_free(&head);
	if (ret == 0)
		*name_r = name;
	else
		free(name);
	return ret;
}

int retrain_spool_sync(const char *spool, char **error_r)
{
	int fd = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = fd < 0 ? -1 : syncfs(fd);

	if (ret < 0)
		*error_r = xasprintf("cannot sync %s: %s", spool, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

int retrain_spool_write(const char *spool, const struct retrain_entry *entry, struct span message,
			char **error_r)
{
	char *name = NULL;
	int ret = retrain_spool_write_named(spool, entry, message, &name, error_r);

	free(name);
	return ret;
}
