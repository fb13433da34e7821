#include "spamtrain/user/quarantine.h"

#include "lib/file.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY_PREFIX "tmp."
#define WRITE_SIZE	 65536

static enum store_status defer(const char *what, char **error_r)
{
	*error_r = xasprintf("quarantine: cannot %s: %s", what, strerror(errno));
	return STORE_DEFER;
}

static int make_folder(struct store *store, const char *path)
{
	if (mkdir(path, 0700) == 0)
		return file_sync_directory(store_directory(store));
	return errno == EEXIST ? 0 : -1;
}

/* The folder's descriptor; -1 with errno. */
static int open_folder(struct store *store, bool create)
{
	char *path = xasprintf("%s/" QUARANTINE_FOLDER, store_directory(store));
	int fd = -1;

	if (!create || make_folder(store, path) == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(path);
	return fd;
}

/* ---- put ---- */

static int write_out(int fd, struct strbuf *buf)
{
	int result = file_write_all(fd, strbuf_span(buf));

	strbuf_reset(buf);
	return result;
}

static int write_content(int fd, struct span_source *content, uint64_t *size_r)
{
	struct strbuf buf = STRBUF_INIT;
	struct span piece, part;
	int result = 0;

	*size_r = 0;
	while (result == 0 && content->next(content, &piece)) {
		*size_r += piece.size;
		for (; result == 0 && piece.size > 0; piece = span_from(piece, part.size)) {
			part = span_first(piece, WRITE_SIZE);
			strbuf_append_span(&buf, part);
			if (buf.size >= WRITE_SIZE)
				result = write_out(fd, &buf);
		}
	}
	if (result == 0)
		result = write_out(fd, &buf);
	strbuf_free(&buf);
	return result;
}

static int write_file(int folder, const char *name, struct span_source *content, uint64_t *size_r)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), saved_errno;
	bool good;

	if (fd < 0)
		return -1;
	good = write_content(fd, content, size_r) == 0 && fsync(fd) == 0;
	saved_errno = errno;
	if (close(fd) == 0 && good)
		return 0;
	unlinkat(folder, name, 0);
	errno = good ? errno : saved_errno;
	return -1;
}

static int put_file(int folder, const char *final_name, struct span_source *content,
		    uint64_t *size_r)
{
	static atomic_uint counter;
	char name[64];

	snprintf(name, sizeof(name), TEMPORARY_PREFIX "%d.%u", (int)getpid(),
		 atomic_fetch_add(&counter, 1));
	if (write_file(folder, name, content, size_r) < 0)
		return -1;
	if (renameat(folder, name, folder, final_name) < 0) {
		int saved_errno = errno;

		unlinkat(folder, name, 0);
		errno = saved_errno;
		return -1;
	}
	return fsync(folder);
}

static char *own_name(const char *signature)
{
	static atomic_uint counter;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return xasprintf("%s.%lld%06ld.%d.%u", signature, (long long)now.tv_sec, now.tv_nsec / 1000,
			 (int)getpid(), atomic_fetch_add(&counter, 1));
}

/* The sender was told that we have not got it: a file without a row would only fill the disk. */
static enum store_status put_row(struct store *store, int folder,
				 const struct store_quarantined *row, char **error_r)
{
	char *replaced;
	enum store_status status = store_quarantine_add(store, row, &replaced, error_r);

	if (status != STORE_OK)
		unlinkat(folder, row->file, 0);
	else if (replaced != NULL && strchr(replaced, '/') == NULL)
		unlinkat(folder, replaced, 0);
	free(replaced);
	return status;
}

enum store_status quarantine_put(struct store *store, const struct store_quarantined *row,
				 struct span_source *content, char **error_r)
{
	struct store_quarantined complete = *row;
	int folder = open_folder(store, true);
	enum store_status status;

	if (folder < 0)
		return defer("make the folder", error_r);
	complete.file = own_name(row->signature);
	if (put_file(folder, complete.file, content, &complete.size) < 0)
		status = defer("write the message", error_r);
	else
		status = put_row(store, folder, &complete, error_r);
	free(complete.file);
	close(folder);
	return status;
}

/* ---- open, delete ---- */

/* -1: it has vanished; -2 with errno: something else is wrong. */
static int open_file(struct store *store, const char *name)
{
	int folder, fd;

	if (strchr(name, '/') != NULL || name[0] == '.')
		return -1;
	folder = open_folder(store, false);
	if (folder < 0)
		return errno == ENOENT ? -1 : -2;
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		fd = -2;
	close(folder);
	return fd;
}

static bool is_row_of(struct store *store, const struct store_quarantined *row)
{
	struct store_quarantined now;
	char *ignored = NULL;
	enum store_status status = store_quarantine_get(store, row->signature, &now, &ignored);
	bool same = status != STORE_NOT_FOUND;

	if (status == STORE_OK) {
		same = strcmp(now.file, row->file) == 0;
		store_quarantined_free(&now);
	}
	free(ignored);
	return same;
}

enum store_status quarantine_open(struct store *store, const char *signature,
				  struct quarantined_file *file_r, char **error_r)
{
	enum store_status status;
	struct stat st;
	bool replaced;

	do {
		*file_r = (struct quarantined_file){.fd = -1};
		status = store_quarantine_get(store, signature, &file_r->row, error_r);
		if (status != STORE_OK)
			return status;
		file_r->fd = open_file(store, file_r->row.file);
		replaced = file_r->fd == -1 && !is_row_of(store, &file_r->row);
		if (replaced)
			store_quarantined_free(&file_r->row);
	} while (replaced);
	if (file_r->fd == -2) {
		status = defer("open a message", error_r);
		file_r->fd = -1;
		quarantine_close(file_r);
		return status;
	}
	file_r->damaged = file_r->fd >= 0 &&
			  (fstat(file_r->fd, &st) < 0 || (uint64_t)st.st_size != file_r->row.size);
	return STORE_OK;
}

