/*
 * backup_users.c - the users' part of a backup.
 *
 * A store is copied as of one moment, in a read transaction: nobody waits for it, but the disk.
 * Files of the quarantine are copied behind it, so one may have been released in between: then the
 * copy is taken again, and at last the row left out. What lies in a user's folder is opened with
 * lda_user's rights, what is written with root's.
 *
 * A store has changed when its file or its log has: inode, size or mtime. One that changed within
 * the last seconds is copied the next time in any case.
 */
#include "backup_internal.h"

#include "act_as.h"
#include "backup_tree.h"
#include "lib/xalloc.h"
#include "schema/store_backup.h"
#include "spamtrain/user/quarantine.h"
#include "spamtrain/user/users.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAKE_ATTEMPTS 3
#define RACY_NS	      INT64_C(2000000000)
#define NANOSECONDS   INT64_C(1000000000)

struct user_copy {
	struct backup *backup;
	const char *user;
	char *live, *path; /* his folder; and in the backup */
	struct manifest_entry entry;
	struct manifest files; /* noted when all of them are there */
	struct store_snapshot *snapshot;
	unsigned vanished; /* files of the quarantine */
	char *error;
};

static void files_forget(struct user_copy *copy)
{
	manifest_free(&copy->files);
}

static bool as_owner(struct user_copy *copy)
{
	return act_as(conf_text(copy->backup->conf, P_LDA_USER), &copy->error) == 0;
}

/* ---- has it changed? ---- */

static void stamp_make(struct user_copy *copy)
{
	struct stat store, log = {0};
	char *path = xasprintf("%s/" STORE_BACKUP_FILE, copy->live);
	char *wal = xasprintf("%s-wal", path);
	int64_t newest = INT64_MAX;

	strcpy(copy->entry.stamp, "-");
	if (stat(path, &store) == 0) {
		int64_t store_time = store.st_mtim.tv_sec * NANOSECONDS + store.st_mtim.tv_nsec;
		int64_t log_time = 0;
		/* Who reads makes an empty one. */
		if (stat(wal, &log) == 0 && log.st_size > 0)
			log_time = log.st_mtim.tv_sec * NANOSECONDS + log.st_mtim.tv_nsec;
		newest = store_time > log_time ? store_time : log_time;
		if (newest < copy->backup->started - RACY_NS)
			snprintf(copy->entry.stamp, sizeof(copy->entry.stamp),
				 "%ju.%jd.%" PRId64 ".%jd.%" PRId64, (uintmax_t)store.st_ino,
				 (intmax_t)store.st_size, store_time, (intmax_t)log.st_size,
				 log_time);
	}
	free(wal);
	free(path);
}

static bool is_unchanged(const struct user_copy *copy)
{
	const struct manifest *old = &copy->backup->old;
	const struct manifest_entry *former = manifest_find(old, copy->path);

	if (former == NULL || former->type != MANIFEST_USER ||
	    strcmp(former->stamp, copy->entry.stamp) != 0 || strcmp(former->stamp, "-") == 0)
		return false;
	size_t first = (size_t)(former - old->list);
	for (size_t i = first + 1; i < manifest_user_end(old, first); i++)
		if (backup_former(copy->backup, old->list[i].path) == NULL)
			return false;
	return true;
}

static void former_keep(struct user_copy *copy)
{
	const struct manifest *old = &copy->backup->old;
	const struct manifest_entry *former = manifest_find(old, copy->path);

	if (former == NULL || former->type != MANIFEST_USER)
		return;
	size_t first = (size_t)(former - old->list);
	for (size_t i = first; i < manifest_user_end(old, first); i++)
		backup_note(copy->backup, &old->list[i]);
	copy->backup->result.messages += former->messages;
	copy->backup->result.quarantined += former->quarantined;
}

/* ---- files ---- */

static struct manifest_entry file_entry(const char *path)
{
	struct manifest_entry entry = {
		.type = MANIFEST_ONE_FILE, .path = xstrdup(path), .mode = 0600};

