/*
 * restore_user.c - a user's store and quarantine, with lda_user's rights.
 *
 * Held messages first, each synced under its own name, then all rows in one transaction of the
 * store that is there (schema/store_backup.h). Deliveries and corrections of this user wait for
 * that transaction, nobody else's do. Killed before it, the files are left-overs, which the daily
 * sweep removes or indexes as it does with any.
 */
#include "restore.h"

#include "act_as.h"
#include "backup_tree.h"
#include "command.h"
#include "lib/file.h"
#include "lib/xalloc.h"
#include "schema/store_backup.h"
#include "spamtrain/user/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

struct held {
	char *file;
	bool put; /* was not there before */
};

struct user_restore {
	struct restore *restore;
	const char *path; /* in the backup */
	char *live;
	bool created;
	struct store_restore *store;
	struct held *held; /* files of the quarantine */
	size_t held_count;
	char *error;
};

/* A user who had no store before. */
struct restore_created {
	char *live;
	bool whole; /* his restore was done */
	struct held *held;
	size_t held_count;
	struct restore_created *next;
};

/* ---- the quarantine ---- */

static int held_folder(const struct user_restore *u)
{
	char *path = xasprintf("%s/" QUARANTINE_FOLDER, u->live);
	int fd = -1;

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	free(path);
	return fd;
}

static int held_write(int folder, const char *file, int from)
{
	char part[64];
	struct manifest_entry ignored;
	int fd, ret = -1, saved;

	/* A name that the sweep knows as unfinished. */
	snprintf(part, sizeof(part), "tmp.%d.restore", (int)getpid());
	unlinkat(folder, part, 0);
	fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (tree_copy(from, fd, &ignored) == 0 && fsync(fd) == 0)
		ret = 0;
	saved = errno;
	if (close(fd) < 0 && ret == 0) {
		saved = errno;
		ret = -1;
	}
	if (ret == 0 && renameat(folder, part, folder, file) < 0) {
		saved = errno;
		ret = -1;
	}
	if (ret < 0)
		unlinkat(folder, part, 0);
	errno = saved;
	return ret;
}

static void held_note(struct user_restore *u, const char *file, bool put)
{
	u->held = xrealloc(u->held, (u->held_count + 1) * sizeof(*u->held));
	u->held[u->held_count++] = (struct held){xstrdup(file), put};
}

static void held_free(struct held *held, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(held[i].file);
	free(held);
}

/* Those that came with the restore. */
static void held_remove(const char *live, const struct held *held, size_t count)
{
	char *path = xasprintf("%s/" QUARANTINE_FOLDER, live);
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	for (size_t i = 0; i < count && folder >= 0; i++)
		if (held[i].put)
			unlinkat(folder, held[i].file, 0);
	if (folder >= 0)
		close(folder);
	free(path);
}

/* With our own rights from the backup, with lda_user's into his folder. */
static bool held_put(void *context, const char *file, uint64_t size)
{
	struct user_restore *u = context;
	const struct conf *conf = u->restore->admin->conf;
	char *path = xasprintf("%s/" QUARANTINE_FOLDER "/%s", u->path, file);
	int from = backup_set_file(u->restore->set, path, &u->error), folder = -1;
	struct stat st;

	(void)size;
	if (from >= 0 && act_as(conf_text(conf, P_LDA_USER), &u->error) == 0) {
		folder = held_folder(u);
		bool there = folder >= 0 && fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) == 0;
		if (folder < 0 || (!there && held_write(folder, file, from) < 0))
			u->error = xasprintf("%s/" QUARANTINE_FOLDER "/%s: %s", u->live, file,
					     strerror(errno));
		else
			held_note(u, file, !there);
		if (folder >= 0)
			close(folder);
	}
	act_as_self();
	if (from >= 0)
		close(from);
	free(path);
	return u->error == NULL;
}

/* ---- the store ---- */

static int store_prepare(struct user_restore *u)
{
	char *path = xasprintf("%s/" STORE_BACKUP_FILE, u->live);
	struct store *store = NULL;
	struct stat st;

	u->created = stat(path, &st) < 0 && errno == ENOENT;
	enum store_status status = store_open(&store, u->live, true, &u->error);
	store_close(&store);
	free(path);
	return status == STORE_OK ? 0 : -1;
}

