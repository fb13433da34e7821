/*
 * folder.h - folders of files that come and go: temporary ones, and virus databases.
 */
#ifndef SHOVELER_FOLDER_H
#define SHOVELER_FOLDER_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Makes path (its parent must exist), or takes the one that is there. If we are root it is given to
 * user, unless that is NULL; never through a link. Returns 0, or -1 and *error_r.
 */
int folder_make(const char *path, mode_t mode, const char *user, char **error_r);

/* Removes path and all in it, following no links. What cannot be removed stays. */
void folder_remove(const char *path);
/* Removes what is in path. */
void folder_empty(const char *path);

/*
 * A number that changes when a file in path is added, removed, replaced or written (names, sizes,
 * times, inodes; hidden files, subfolders and freshclam's own notes, *.dat, do not count).
 * *newest_r: when the last of them was written. Returns 0, or -1 and *error_r.
 */
int folder_fingerprint(const char *path, uint64_t *fingerprint_r, time_t *newest_r, char **error_r);

#endif