	/* Whoever owns the users' folder on the host where it is restored. */
	strcpy(entry.owner, "-");
	strcpy(entry.group, "-");
	return entry;
}

/* A file that never changes, under a name that is never used again. */
static bool put_once(struct user_copy *copy, const char *name, int fd)
{
	char *path = xasprintf("%s/%s", copy->path, name);
	const struct manifest_entry *former = backup_former(copy->backup, path);
	struct manifest_entry entry;
	struct stat st;
	bool good = true;

	if (former != NULL && fstat(fd, &st) == 0 && (uint64_t)st.st_size == former->size) {
		entry = *former;
		entry.path = xstrdup(path);
	} else {
		const char *last;
		entry = file_entry(path);
		int parent = tree_open_parent(copy->backup->folder, path, true, &last);
		int to = parent < 0 ? -1
				    : openat(parent, last,
					     O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
					     0600);
		good = fstat(fd, &st) == 0 && lseek(fd, 0, SEEK_SET) == 0 && to >= 0 &&
		       tree_copy(fd, to, &entry) == 0;
		int saved = errno;
		if (to >= 0)
			close(to);
		if (parent >= 0)
			close(parent);
		errno = saved;
		if (!good)
			backup_stop(copy->backup, path);
		entry.mtime = good ? st.st_mtim.tv_sec * NANOSECONDS + st.st_mtim.tv_nsec : 0;
		copy->backup->result.files_copied++;
		copy->backup->result.bytes_written += entry.size;
	}
	manifest_add(&copy->files, &entry);
	free(path);
	return good;
}

/* -1: it is not there any more; -2: it cannot be had. */
static int held_open(struct user_copy *copy, const char *file)
{
	char *folder = xasprintf("%s/" QUARANTINE_FOLDER, copy->live);
	int fd = -2;

	if (as_owner(copy)) {
		int parent = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		fd = parent < 0 ? -1 : tree_open_file(parent, file);
		int saved = errno;
		if (parent >= 0)
			close(parent);
		act_as_self();
		if (fd < 0 && saved != ENOENT) {
			copy->error = xasprintf("%s/%s: %s", folder, file, strerror(saved));
			fd = -2;
		}
	}
	free(folder);
	return fd;
}

static bool held_put(void *context, const char *file, uint64_t size)
{
	struct user_copy *copy = context;
	int fd;

	(void)size;
	if (copy->error != NULL || copy->backup->broken)
		return true;
	fd = strchr(file, '/') != NULL ? -1 : held_open(copy, file);
	if (fd == -1)
		copy->vanished++;
	if (fd < 0)
		return fd == -2;
	char *name = xasprintf(QUARANTINE_FOLDER "/%s", file);
	put_once(copy, name, fd);
	free(name);
	close(fd);
	return true;
}

/* ---- a user ---- */

static enum store_status snapshot_take(struct user_copy *copy)
{
	enum store_status status = STORE_DEFER;

	if (as_owner(copy)) {
		stamp_make(copy);
		status = store_snapshot_open(&copy->snapshot, copy->live, &copy->error);
		act_as_self();
	}
	return status;
}

static bool parts_put(struct user_copy *copy, const char *part)
{
	struct store_copy counts = {0};
	bool good = true;

	for (size_t i = 0; good && i < store_snapshot_files(copy->snapshot); i++)
		good = put_once(copy, store_snapshot_name(copy->snapshot, i),
				store_snapshot_descriptor(copy->snapshot, i));
	if (!good || store_snapshot_write(copy->snapshot, part, &copy->error) != STORE_OK ||
	    store_copy_finish(part, held_put, copy, &counts, &copy->error) != STORE_OK)
		return false;
	copy->entry.schema = store_snapshot_version(copy->snapshot);
	copy->entry.messages = counts.messages;
	copy->entry.quarantined = counts.quarantined;
	return copy->error == NULL && !copy->backup->broken;
}

