/*
 * backup_set.c - reads a backup, as if a stranger had written it: through no link, only what root
 * alone can change, with every checksum.
 */
#include "backup.h"

#include "backup_tree.h"
#include "command.h"
#include "lib/address.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "schema/migrate.h"
#include "schema/store_backup.h"
#include "spamtrain/user/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- users' paths ---- */

static bool level_append(struct strbuf *out, const char *name, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (name[i] != '%') {
			strbuf_append_char(out, name[i]);
			continue;
		}
		int high = i + 2 < size ? span_hex_digit(name[i + 1]) : -1;
		int low = high < 0 ? -1 : span_hex_digit(name[i + 2]);
		if (low < 0)
			return false;
		strbuf_append_char(out, (char)(high * 16 + low));
		i += 2;
	}
	return true;
}

char *backup_path_user(const char *path)
{
	struct strbuf user = STRBUF_INIT;
	const char *domain = strchr(path, '/'),
		   *local = domain == NULL ? NULL : strchr(domain + 1, '/');
	char *back = NULL;

	if (local != NULL && level_append(&user, local + 1, strlen(local + 1))) {
		strbuf_append_char(&user, '@');
		/* What reads the same must also be written the same. */
		if (level_append(&user, domain + 1, (size_t)(local - domain - 1)) &&
		    strlen(strbuf_text(&user)) == user.size)
			back = store_user_directory("users", strbuf_text(&user));
	}
	bool same = back != NULL && strcmp(back, path) == 0;
	free(back);
	if (same)
		return strbuf_steal(&user);
	strbuf_free(&user);
	return NULL;
}

/* ---- open ---- */

static bool is_roots(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & 022) == 0;
}

/* Which of two manifests tells the truth about a file? */
static bool matches(int folder, const struct manifest_entry *entry)
{
	char digest[MANIFEST_DIGEST_SIZE];
	uint64_t size;
	int fd = tree_open_file(folder, entry->path);
	bool same = fd >= 0 && tree_digest(fd, digest, &size) == 0 && size == entry->size &&
		    strcmp(digest, entry->digest) == 0;

	if (fd >= 0)
		close(fd);
	return same;
}

static void take(struct manifest *to, const struct manifest_entry *entry)
{
	struct manifest_entry copy = *entry;

	copy.path = xstrdup(entry->path);
	manifest_add(to, &copy);
}

static bool user_matches(int folder, const struct manifest *next, size_t i)
{
	return i + 1 < next->count && next->list[i + 1].type == MANIFEST_ONE_FILE &&
	       matches(folder, &next->list[i + 1]);
}

/*
 * The interrupted run gave some files their names. A user's is the store that comes first; of what
 * the last whole backup had everything else is still there.
 */
static void merge_next(int folder, struct manifest *manifest, const struct manifest *next)
{
	const struct manifest *old = manifest;
	struct manifest merged = {.taken = old->taken};

	for (size_t i = 0; i < old->count; i++) {
		const struct manifest_entry *entry = &old->list[i];
		const struct manifest_entry *fresh = manifest_find(next, entry->path);
		size_t at = fresh == NULL ? 0 : (size_t)(fresh - next->list);
		if (entry->type == MANIFEST_USER) {
			size_t end = manifest_user_end(old, i);
			bool newer = fresh != NULL && fresh->type == MANIFEST_USER &&
				     user_matches(folder, next, at);
			const struct manifest *from = newer ? next : old;
			size_t j = newer ? at : i;
			for (size_t stop = newer ? manifest_user_end(next, at) : end; j < stop; j++)
				take(&merged, &from->list[j]);
			i = end - 1;
		} else {
			take(&merged, fresh != NULL && fresh->type == entry->type &&
						      (fresh->type != MANIFEST_ONE_FILE ||
						       matches(folder, fresh))
					      ? fresh
					      : entry);
		}
	}
	manifest_free(manifest);
	*manifest = merged;
	manifest_sort(manifest);
}

