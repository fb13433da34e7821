/*
 * restore_back.c - the way back from a restore that fails: what was there is kept in
 * "before-restore" in state_directory, and on each file system so much room as putting it back
 * needs.
 *
 * That room is a file without a name, which goes with us whatever happens. While it is held, a full
 * disk stops the restore, or others, but not the way back.
 */
#include "restore.h"

#include "backup_tree.h"
#include "command.h"
#include "lib/xalloc.h"
#include "schema/store_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define ASIDE_NAME   "before-restore"
#define RESERVE_NAME ".shoveler-reserve"
#define RESERVES_MAX 16
#define SLACK_BYTES  (256 * 1024) /* folders, journals, indexes of logs */

struct reserve {
	dev_t device;
	int folder, file; /* descriptors; of the first place on it */
	uint64_t sum, largest;
};

struct restore_back {
	char *path; /* of before-restore, which goes at the end; NULL: it stays, or there is none */
	bool from_it; /* it is what is restored */
	struct reserve reserves[RESERVES_MAX];
	size_t reserve_count;
};

/* ---- room ---- */

/* The device of an entry's place. NULL: it has none of its own, or nothing is there. */
static struct reserve *reserve_of(struct restore_back *back, const struct restore *restore,
				  const char *path)
{
	const struct state_place *place = state_find(path, strcspn(path, "/"));
	char *below;
	int base = restore_place_base(place, restore->admin->conf, path, &below);
	struct stat st;
	size_t i = 0;

	free(below);
	if (base < 0 || fstat(base, &st) < 0) {
		if (base >= 0)
			close(base);
		return NULL;
	}
	while (i < back->reserve_count && back->reserves[i].device != st.st_dev)
		i++;
	if (i == RESERVES_MAX || i < back->reserve_count) {
		close(base);
		return i == RESERVES_MAX ? NULL : &back->reserves[i];
	}
	back->reserves[back->reserve_count++] =
		(struct reserve){.device = st.st_dev, .folder = base, .file = -1};
	return &back->reserves[i];
}

/*
 * A store goes back through its log, which is emptied behind it, so that the largest counts; what
 * is held was never taken away; any other file is written beside the one that it replaces.
 */
static void reserve_add(struct reserve *reserve, const struct manifest_entry *entry)
{
	const char *name = strrchr(entry->path, '/');
	bool store = strncmp(entry->path, "users/", 6) == 0;

	if (strcmp(name == NULL ? entry->path : name + 1, STORE_BACKUP_FILE) == 0 && store) {
		if (reserve->largest < 2 * entry->size)
			reserve->largest = 2 * entry->size;
	} else if (strcmp(entry->path, "policy.sqlite") == 0) {
		reserve->sum += 2 * entry->size;
	} else if (!store || strstr(entry->path, "/quarantine/") == NULL) {
		reserve->sum += entry->size;
	}
}

