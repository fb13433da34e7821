/*
 * file.h - writing files for good.
 */
#ifndef SHOVELER_FILE_H
#define SHOVELER_FILE_H

#include "span.h"

#include <stdbool.h>
#include <sys/types.h>

/* All bytes, however often write(2) is interrupted. Returns 0, or -1 with errno. */
int file_write_all(int fd, struct span bytes);

/* Makes what was created, renamed or removed in a folder durable. Returns 0, or -1 with errno. */
int file_sync_directory(const char *path);
/* The same for the folder in which path lies. */
int file_sync_parent(const char *path);

/*
 * Puts a whole file at path, with this mode whatever the umask: written beside it as a new file and
 * renamed, so nobody reads half of it, and no link is followed that another put there. durable:
 * file and folder are synced. Returns 0, or -1 with errno.
 */
int file_replace(const char *path, struct span bytes, mode_t mode, bool durable);

#endif
