/*
 * backup.c - makes a backup, or brings one up to date: all places but the users' stores, which are
 * in backup_users.c.
 *
 * Files of daemons are written once or replaced by rename, so that one which is open is whole. They
 * are read as root but through no link (backup_tree.h): no daemon's user can have a file of
 * somebody else's put into a backup.
 */
#include "backup_internal.h"

#include "backup_tree.h"
#include "command.h"
#include "lib/address.h"
#include "lib/file.h"
#include "lib/xalloc.h"
#include "schema/store_backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define PART_PREFIX ".part."
#define RACY_NS	    INT64_C(2000000000) /* a file this young may change within its mtime */
#define NANOSECONDS INT64_C(1000000000)

/* ---- the choice ---- */

char *backup_user_path(const char *user)
{
	return user == NULL ? NULL : store_user_directory("users", user);
}

bool backup_is_chosen(const struct backup_choice *choice, const char *user_path, const char *path)
{
	size_t first = strcspn(path, "/"), size;

	if (user_path != NULL) {
		size = strlen(user_path);
		return strncmp(path, user_path, size) == 0 &&
		       (path[size] == '\0' || path[size] == '/');
	}
	if (choice->only == NULL)
		return true;
	for (const char *const *name = choice->only; *name != NULL; name++)
		if (strlen(*name) == first && strncmp(*name, path, first) == 0)
			return true;
	return false;
}

/* ---- the manifests ---- */

void backup_note(struct backup *backup, const struct manifest_entry *entry)
{
	struct manifest_entry copy = *entry;

	copy.path = xstrdup(entry->path);
	manifest_write(backup->writer, entry);
	manifest_add(&backup->next, &copy);
	backup->result.files += entry->type == MANIFEST_ONE_FILE;
}

const struct manifest_entry *backup_former(const struct backup *backup, const char *path)
{
	const struct manifest_entry *entry = manifest_find(&backup->old, path);
	struct stat st;
	int fd;

	if (entry == NULL || entry->type != MANIFEST_ONE_FILE ||
	    (fd = tree_open_file(backup->folder, path)) < 0)
		return NULL;
	bool same = fstat(fd, &st) == 0 && (uint64_t)st.st_size == entry->size;
	close(fd);
	return same ? entry : NULL;
}

bool backup_keep(struct backup *backup, const char *path)
{
	size_t size = strlen(path);
	bool some = false;

	for (size_t i = 0; i < backup->old.count; i++) {
		const struct manifest_entry *entry = &backup->old.list[i];
		if (strncmp(entry->path, path, size) == 0 &&
		    (entry->path[size] == '\0' || entry->path[size] == '/')) {
			backup_note(backup, entry);
			some = true;
		}
	}
	return some;
}

void backup_failed(struct backup *backup, const char *what, const char *why)
{
	complain("%s is not backed up: %s", what, why);
	backup->result.failed++;
}

bool backup_stop(struct backup *backup, const char *path)
{
	if (!backup->broken)
		complain("cannot write %s/%s: %s", backup->path, path, strerror(errno));
	backup->broken = true;
	return false;
}

/* ---- files ---- */

