/*
 * backup_tree.h - files and folders, reached through no link: a link in a path is ELOOP or ENOTDIR.
 *
 * Paths are relative to a descriptor. Functions return 0 or a descriptor; or -1 with errno.
 */
#ifndef SHOVELER_BACKUP_TREE_H
#define SHOVELER_BACKUP_TREE_H

#include "backup_manifest.h"

#include <sys/stat.h>

/*
 * A folder by its absolute path. The last level may be a link only if it is root's: where an
 * administrator put the place, and no daemon's user.
 */
int tree_open_base(const char *path);

/* Can nobody but root (or who we are) exchange this folder, or one above it, for another? */
bool tree_way_is_safe(int folder);

/* make: folders that are missing are made, 0700. path "" or ".": a copy of base. */
int tree_open_folder(int base, const char *path, bool make);
/* A regular file, for reading. */
int tree_open_file(int base, const char *path);
/* The folder of path, and its last level. */
int tree_open_parent(int base, const char *path, bool make, const char **name_r);

/* Of the rest of what fd has; *size_r may be NULL. */
int tree_digest(int fd, char digest[MANIFEST_DIGEST_SIZE], uint64_t *size_r);
/* Copies the rest of from behind to, with what a manifest says of the content: size, digest. */
int tree_copy(int from, int to, struct manifest_entry *entry_r);

/* Type, size, mtime, mode, owner and group of what was looked at. */
void tree_describe(struct manifest_entry *entry_r, const struct stat *st);
/* The ids of owner and group; false: this system does not know one of them. */
bool tree_ids(const struct manifest_entry *entry, uid_t *uid_r, gid_t *gid_r);

/*
 * Calls each for everything below a folder, in order of name, a folder before what is in it, with
 * a path that begins with prefix. Links and special files come too. each returns 0, or -1 with
 * errno, which ends it. What vanishes meanwhile is left out.
 */
int tree_walk(int folder, const char *prefix,
	      int (*each)(void *context, int parent, const char *name, const char *path,
			  const struct stat *st),
	      void *context);

/* With all that is in it. */
int tree_remove(int parent, const char *name);

#endif