void quarantine_close(struct quarantined_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	store_quarantined_free(&file->row);
}

static void remove_file(struct store *store, const char *name)
{
	int folder = open_folder(store, false);

	if (folder < 0)
		return;
	if (strchr(name, '/') == NULL)
		unlinkat(folder, name, 0);
	close(folder);
}

enum store_status quarantine_delete(struct store *store, const struct store_quarantined *row,
				    enum store_outcome outcome, char **error_r)
{
	enum store_status status = store_quarantine_delete(store, row, outcome, error_r);

	if (status == STORE_OK)
		remove_file(store, row->file);
	return status;
}

/* ---- sweep ---- */

static bool is_old(int folder, const char *name, time_t now, struct stat *st_r)
{
	return fstatat(folder, name, st_r, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st_r->st_mode) &&
	       st_r->st_mtime + QUARANTINE_ORPHAN_SECONDS < now;
}

static void remove_counted(int folder, const char *name, struct quarantine_swept *swept)
{
	if (unlinkat(folder, name, 0) == 0)
		swept->removed++;
}

static bool signature_of(char *signature, const char *name)
{
	size_t size = strspn(name, "0123456789abcdef");

	if (size != STORE_SIGNATURE_SIZE - 1 || (name[size] != '\0' && name[size] != '.'))
		return false;
	memcpy(signature, name, size);
	signature[size] = '\0';
	return true;
}

static enum store_status index_file(struct store *store, int folder, const char *name,
				    const struct stat *st, struct quarantine_swept *swept,
				    char **error_r)
{
	struct store_quarantined row = {
		.file = xstrdup(name), .added = st->st_mtime, .size = (uint64_t)st->st_size};
	enum store_status status;
	char *replaced;

	signature_of(row.signature, name);
	status = store_quarantine_add(store, &row, &replaced, error_r);
	if (status == STORE_OK)
		swept->indexed++;
	if (replaced != NULL && strchr(replaced, '/') == NULL)
		remove_counted(folder, replaced, swept);
	free(replaced);
	free(row.file);
	return status;
}

/*
 * It left the quarantine, and only the removal of its file was lost; or it came again since then,
 * and went into the mailbox.
 */
static bool has_left(enum store_outcome outcome)
{
	return outcome == STORE_OUTCOME_RELEASED || outcome == STORE_OUTCOME_DELETED ||
	       outcome == STORE_OUTCOME_DELIVERED || outcome == STORE_OUTCOME_TAGGED;
}

static enum store_status sweep_orphan(struct store *store, int folder, const char *name,
				      const struct stat *st, struct quarantine_swept *swept,
				      char **error_r)
{
	char signature[STORE_SIGNATURE_SIZE];
	struct store_message message;
	enum store_outcome outcome;
	enum store_status status;

	signature_of(signature, name);
	status = store_message_by_signature(store, signature, &message, error_r);
	if (status == STORE_NOT_FOUND)
		return index_file(store, folder, name, st, swept, error_r);
	if (status != STORE_OK)
		return status;
	outcome = message.outcome;
	store_message_free(&message);
	if (!has_left(outcome))
		return index_file(store, folder, name, st, swept, error_r);
	remove_counted(folder, name, swept);
	return STORE_OK;
}

/* The message is held by a row: name is its file, or a copy that was not removed in time. */
static void drop_copy(int folder, const char *name, const struct quarantined_file *held,
		      struct quarantine_swept *swept)
{
	if (held->fd >= 0 && !held->damaged && strcmp(held->row.file, name) != 0)
		remove_counted(folder, name, swept);
}

static enum store_status sweep_file(struct store *store, int folder, const char *name,
				    const struct stat *st, struct quarantine_swept *swept,
				    char **error_r)
{
	char signature[STORE_SIGNATURE_SIZE];
	struct quarantined_file held;
	enum store_status status;

	if (strncmp(name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0) {
		remove_counted(folder, name, swept);
		return STORE_OK;
	}
	if (!signature_of(signature, name))
		return STORE_OK;
	status = quarantine_open(store, signature, &held, error_r);
	if (status == STORE_NOT_FOUND)
		return sweep_orphan(store, folder, name, st, swept, error_r);
	if (status != STORE_OK)
		return status;
	drop_copy(folder, name, &held, swept);
	quarantine_close(&held);
	return STORE_OK;
}

enum store_status quarantine_sweep(struct store *store, time_t now,
				   struct quarantine_swept *swept_r, char **error_r)
{
	int folder = open_folder(store, false);
	enum store_status status = STORE_OK;
	struct dirent *entry;
	DIR *directory;
	struct stat st;

	*swept_r = (struct quarantine_swept){0};
	if (folder < 0)
		return errno == ENOENT ? STORE_OK : defer("open the folder", error_r);
	directory = fdopendir(folder);
	if (directory == NULL) {
		status = defer("read the folder", error_r);
		close(folder);
		return status;
	}
	while (status == STORE_OK && (entry = readdir(directory)) != NULL) {
		if (is_old(folder, entry->d_name, now, &st))
			status = sweep_file(store, folder, entry->d_name, &st, swept_r, error_r);
	}
	closedir(directory);
	return status;
}
