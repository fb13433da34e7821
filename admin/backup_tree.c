#include "backup_tree.h"

#include "lib/file.h"
#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define COPY_SIZE    (128 * 1024)
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define NANOSECONDS  INT64_C(1000000000)
#define WALK_DEPTH   64

int tree_open_base(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid == 0)
		return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return open(path, FOLDER_FLAGS);
}

bool tree_way_is_safe(int folder)
{
	int fd = openat(folder, "..", FOLDER_FLAGS);
	bool safe = fd >= 0, top = false;
	struct stat below, st;

	for (safe = safe && fstat(folder, &below) == 0; safe && !top; below = st) {
		safe = fstat(fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()) &&
		       ((st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX) != 0);
		top = st.st_dev == below.st_dev && st.st_ino == below.st_ino;
		int above = openat(fd, "..", FOLDER_FLAGS);
		close(fd);
		fd = above;
		safe = safe && fd >= 0;
	}
	if (fd >= 0)
		close(fd);
	return safe;
}

static int open_level(int parent, const char *name, bool make)
{
	int fd = openat(parent, name, FOLDER_FLAGS);

	if (fd < 0 && errno == ENOENT && make && mkdirat(parent, name, 0700) == 0)
		fd = openat(parent, name, FOLDER_FLAGS);
	return fd;
}

int tree_open_folder(int base, const char *path, bool make)
{
	char *copy = xstrdup(path), *rest = copy, *name;
	int fd = openat(base, ".", FOLDER_FLAGS);

	while (fd >= 0 && (name = strsep(&rest, "/")) != NULL) {
		if (*name == '\0' || strcmp(name, ".") == 0)
			continue;
		int next = strcmp(name, "..") == 0 ? -1 : open_level(fd, name, make);
		int saved = errno;
		close(fd);
		errno = saved;
		fd = next;
	}
	free(copy);
	return fd;
}

int tree_open_parent(int base, const char *path, bool make, const char **name_r)
{
	const char *slash = strrchr(path, '/');

	*name_r = slash == NULL ? path : slash + 1;
	char *folder = slash == NULL ? xstrdup("") : xstrndup(path, (size_t)(slash - path));
	int fd = tree_open_folder(base, folder, make);
	free(folder);
	return fd;
}

int tree_open_file(int base, const char *path)
{
	const char *name;
	int parent = tree_open_parent(base, path, false, &name), fd, saved;
	struct stat st;

	if (parent < 0)
		return -1;
	fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	saved = errno;
	close(parent);
	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		fd = -1;
		saved = EINVAL;
	}
	errno = saved;
	return fd;
}

/* ---- content ---- */

/* to -1: only reads. */
static int transfer(int from, int to, char *digest, uint64_t *size_r)
{
	char *buffer = xmalloc(COPY_SIZE);
	XXH3_state_t *state = XXH3_createState();
	uint64_t size = 0;
	ssize_t got = 1;
	int ret = 0;

	XXH3_128bits_reset(state);
	while (ret == 0 && got != 0) {
		got = read(from, buffer, COPY_SIZE);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			ret = -1;
			break;
		}
		XXH3_128bits_update(state, buffer, (size_t)got);
		size += (uint64_t)got;
		if (to >= 0)
			ret = file_write_all(to, (struct span){buffer, (size_t)got});
	}
	int saved = errno;
	XXH128_hash_t hash = XXH3_128bits_digest(state);
	snprintf(digest, MANIFEST_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
		 (uint64_t)hash.low64);
	XXH3_freeState(state);
	free(buffer);
	if (size_r != NULL)
		*size_r = size;
	errno = saved;
	return ret;
}

int tree_digest(int fd, char digest[MANIFEST_DIGEST_SIZE], uint64_t *size_r)
{
	return transfer(fd, -1, digest, size_r);
}

int tree_copy(int from, int to, struct manifest_entry *entry_r)
{
	return transfer(from, to, entry_r->digest, &entry_r->size);
}

/* ---- rights ---- */

