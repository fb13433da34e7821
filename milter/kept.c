#include "kept.h"

#include "lib/file.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE   (INT64_C(1) << 30)
#define FILE_MODE  0600
#define MAX_ID	   64
#define MAX_HEADER 65536 /* bytes of attributes */

static bool is_id(const char *id)
{
	size_t size = strlen(id);

	for (const char *each = id; *each != '\0'; each++) {
		if (!isalnum((unsigned char)*each))
			return false;
	}
	return size > 0 && size <= MAX_ID;
}

static unsigned count_files(const char *directory)
{
	DIR *folder = opendir(directory);
	const struct dirent *entry;
	unsigned count = 0;

	if (folder == NULL)
		return 0;
	while ((entry = readdir(folder)) != NULL)
		count += is_id(entry->d_name);
	closedir(folder);
	return count;
}

static void put_attributes(struct strbuf *out, const struct kept_message *message)
{
	char number[32];

	snprintf(number, sizeof(number), "%lld", (long long)message->time);
	packet_put(out, "time", number);
	packet_put(out, "id", message->id);
	packet_put(out, "client", message->client);
	packet_put(out, "from", message->sender);
	packet_put_span(out, "to", span_first(span_of(message->to), KEPT_MAX_TO));
	packet_put(out, "signature", message->signature);
	strbuf_append_char(out, '\n');
}

static int write_content(int fd, const struct strbuf *head, int message_fd)
{
	struct stat st;
	off_t offset = 0;

	if (file_write_all(fd, (struct span){head->data, head->size}) < 0 ||
	    fstat(message_fd, &st) < 0)
		return -1;
	while (offset < st.st_size) {
		if (sendfile(fd, message_fd, &offset, (size_t)(st.st_size - offset)) <= 0)
			return -1;
	}
	return 0;
}

static int write_file(const char *directory, const struct kept_message *message,
		      const struct strbuf *head, int message_fd)
{
	char *temporary = xasprintf("%s/.%s", directory, message->id);
	char *path = xasprintf("%s/%s", directory, message->id);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	int ret = fd < 0 ? -1 : write_content(fd, head, message_fd), saved;

	if (ret == 0)
		ret = fsync(fd);
	if (ret == 0)
		ret = rename(temporary, path);
	saved = errno;
	if (ret < 0 && fd >= 0)
		(void)unlink(temporary);
	if (fd >= 0)
		close(fd);
	errno = saved;
	if (ret == 0)
		ret = file_sync_directory(directory);
	free(temporary);
	free(path);
	return ret;
}

int kept_write(const char *directory, const struct kept_message *message, int message_fd,
	       char **error_r)
{
	struct strbuf head = STRBUF_INIT;
	int ret = -1;

	if (!is_id(message->id)) {
		*error_r = xasprintf("\"%s\" is no queue id", message->id);
	} else if (count_files(directory) >= KEPT_MAX_FILES) {
		*error_r = xasprintf("there are %d messages in %s", KEPT_MAX_FILES, directory);
	} else {
		put_attributes(&head, message);
		ret = write_file(directory, message, &head, message_fd);
		if (ret < 0)
			*error_r =
				xasprintf("cannot write into %s: %s", directory, strerror(errno));
	}
	strbuf_free(&head);
	return ret;
}

unsigned kept_purge(const char *directory, int64_t max_age_s)
{
	DIR *folder = opendir(directory);
	const struct dirent *entry;
	struct stat st;
	unsigned count = 0;

	if (folder == NULL)
		return 0;
	while ((entry = readdir(folder)) != NULL) {
		const char *name = entry->d_name + (entry->d_name[0] == '.');

		if (is_id(name) &&
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    time(NULL) - st.st_mtim.tv_sec > max_age_s)
			count += unlinkat(dirfd(folder), entry->d_name, 0) == 0;
	}
	closedir(folder);
	return count;
}

static char *read_text(const char *path, size_t maximum, size_t *size_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char *text = NULL;
	ssize_t size = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size <= MAX_FILE) {
		*size_r = (size_t)st.st_size < maximum ? (size_t)st.st_size : maximum;
		text = xmalloc(*size_r + 1);
		size = read(fd, text, *size_r);
	}
	if (fd >= 0)
		close(fd);
	if (text != NULL && size == (ssize_t)*size_r)
		return text;
	free(text);
	return NULL;
}

static int read_file(const char *directory, const char *id, size_t maximum,
		     struct kept_file *file_r, char **error_r)
{
	char *path = xasprintf("%s/%s", directory, id), *problem = NULL;
	size_t size = 0, used = 0;

	*file_r = (struct kept_file){0};
	file_r->text = is_id(id) ? read_text(path, maximum, &size) : NULL;
	free(path);
	if (file_r->text == NULL) {
		*error_r = xasprintf("there is no message %s in %s", id, directory);
		return -1;
	}
	if (packet_parse(&file_r->attributes, (struct span){file_r->text, size}, &used, &problem) <
	    0) {
		*error_r = xasprintf("%s in %s: %s", id, directory, problem);
		free(problem);
		free(file_r->text);
		return -1;
	}
	file_r->content = span_from((struct span){file_r->text, size}, used);
	file_r->message = (struct kept_message){
		.id = packet_text(&file_r->attributes, "id"),
		.client = packet_text(&file_r->attributes, "client"),
		.sender = packet_text(&file_r->attributes, "from"),
		.to = packet_text(&file_r->attributes, "to"),
		.signature = packet_text(&file_r->attributes, "signature"),
		.time = (time_t)strtoll(packet_text(&file_r->attributes, "time"), NULL, 10),
	};
	return 0;
}

int kept_read(const char *directory, const char *id, struct kept_file *file_r, char **error_r)
{
	return read_file(directory, id, MAX_FILE, file_r, error_r);
}

void kept_file_free(struct kept_file *file)
{
	packet_free(&file->attributes);
	free(file->text);
	*file = (struct kept_file){0};
}

int kept_remove(const char *directory, const char *id)
{
	char *path = xasprintf("%s/%s", directory, id);
	int ret = is_id(id) ? unlink(path) : -1;

	free(path);
	return ret;
}

static int by_time(const void *a, const void *b)
{
	const struct kept_file *first = a, *second = b;

	return (first->message.time > second->message.time) -
	       (first->message.time < second->message.time);
}

int kept_list(const char *directory,
	      void (*show)(const struct kept_message *message, void *context), void *context,
	      char **error_r)
{
	DIR *folder = opendir(directory);
	const struct dirent *entry;
	struct kept_file *files = xcalloc(KEPT_MAX_FILES, sizeof(*files));
	size_t count = 0;
	char *ignored = NULL;

	if (folder == NULL) {
		*error_r = xasprintf("cannot read %s: %s", directory, strerror(errno));
		free(files);
		return -1;
	}
	while (count < KEPT_MAX_FILES && (entry = readdir(folder)) != NULL) {
		if (!is_id(entry->d_name))
			continue;
		if (read_file(directory, entry->d_name, MAX_HEADER, &files[count], &ignored) == 0)
			count++;
		free(ignored);
		ignored = NULL;
	}
	closedir(folder);
	qsort(files, count, sizeof(*files), by_time);
	for (size_t i = 0; i < count; i++) {
		show(&files[i].message, context);
		kept_file_free(&files[i]);
	}
	free(files);
	return 0;
}