static int store_install(struct user_restore *u)
{
	int folder = u->held_count == 0 ? -1 : held_folder(u);

	if (u->held_count > 0 && (folder < 0 || fsync(folder) < 0))
		u->error = xasprintf("%s/" QUARANTINE_FOLDER ": %s", u->live, strerror(errno));
	if (folder >= 0)
		close(folder);
	if (u->error != NULL)
		return -1;
	return store_restore_install(u->store, u->live, &u->error) == STORE_OK ? 0 : -1;
}

/* Nothing is left of an attempt. */
static void undo(struct user_restore *u)
{
	char *ignored = NULL;

	held_remove(u->live, u->held, u->held_count);
	if (u->created)
		store_remove_unused(u->live, &ignored);
	free(ignored);
}

static int as_owner(struct user_restore *u, int (*work)(struct user_restore *u))
{
	int ret = act_as(conf_text(u->restore->admin->conf, P_LDA_USER), &u->error);

	if (ret == 0)
		ret = work(u);
	act_as_self();
	return ret;
}

static int undo_as_owner(struct user_restore *u)
{
	undo(u);
	return 0;
}

/* He can go back to having none: restore_created_remove(). */
static void note_created(struct user_restore *u, bool whole)
{
	struct restore_created *created = xmalloc(sizeof(*created));

	*created = (struct restore_created){u->live, whole, u->held, u->held_count,
					    u->restore->created};
	u->restore->created = created;
	u->live = NULL;
	u->held = NULL;
	u->held_count = 0;
}

int restore_user(struct restore *restore, const struct manifest_entry *entry, char **error_r)
{
	const char *users = conf_text(restore->admin->conf, P_USERS_DIRECTORY);
	char *folder = xasprintf("%s/%s", restore->set->path, entry->path);
	struct user_restore u = {.restore = restore, .path = entry->path};
	int ret = -1;

	u.live = xasprintf("%s%s", users, strchr(entry->path, '/'));
	if (store_restore_open(&u.store, folder, &u.error) == STORE_OK) {
		if (as_owner(&u, store_prepare) == 0 &&
		    store_restore_quarantine(u.store, held_put, &u, &u.error) == STORE_OK &&
		    u.error == NULL)
			ret = as_owner(&u, store_install);
		if (ret < 0) {
			char *why = u.error;
			u.error = NULL;
			as_owner(&u, undo_as_owner);
			free(u.error);
			u.error = why;
		}
	}
	store_restore_close(&u.store);
	*error_r = u.error;
	if (ret < 0 && *error_r == NULL)
		*error_r = xasprintf("%s: cannot be restored", u.live);
	/* Also what a full disk has kept from being removed: there is room when others are. */
	if (u.created && access(u.live, F_OK) == 0)
		note_created(&u, ret == 0);
	held_free(u.held, u.held_count);
	free(u.live);
	free(folder);
	return ret;
}

/* ---- those who had none ---- */

static bool came_with_it(void *context, const char *file)
{
	const struct restore_created *created = context;
	bool came = false;

	for (size_t i = 0; i < created->held_count && !came; i++)
		came = strcmp(created->held[i].file, file) == 0;
	return came;
}

static int created_remove(struct restore_created *created, const char *owner, char **error_r)
{
	char *quarantine = xasprintf("%s/" QUARANTINE_FOLDER, created->live);
	int ret = act_as(owner, error_r);
	enum store_status status = STORE_OK;

	if (ret == 0)
		status = created->whole ? store_remove_restored(created->live, came_with_it,
								created, error_r)
					: store_remove_unused(created->live, error_r);
	if (status == STORE_DEFER)
		ret = -1;
	if (ret == 0) {
		held_remove(created->live, created->held, created->held_count);
		rmdir(quarantine);
		rmdir(created->live);
	}
	act_as_self();
	free(quarantine);
	return ret;
}

size_t restore_created_remove(const struct restore *restore)
{
	const char *owner = conf_text(restore->admin->conf, P_LDA_USER);
	size_t failed = 0;

	for (struct restore_created *created = restore->created; created != NULL;
	     created = created->next) {
		char *error = NULL;
		if (created_remove(created, owner, &error) == 0)
			continue;
		complain("%s came with the restore and stays: %s", created->live, error);
		free(error);
		failed++;
	}
	return failed;
}