static int part_write(int parent, const char *part, int from, struct manifest_entry *entry)
{
	int fd = openat(parent, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct timespec times[2];
	int ret = -1, saved;

	if (fd < 0)
		return -1;
	times[0] = times[1] = (struct timespec){.tv_sec = entry->mtime / NANOSECONDS,
						.tv_nsec = entry->mtime % NANOSECONDS};
	if (tree_copy(from, fd, entry) == 0 && futimens(fd, times) == 0)
		ret = 0;
	saved = errno;
	if (close(fd) < 0 && ret == 0)
		return -1;
	errno = saved;
	return ret;
}

int backup_put(struct backup *backup, int from, struct manifest_entry *entry)
{
	const char *name;
	int parent = tree_open_parent(backup->folder, entry->path, true, &name), ret = -1, saved;

	if (parent < 0)
		return -1;
	char *part = xasprintf(PART_PREFIX "%.200s", name);
	unlinkat(parent, part, 0);
	if (part_write(parent, part, from, entry) == 0) {
		backup_note(backup, entry);
		if (manifest_flush(backup->writer) == 0 &&
		    renameat(parent, part, parent, name) == 0)
			ret = 0;
	}
	saved = errno;
	if (ret < 0)
		unlinkat(parent, part, 0);
	free(part);
	close(parent);
	backup->result.files_copied++;
	backup->result.bytes_written += entry->size;
	errno = saved;
	return ret;
}

static bool is_unchanged(const struct backup *backup, const struct manifest_entry *entry)
{
	const struct manifest_entry *former = backup_former(backup, entry->path);

	return former != NULL && former->size == entry->size && former->mtime == entry->mtime &&
	       entry->mtime < backup->old.taken * NANOSECONDS - RACY_NS;
}

static int copy_file(struct backup *backup, int parent, const char *name,
		     struct manifest_entry *entry)
{
	int fd, ret = 0;

	if (is_unchanged(backup, entry)) {
		strcpy(entry->digest, manifest_find(&backup->old, entry->path)->digest);
		backup_note(backup, entry);
		return 0;
	}
	fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0) {
		backup_failed(backup, entry->path, strerror(errno));
		backup_keep(backup, entry->path);
		return 0;
	}
	if (backup_put(backup, fd, entry) < 0) {
		backup_stop(backup, entry->path);
		ret = -1;
	}
	close(fd);
	return ret;
}

static int visit(void *context, int parent, const char *name, const char *path,
		 const struct stat *st)
{
	struct backup *backup = context;
	struct manifest_entry entry = {0};

	if (S_ISSOCK(st->st_mode) || S_ISFIFO(st->st_mode))
		return 0;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) {
		backup_failed(backup, path, "it is a link or a special file");
		return 0;
	}
	tree_describe(&entry, st);
	entry.path = (char *)(uintptr_t)path;
	if (S_ISREG(st->st_mode))
		return copy_file(backup, parent, name, &entry);
	backup_note(backup, &entry);
	return 0;
}

/* ---- places ---- */

static void place_failed(struct backup *backup, const struct state_place *place, const char *path)
{
	if (errno == ENOENT)
		return;
	backup_failed(backup, path, strerror(errno));
	backup_keep(backup, place->name);
}

static void place_folder(struct backup *backup, const struct state_place *place, const char *path)
{
	int folder = tree_open_base(path);
	struct stat st;

	if (folder < 0) {
		place_failed(backup, place, path);
		return;
	}
	if (fstat(folder, &st) < 0 || visit(backup, -1, "", place->name, &st) < 0 ||
	    (place->kind == STATE_FOLDER && tree_walk(folder, place->name, visit, backup) < 0))
		place_failed(backup, place, path);
	close(folder);
}

static void place_file(struct backup *backup, const struct state_place *place, const char *path)
{
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int parent = tree_open_base(folder[0] == '\0' ? "/" : folder);
	const char *name = strrchr(path, '/') + 1;
	struct stat st;

	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		place_failed(backup, place, path);
	else
		visit(backup, parent, name, place->name, &st);
	if (parent >= 0)
		close(parent);
	free(folder);
}

static void place_policy(struct backup *backup, const struct state_place *place, const char *path)
{
	char *part = xasprintf("%s/" PART_PREFIX "%s", backup->path, place->name), *error = NULL;
	struct manifest_entry entry = {0};
	struct stat st;
	int version, fd = -1;

	unlinkat(backup->folder, strrchr(part, '/') + 1, 0);
	if (lstat(path, &st) < 0) {
		place_failed(backup, place, path);
	} else if (sqlite_copy(path, part, &version, &error) != STORE_OK) {
		backup_failed(backup, path, error);
		backup_keep(backup, place->name);
	} else if ((fd = tree_open_file(backup->folder, strrchr(part, '/') + 1)) < 0) {
		backup_stop(backup, place->name);
	} else {
		tree_describe(&entry, &st);
		entry.path = (char *)(uintptr_t)place->name;
		const struct manifest_entry *former = backup_former(backup, place->name);
		tree_digest(fd, entry.digest, &entry.size);
		if (former != NULL && strcmp(former->digest, entry.digest) == 0)
			backup_note(backup, &entry);
		else if (lseek(fd, 0, SEEK_SET) < 0 || backup_put(backup, fd, &entry) < 0)
			backup_stop(backup, place->name);
	}
	if (fd >= 0)
		close(fd);
	unlinkat(backup->folder, strrchr(part, '/') + 1, 0);
	free(error);
	free(part);
}