/* A number, should the system know no name. */
static void owner_name(uid_t uid, char *name)
{
	static uid_t last_uid = (uid_t)-1;
	static char last[MANIFEST_NAME_SIZE];

	if (uid != last_uid) {
		const struct passwd *passwd = getpwuid(uid);
		if (passwd != NULL && strlen(passwd->pw_name) < sizeof(last))
			strcpy(last, passwd->pw_name);
		else
			snprintf(last, sizeof(last), "%u", (unsigned)uid);
		last_uid = uid;
	}
	strcpy(name, last);
}

static void group_name(gid_t gid, char *name)
{
	static gid_t last_gid = (gid_t)-1;
	static char last[MANIFEST_NAME_SIZE];

	if (gid != last_gid) {
		const struct group *group = getgrgid(gid);
		if (group != NULL && strlen(group->gr_name) < sizeof(last))
			strcpy(last, group->gr_name);
		else
			snprintf(last, sizeof(last), "%u", (unsigned)gid);
		last_gid = gid;
	}
	strcpy(name, last);
}

void tree_describe(struct manifest_entry *entry_r, const struct stat *st)
{
	entry_r->type = S_ISDIR(st->st_mode) ? MANIFEST_FOLDER : MANIFEST_ONE_FILE;
	entry_r->size = (uint64_t)st->st_size;
	entry_r->mtime = st->st_mtim.tv_sec * NANOSECONDS + st->st_mtim.tv_nsec;
	if (entry_r->mtime < 0)
		entry_r->mtime = 0;
	entry_r->mode = st->st_mode & 07777;
	owner_name(st->st_uid, entry_r->owner);
	group_name(st->st_gid, entry_r->group);
}

bool tree_ids(const struct manifest_entry *entry, uid_t *uid_r, gid_t *gid_r)
{
	const struct passwd *passwd = getpwnam(entry->owner);
	const struct group *group = getgrnam(entry->group);

	if (passwd == NULL || group == NULL)
		return false;
	*uid_r = passwd->pw_uid;
	*gid_r = group->gr_gid;
	return true;
}

/* ---- walking ---- */

struct walk {
	int (*each)(void *context, int parent, const char *name, const char *path,
		    const struct stat *st);
	void *context;
};

static int walk_folder(const struct walk *walk, int folder, const char *prefix, int depth);

static int walk_one(const struct walk *walk, int folder, const char *prefix, const char *name,
		    int depth)
{
	struct stat st;
	int ret, inner;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	char *path = xasprintf("%s/%s", prefix, name);
	ret = walk->each(walk->context, folder, name, path, &st);
	if (ret == 0 && S_ISDIR(st.st_mode) && (inner = openat(folder, name, FOLDER_FLAGS)) >= 0) {
		ret = walk_folder(walk, inner, path, depth + 1);
		close(inner);
	}
	free(path);
	return ret;
}

static int is_name(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk_folder(const struct walk *walk, int folder, const char *prefix, int depth)
{
	struct dirent **names;
	int count, ret = 0;

	if (depth > WALK_DEPTH) {
		errno = ELOOP;
		return -1;
	}
	count = scandirat(folder, ".", &names, is_name, compare_names);
	if (count < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		if (ret == 0)
			ret = walk_one(walk, folder, prefix, names[i]->d_name, depth);
		free(names[i]);
	}
	free(names);
	return ret;
}

int tree_walk(int folder, const char *prefix,
	      int (*each)(void *context, int parent, const char *name, const char *path,
			  const struct stat *st),
	      void *context)
{
	return walk_folder(&(struct walk){each, context}, folder, prefix, 0);
}

int tree_remove(int parent, const char *name)
{
	struct dirent **names;
	int folder = openat(parent, name, FOLDER_FLAGS), count, ret = 0;

	if (folder < 0)
		return errno == ENOENT ? 0 : unlinkat(parent, name, 0);
	count = scandirat(folder, ".", &names, is_name, compare_names);
	for (int i = 0; i < count; i++) {
		if (unlinkat(folder, names[i]->d_name, 0) < 0 && errno != ENOENT)
			ret = tree_remove(folder, names[i]->d_name) < 0 ? -1 : ret;
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	close(folder);
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -1 : ret;
}