void restore_created_free(struct restore *restore)
{
	for (struct restore_created *created = restore->created, *next; created != NULL;
	     created = next) {
		next = created->next;
		held_free(created->held, created->held_count);
		free(created->live);
		free(created);
	}
	restore->created = NULL;
}

/* ---- damaged ones ---- */

struct restore_moved {
	char *path, *beside;
	const char *owner;
	struct restore_moved *next;
};

/* Of a name that is there, or is not; never over another. */
static int rename_part(const char *from, const char *to, const char *suffix)
{
	char *old = xasprintf("%s%s", from, suffix), *new = xasprintf("%s%s", to, suffix);
	int ret = renameat2(AT_FDCWD, old, AT_FDCWD, new, RENAME_NOREPLACE);

	free(old);
	free(new);
	return ret < 0 && errno != ENOENT ? -1 : 0;
}

/* Whoever has it open sees by its inode that it is gone. The log first: it is worthless alone. */
static int set_aside(struct restore *restore, const char *path, const char *owner, char **error_r)
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal", ""};
	const char *name = strrchr(path, '/') + 1;
	struct restore_moved *moved = xcalloc(1, sizeof(*moved));
	int ret = 0;

	*moved = (struct restore_moved){.path = xstrdup(path), .owner = owner};
	moved->beside = xasprintf("%.*sdamaged.%lld.%s", (int)(name - path), path,
				  (long long)time(NULL), name);
	moved->next = restore->moved;
	restore->moved = moved;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes) && ret == 0; i++)
		ret = rename_part(path, moved->beside, suffixes[i]);
	if (ret < 0)
		*error_r = xasprintf("%s: %s", path, strerror(errno));
	else
		complain("%s was damaged: it is kept as %s", path, moved->beside);
	return ret;
}

static int look_at(struct restore *restore, const char *path, const char *owner, char **error_r)
{
	int ret = act_as(owner, error_r);

	if (ret == 0 && sqlite_is_damaged(path))
		ret = set_aside(restore, path, owner, error_r);
	act_as_self();
	return ret;
}

int restore_set_aside_damaged(struct restore *restore)
{
	const struct conf *conf = restore->admin->conf;
	const char *users = conf_text(conf, P_USERS_DIRECTORY);
	char *user_path = backup_user_path(restore->choice.user), *error = NULL;
	int ret = 0;

	for (size_t i = 0; i < restore->set->manifest.count && ret == 0; i++) {
		const struct manifest_entry *entry = &restore->set->manifest.list[i];
		const struct state_place *place =
			state_find(entry->path, strcspn(entry->path, "/"));
		char *path = NULL;
		if (!backup_is_chosen(&restore->choice, user_path, entry->path))
			continue;
		if (entry->type == MANIFEST_USER) {
			path = xasprintf("%s%s/" STORE_BACKUP_FILE, users,
					 strchr(entry->path, '/'));
			ret = look_at(restore, path, conf_text(conf, P_LDA_USER), &error);
		} else if (place->kind == STATE_POLICY) {
			path = state_path(place, conf);
			ret = look_at(restore, path, "root", &error);
		}
		free(path);
	}
	if (ret < 0)
		complain("%s", error);
	free(error);
	free(user_path);
	return ret < 0 ? EX_CANTCREAT : EX_OK;
}

/* Its log would be another store's, were it not there itself. */
static void give_back(const struct restore_moved *moved)
{
	if (access(moved->beside, F_OK) == 0 && rename_part(moved->beside, moved->path, "") < 0)
		return;
	rename_part(moved->beside, moved->path, "-journal");
	rename_part(moved->beside, moved->path, "-wal");
	rename_part(moved->beside, moved->path, "-shm");
	complain("%s has its name again", moved->path);
}

void restore_damaged_finish(struct restore *restore, bool back)
{
	for (struct restore_moved *moved = restore->moved, *next; moved != NULL; moved = next) {
		char *error = NULL;
		next = moved->next;
		if (back && act_as(moved->owner, &error) == 0)
			give_back(moved);
		act_as_self();
		free(error);
		free(moved->path);
		free(moved->beside);
		free(moved);
	}
	restore->moved = NULL;
}