/* All is there but the store's name: the manifest says first what it will be. */
static bool copy_name(struct user_copy *copy, int folder, const char *part)
{
	char *path = xasprintf("%s/" STORE_BACKUP_FILE, copy->path);
	struct manifest_entry store = file_entry(path);
	int fd = tree_open_file(folder, part);
	bool good = fd >= 0 && tree_digest(fd, store.digest, &store.size) == 0;

	store.mtime = copy->backup->started;
	if (good) {
		backup_note(copy->backup, &copy->entry);
		backup_note(copy->backup, &store);
		for (size_t i = 0; i < copy->files.count; i++)
			backup_note(copy->backup, &copy->files.list[i]);
		copy->backup->result.files_copied++;
		copy->backup->result.bytes_written += store.size;
		good = manifest_flush(copy->backup->writer) == 0 &&
		       renameat(folder, part, folder, STORE_BACKUP_FILE) == 0;
	}
	if (!good)
		backup_stop(copy->backup, path);
	if (fd >= 0)
		close(fd);
	free(store.path);
	free(path);
	return good;
}

/* Again while messages leave the quarantine under our eyes. */
static bool copy_take(struct user_copy *copy, enum store_status *status_r)
{
	static const char part[] = ".part." STORE_BACKUP_FILE;
	char *path = xasprintf("%s/%s/%s", copy->backup->path, copy->path, part);
	int folder = -1;
	bool good = false;

	*status_r = STORE_DEFER;
	for (int i = 0; i < TAKE_ATTEMPTS && (i == 0 || (good && copy->vanished > 0)); i++) {
		copy->vanished = 0;
		files_forget(copy);
		store_snapshot_close(&copy->snapshot);
		*status_r = snapshot_take(copy);
		good = *status_r == STORE_OK;
		if (good && folder < 0)
			folder = tree_open_folder(copy->backup->folder, copy->path, true);
		if (good && folder < 0)
			good = backup_stop(copy->backup, copy->path);
		if (good) {
			unlinkat(folder, part, 0);
			good = parts_put(copy, path);
		}
	}
	if (good)
		good = copy_name(copy, folder, part);
	else if (folder >= 0)
		unlinkat(folder, part, 0);
	if (folder >= 0)
		close(folder);
	free(path);
	return good;
}

static void user_failed(struct user_copy *copy)
{
	if (!copy->backup->broken) {
		backup_failed(copy->backup, copy->user,
			      copy->error == NULL ? "cannot be read" : copy->error);
		former_keep(copy);
	}
}

static bool backup_user(void *context, const char *user)
{
	struct backup *backup = context;
	const char *users = conf_text(backup->conf, P_USERS_DIRECTORY);
	struct user_copy copy = {.backup = backup,
				 .user = user,
				 .live = store_user_directory(users, user),
				 .path = backup_user_path(user)};
	enum store_status status;

	copy.entry.type = MANIFEST_USER;
	copy.entry.path = copy.path;
	if (as_owner(&copy)) {
		stamp_make(&copy);
		act_as_self();
	}
	backup->result.users++;
	if (is_unchanged(&copy)) {
		former_keep(&copy);
	} else if (copy_take(&copy, &status)) {
		backup->result.users_copied++;
		backup->result.messages += copy.entry.messages;
		backup->result.quarantined += copy.entry.quarantined;
	} else if (status == STORE_NOT_FOUND) {
		backup->result.users--;
	} else {
		user_failed(&copy);
	}
	if (copy.snapshot != NULL && act_as(conf_text(backup->conf, P_LDA_USER), &copy.error) == 0)
		store_snapshot_close(&copy.snapshot);
	act_as_self();
	files_forget(&copy);
	free(copy.error);
	free(copy.live);
	free(copy.path);
	return !backup->broken;
}

void backup_users(struct backup *backup)
{
	const char *users = conf_text(backup->conf, P_USERS_DIRECTORY);
	char *error = NULL;

	if (backup->choice->user != NULL) {
		backup_user(backup, backup->choice->user);
	} else if (users_each(users, backup_user, backup, &error) < 0) {
		backup_failed(backup, users, error);
		free(error);
	}
}