bool backup_merge_interrupted(int folder, struct manifest *manifest)
{
	struct manifest next;
	char *error = NULL;
	bool interrupted = true;

	if (manifest_load(&next, folder, MANIFEST_NEXT, true, &error) == 0) {
		merge_next(folder, manifest, &next);
		manifest_free(&next);
	} else {
		interrupted = errno != ENOENT;
	}
	free(error);
	return interrupted;
}

static int trust(const struct backup_set *set)
{
	struct stat st;

	if (fstat(set->folder, &st) == 0 && is_roots(&st)) {
		if (tree_way_is_safe(set->folder))
			return EX_OK;
		complain(BACKUP_UNSAFE_WAY, set->path);
		return EX_NOPERM;
	}
	complain("%s: a backup must be root's, and nobody else may write it: chown -R root: and "
		 "chmod -R go= it, if you trust what is in it",
		 set->path);
	return EX_NOPERM;
}

int backup_set_open(struct backup_set *set, const char *path)
{
	char *error = NULL;
	int code;

	*set = (struct backup_set){.path = xstrdup(path)};
	set->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (set->folder < 0) {
		complain("cannot open the backup %s: %s", path, strerror(errno));
		return EX_NOINPUT;
	}
	code = trust(set);
	if (code != EX_OK)
		return code;
	if (flock(set->folder, LOCK_SH | LOCK_NB) < 0) {
		complain("%s: a backup into it is running", path);
		return EX_TEMPFAIL;
	}
	if (manifest_load(&set->manifest, set->folder, MANIFEST_FILE, false, &error) < 0) {
		bool missing = errno == ENOENT;
		set->interrupted = faccessat(set->folder, MANIFEST_NEXT, F_OK, 0) == 0;
		complain(!missing ? "%s/%s"
			 : set->interrupted
				 ? "%s: its first backup was interrupted; there is nothing to "
				   "restore"
				 : "%s is no backup of Shoveler: it has no " MANIFEST_FILE,
			 path, error);
		free(error);
		return EX_DATAERR;
	}
	set->interrupted = backup_merge_interrupted(set->folder, &set->manifest);
	return EX_OK;
}

void backup_set_close(struct backup_set *set)
{
	manifest_free(&set->manifest);
	if (set->folder >= 0)
		close(set->folder);
	free(set->path);
}

/* ---- check ---- */

/* Every folder on the way is root's, too. */
static bool way_is_roots(const struct backup_set *set, const char *path)
{
	char *folder = xstrdup(path), *slash;
	bool good = true;
	struct stat st;

	while (good && (slash = strrchr(folder, '/')) != NULL) {
		*slash = '\0';
		int fd = tree_open_folder(set->folder, folder, false);
		good = fd >= 0 && fstat(fd, &st) == 0 && is_roots(&st);
		if (fd >= 0)
			close(fd);
	}
	free(folder);
	return good;
}