/* Does another place that is copied hold it? Then it is in that. */
static bool is_within_another(const struct backup *backup, const struct state_place *place,
			      const char *path)
{
	bool within = false;

	for (const struct state_place *other = state_places; other->name != NULL; other++) {
		if (other == place || other->kind != STATE_FOLDER)
			continue;
		char *folder = state_path(other, backup->conf);
		size_t size = strlen(folder);
		within = within || (strncmp(path, folder, size) == 0 && path[size] == '/');
		free(folder);
	}
	return within;
}

static void backup_place(struct backup *backup, const struct state_place *place)
{
	char *path = state_path(place, backup->conf);

	if (is_within_another(backup, place, path)) {
		free(path);
		return;
	}
	switch (place->kind) {
	case STATE_STORES:
		if (backup->user_path == NULL)
			place_folder(backup, place, path);
		backup_users(backup);
		break;
	case STATE_POLICY:
		place_policy(backup, place, path);
		break;
	case STATE_FOLDER:
		place_folder(backup, place, path);
		break;
	case STATE_FILE:
		place_file(backup, place, path);
		break;
	case STATE_MAIL:
	case STATE_FLEETING:
		break;
	}
	free(path);
}

static void warn_unknown(void *context, const char *path)
{
	(void)context;
	complain("warning: %s is no state of Shoveler and is not backed up", path);
}

/* ---- the folder ---- */