static bool reserve_take(struct reserve *reserve)
{
	uint64_t size = reserve->sum + reserve->largest + SLACK_BYTES;
	int code;

	unlinkat(reserve->folder, RESERVE_NAME, 0);
	reserve->file = openat(reserve->folder, RESERVE_NAME,
			       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (reserve->file < 0)
		return false;
	unlinkat(reserve->folder, RESERVE_NAME, 0);
	while ((code = posix_fallocate(reserve->file, 0, (off_t)size)) == EINTR)
		;
	errno = code;
	return code == 0;
}

static void reserves_release(struct restore_back *back)
{
	for (size_t i = 0; i < back->reserve_count; i++) {
		close(back->reserves[i].folder);
		if (back->reserves[i].file >= 0)
			close(back->reserves[i].file);
	}
	back->reserve_count = 0;
}

static int reserves_take(struct restore_back *back, const struct restore *restore)
{
	struct backup_set set;
	int code = backup_set_open(&set, back->path);

	for (size_t i = 0; code == EX_OK && i < set.manifest.count; i++) {
		const struct manifest_entry *entry = &set.manifest.list[i];
		struct reserve *reserve = entry->type == MANIFEST_ONE_FILE
						  ? reserve_of(back, restore, entry->path)
						  : NULL;
		if (reserve != NULL)
			reserve_add(reserve, entry);
	}
	backup_set_close(&set);
	for (size_t i = 0; code == EX_OK && i < back->reserve_count; i++) {
		if (reserve_take(&back->reserves[i]))
			continue;
		complain("no room to put back what is there now: %s", strerror(errno));
		code = EX_CANTCREAT;
	}
	return code;
}

/* ---- the former state ---- */

static bool is_same_folder(const char *a, const char *b)
{
	struct stat first, second;

	return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

/* What an earlier restore kept, unless it had only begun to: then nothing had been changed yet. */
static int aside_is_free(const char *path)
{
	char *manifest = xasprintf("%s/" MANIFEST_FILE, path);
	bool kept = access(manifest, F_OK) == 0;

	free(manifest);
	if (kept) {
		complain("a restore was interrupted: %s holds what was there before. "
			 "`shoveler restore %s` puts it back; remove it if all is well",
			 path, path);
		return EX_TEMPFAIL;
	}
	if (tree_remove(AT_FDCWD, path) == 0)
		return EX_OK;
	complain("cannot remove %s: %s", path, strerror(errno));
	return EX_CANTCREAT;
}

static int aside_make(struct restore_back *back, const struct restore *restore)
{
	struct backup_result result;
	int code = backup_make(restore->admin->conf, back->path, &restore->choice, &result);

	if (code == EX_OK)
		code = reserves_take(back, restore);
	if (code == EX_OK)
		return EX_OK;
	complain("what is there now cannot be kept in %s: nothing was restored", back->path);
	tree_remove(AT_FDCWD, back->path);
	return code;
}

/* What was kept for more than this is still wanted. */
static bool is_all_of_it(const struct restore *restore)
{
	char *user_path = backup_user_path(restore->choice.user);
	bool all = true;

	for (size_t i = 0; i < restore->set->manifest.count && all; i++)
		all = backup_is_chosen(&restore->choice, user_path,
				       restore->set->manifest.list[i].path);
	free(user_path);
	return all;
}

int restore_back_prepare(struct restore_back **back_r, const struct restore *restore)
{
	const char *state = conf_text(restore->admin->conf, P_STATE_DIRECTORY);
	struct restore_back *back = xcalloc(1, sizeof(*back));
	char *path = xasprintf("%s/" ASIDE_NAME, state);
	int code = EX_OK;

	*back_r = back;
	back->path = path;
	back->from_it = is_same_folder(path, restore->set->path);
	if (!back->from_it)
		code = aside_is_free(path);
	if (code == EX_OK && !back->from_it && restore->choice.user == NULL)
		code = aside_make(back, restore);
	if (code != EX_OK ||
	    (back->from_it ? !is_all_of_it(restore) : restore->choice.user != NULL)) {
		free(back->path);
		back->path = NULL;
	}
	return code;
}

/* A file that came with the restore. */
static int created_remove(const struct restore *restore, const struct manifest_entry *entry)
{
	const struct state_place *place = state_find(entry->path, strcspn(entry->path, "/"));
	const char *name;
	char *below;
	int base = restore_place_base(place, restore->admin->conf, entry->path, &below);
	int parent = base < 0 ? -1 : tree_open_parent(base, below, false, &name);
	int ret = parent < 0 || (unlinkat(parent, name, 0) < 0 && errno != ENOENT) ? -1 : 0;
	int saved = errno;

	if (parent >= 0)
		close(parent);
	if (base >= 0)
		close(base);
	free(below);
	errno = saved;
	return ret;
}

/* How many files and stores that came with the restore cannot be removed, after the complaint. */
static size_t all_created_remove(const struct restore *restore, const struct manifest *former)
{
	size_t failed = restore_created_remove(restore);

	for (size_t i = 0; i < restore->set->manifest.count; i++) {
		const struct manifest_entry *entry = &restore->set->manifest.list[i];
		if (!restore->done[i] || entry->type != MANIFEST_ONE_FILE ||
		    manifest_find(former, entry->path) != NULL)
			continue;
		if ((strcmp(entry->path, "policy.sqlite") == 0
			     ? restore_policy_remove(restore->admin->conf)
			     : created_remove(restore, entry)) == 0)
			continue;
		complain("%s came with the restore and cannot be removed: %s", entry->path,
			 strerror(errno));
		failed++;
	}
	return failed;
}

/* What came goes first: it may have filled the disk. Is all as it was? */
static bool put_back(const struct restore *restore, const char *path)
{
	struct backup_set set;
	struct restore undo = {
		.admin = restore->admin, .set = &set, .choice = restore->choice, .undoes = restore};
	bool all = backup_set_open(&set, path) == EX_OK;

	if (all) {
		size_t failed = all_created_remove(restore, &set.manifest);
		all = restore_apply(&undo) + failed == 0;
	}
	restore_created_free(&undo);
	free(undo.done);
	backup_set_close(&set);
	return all;
}

void restore_back_go(struct restore_back *back, const struct restore *restore)
{
	char *path = back->path;

	reserves_release(back);
	if (back->from_it) {
		back->path = NULL;
	} else if (path == NULL) {
		complain("all is as it was before");
		return;
	} else if (put_back(restore, path)) {
		complain("what was there before was put back");
		return;
	} else {
		back->path = NULL;
		complain("not all of what was there before could be put back; it is in %s, and "
			 "`shoveler restore %s` tries again",
			 path, path);
	}
	free(path);
}

void restore_back_finish(struct restore_back **back)
{
	if (*back == NULL)
		return;
	reserves_release(*back);
	if ((*back)->path != NULL)
		tree_remove(AT_FDCWD, (*back)->path);
	free((*back)->path);
	free(*back);
	*back = NULL;
}