int backup_set_file(const struct backup_set *set, const char *path, char **error_r)
{
	struct stat st;
	int fd = tree_open_file(set->folder, path);

	if (fd < 0) {
		*error_r = xasprintf("%s/%s: %s", set->path, path,
				     errno == EINVAL || errno == ELOOP || errno == ENOTDIR
					     ? "a link or a special file"
					     : strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && is_roots(&st) && way_is_roots(set, path))
		return fd;
	close(fd);
	*error_r = xasprintf("%s/%s: it, or a folder on the way, is not root's alone", set->path,
			     path);
	return -1;
}

static bool file_check(const struct backup_set *set, const struct manifest_entry *entry,
		       char **error_r)
{
	char digest[MANIFEST_DIGEST_SIZE];
	int fd = backup_set_file(set, entry->path, error_r);
	uint64_t size;

	if (fd < 0)
		return false;
	bool good = tree_digest(fd, digest, &size) == 0 && size == entry->size &&
		    strcmp(digest, entry->digest) == 0;
	close(fd);
	if (!good)
		*error_r = xasprintf("%s/%s: damaged: it is not what the manifest says", set->path,
				     entry->path);
	return good;
}

struct held {
	const struct backup_set *set;
	const char *path;
	char *missing;
};

static bool held_check(void *context, const char *file, uint64_t size)
{
	struct held *held = context;
	char *path = xasprintf("%s/" QUARANTINE_FOLDER "/%s", held->path, file);
	const struct manifest_entry *entry = manifest_find(&held->set->manifest, path);

	(void)size;
	if (strchr(file, '/') == NULL && file[0] != '.' && entry != NULL &&
	    entry->type == MANIFEST_ONE_FILE) {
		free(path);
		return true;
	}
	held->missing = path;
	return false;
}

static bool user_check(const struct backup_set *set, const struct manifest_entry *entry,
		       char **error_r)
{
	char *folder = xasprintf("%s/%s", set->path, entry->path);
	char *user = backup_path_user(entry->path);
	struct held held = {.set = set, .path = entry->path};
	struct store_restore *restore = NULL;
	bool good = false;

	if (user == NULL) {
		*error_r = xasprintf("%s: no user's folder", folder);
	} else if (store_restore_open(&restore, folder, error_r) == STORE_OK &&
		   store_restore_quarantine(restore, held_check, &held, error_r) == STORE_OK) {
		good = held.missing == NULL;
		if (!good)
			*error_r = xasprintf("%s/%s is listed in the quarantine and missing",
					     set->path, held.missing);
	}
	store_restore_close(&restore);
	free(held.missing);
	free(user);
	free(folder);
	return good;
}

static bool rights_check(const struct manifest_entry *entry, char **error_r)
{
	uid_t uid;
	gid_t gid;

	if (strcmp(entry->owner, "-") == 0)
		return true;
	if (entry->type == MANIFEST_ONE_FILE && (entry->mode & 07002) != 0)
		*error_r = xasprintf("%s: mode %04o is none of Shoveler's files", entry->path,
				     (unsigned)entry->mode);
	else if (!tree_ids(entry, &uid, &gid))
		*error_r = xasprintf("%s belongs to %s:%s, whom this system does not know: install "
				     "the packages first",
				     entry->path, entry->owner, entry->group);
	return *error_r == NULL;
}

static bool entry_check(const struct backup_set *set, const struct manifest_entry *entry,
			char **error_r)
{
	bool good = entry->type == MANIFEST_USER || rights_check(entry, error_r);
	const struct state_place *place = state_find(entry->path, strcspn(entry->path, "/"));

	if (good && entry->type == MANIFEST_ONE_FILE)
		good = file_check(set, entry, error_r);
	if (good && place->kind == STATE_POLICY) {
		char *path = xasprintf("%s/%s", set->path, entry->path);
		good = sqlite_restore(path, migrations_policy, NULL, error_r) == STORE_OK;
		free(path);
	}
	if (good && entry->type == MANIFEST_USER)
		good = user_check(set, entry, error_r);
	return good;
}

/* Files of users before the users: SQLite opens nothing that was not looked at. */
int backup_set_check(const struct backup_set *set, const struct backup_choice *choice,
		     size_t *count_r)
{
	char *user_path = backup_user_path(choice->user);
	size_t damaged = 0;

	*count_r = 0;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < set->manifest.count; i++) {
			const struct manifest_entry *entry = &set->manifest.list[i];
			char *error = NULL;
			if ((entry->type == MANIFEST_USER) != (pass == 1) ||
			    !backup_is_chosen(choice, user_path, entry->path))
				continue;
			++*count_r;
			if (!entry_check(set, entry, &error)) {
				complain("%s", error);
				damaged++;
			}
			free(error);
		}
		if (damaged > 0)
			break;
	}
	free(user_path);
	return damaged > 0 ? EX_DATAERR : EX_OK;
}