/* What the new manifest does not name goes, but only below places: nothing else is ours. */
static int sweep(void *context, int parent, const char *name, const char *path,
		 const struct stat *st)
{
	struct backup *backup = context;
	const struct state_place *place = state_find(path, strcspn(path, "/"));
	size_t size = strlen(path);

	if (strncmp(path, PART_PREFIX, strlen(PART_PREFIX)) == 0)
		place = state_places;
	if (place == NULL || manifest_find(&backup->next, path) != NULL)
		return 0;
	if (!S_ISDIR(st->st_mode)) {
		unlinkat(parent, name, 0);
		return 0;
	}
	/* Does any entry lie in it? The first that sorts behind it says so. */
	size_t low = 0, high = backup->next.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *other = backup->next.list[backup->next.by_path[middle]].path;
		if (strcmp(other, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < backup->next.count; low++) {
		const char *other = backup->next.list[backup->next.by_path[low]].path;
		if (strncmp(other, path, size) != 0)
			break;
		if (other[size] == '/')
			return 0;
	}
	tree_remove(parent, name);
	return 0;
}

static void sweep_all(struct backup *backup)
{
	struct dirent **names;
	int count = scandirat(backup->folder, ".", &names, NULL, alphasort);
	struct stat st;

	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;
		int inner = -1;
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    fstatat(backup->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			sweep(backup, backup->folder, name, name, &st);
			if (S_ISDIR(st.st_mode) && state_find(name, strlen(name)) != NULL)
				inner = tree_open_folder(backup->folder, name, false);
		}
		if (inner >= 0) {
			tree_walk(inner, name, sweep, backup);
			close(inner);
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

/*
 * What the interrupted run before this one noted is to be known when this one is interrupted, too:
 * its notes begin anew.
 */
static int settle_interrupted(struct backup *backup)
{
	static const char part[] = PART_PREFIX MANIFEST_FILE;

	if (!backup_merge_interrupted(backup->folder, &backup->old))
		return EX_OK;
	struct manifest_writer *writer =
		manifest_writer_open(backup->folder, part, backup->old.taken);
	for (size_t i = 0; writer != NULL && i < backup->old.count; i++)
		manifest_write(writer, &backup->old.list[i]);
	if (writer != NULL && manifest_writer_close(&writer, true) == 0 &&
	    renameat(backup->folder, part, backup->folder, MANIFEST_FILE) == 0 &&
	    fsync(backup->folder) == 0)
		return EX_OK;
	backup_stop(backup, MANIFEST_FILE);
	return EX_CANTCREAT;
}

/* A backup must not copy itself. */
static bool is_in_a_place(const struct backup *backup)
{
	char *folder = realpath(backup->path, NULL);
	bool within = false;

	for (const struct state_place *place = state_places;
	     folder != NULL && place->name != NULL && !within; place++) {
		char *named = state_path(place, backup->conf), *path = realpath(named, NULL);
		size_t size = path == NULL ? 0 : strlen(path);
		within = size > 0 && state_is_copied(place) && strncmp(folder, path, size) == 0 &&
			 (folder[size] == '/' || folder[size] == '\0');
		if (within)
			complain("%s lies in %s, which is to be backed up", backup->path, named);
		free(path);
		free(named);
	}
	free(folder);
	return within;
}

/* It is ours, and empty or a backup: else the sweep might take what is somebody's. */
static int folder_open(struct backup *backup, const char *path)
{
	struct dirent **names;
	struct stat st;
	char *error = NULL;

	backup->path = xstrdup(path);
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		complain("cannot make %s: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	backup->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (backup->folder < 0 || fstat(backup->folder, &st) < 0) {
		complain("cannot open %s: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	if (is_in_a_place(backup))
		return EX_USAGE;
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
		complain("%s must be root's, and nobody else may write it", path);
		return EX_NOPERM;
	}
	/* SQLite opens by name. */
	if (!tree_way_is_safe(backup->folder)) {
		complain(BACKUP_UNSAFE_WAY, path);
		return EX_NOPERM;
	}
	if (flock(backup->folder, LOCK_EX | LOCK_NB) < 0) {
		complain("%s: another backup into it, or a restore from it, is running", path);
		return EX_TEMPFAIL;
	}
	if (manifest_load(&backup->old, backup->folder, MANIFEST_FILE, false, &error) == 0)
		return settle_interrupted(backup);
	bool missing = errno == ENOENT;
	if (!missing)
		complain("%s/%s; everything is copied anew", path, error);
	free(error);
	int count = scandirat(backup->folder, ".", &names, NULL, alphasort);
	bool interrupted = faccessat(backup->folder, MANIFEST_NEXT, F_OK, 0) == 0;
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	if (!missing || interrupted || count <= 2)
		return EX_OK;
	complain("%s is not empty and no backup: name an empty or new folder", path);
	return EX_CANTCREAT;
}

/* The order makes it so that what the manifest says is on the disk before it. */
static int finish(struct backup *backup)
{
	if (!backup->broken && syncfs(backup->folder) < 0)
		backup_stop(backup, "");
	if (manifest_writer_close(&backup->writer, !backup->broken) < 0 && !backup->broken)
		backup_stop(backup, MANIFEST_NEXT);
	if (!backup->broken &&
	    (renameat(backup->folder, MANIFEST_NEXT, backup->folder, MANIFEST_FILE) < 0 ||
	     fsync(backup->folder) < 0))
		backup_stop(backup, MANIFEST_FILE);
	if (backup->broken)
		return EX_CANTCREAT;
	manifest_sort(&backup->next);
	sweep_all(backup);
	return backup->result.failed > 0 ? EX_TEMPFAIL : EX_OK;
}

int backup_make(const struct conf *conf, const char *folder, const struct backup_choice *choice,
		struct backup_result *result_r)
{
	struct backup backup = {.conf = conf,
				.choice = choice,
				.user_path = backup_user_path(choice->user),
				.folder = -1};
	struct timespec now;
	int code = folder_open(&backup, folder);

	clock_gettime(CLOCK_REALTIME, &now);
	backup.started = now.tv_sec * NANOSECONDS + now.tv_nsec;
	if (code == EX_OK) {
		backup.writer = manifest_writer_open(backup.folder, MANIFEST_NEXT, now.tv_sec);
		if (backup.writer == NULL) {
			backup_stop(&backup, MANIFEST_NEXT);
			code = EX_CANTCREAT;
		}
	}
	if (code == EX_OK) {
		for (const struct state_place *place = state_places;
		     place->name != NULL && !backup.broken; place++)
			if (state_is_copied(place) &&
			    (backup.user_path != NULL
				     ? place->kind == STATE_STORES
				     : backup_is_chosen(choice, NULL, place->name)))
				backup_place(&backup, place);
		if (choice->user == NULL && choice->only == NULL)
			state_unknown(conf, warn_unknown, NULL);
		code = finish(&backup);
	}
	*result_r = backup.result;
	manifest_free(&backup.old);
	manifest_free(&backup.next);
	if (backup.folder >= 0)
		close(backup.folder);
	free(backup.user_path);
	free(backup.path);
	return code;
}
