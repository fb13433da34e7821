/*
 * file.h - writing files for good.
 */
#ifndef SHOVELER_FILE_H
#define SHOVELER_FILE_H

#include "span.h"

/* All bytes, however often write(2) is interrupted. Returns 0, or -1 with errno. */
int file_write_all(int fd, struct span bytes);

/* Makes what was created, renamed or removed in a folder durable. Returns 0, or -1 with errno. */
int file_sync_directory(const char *path);
/* The same for the folder in which path lies. */
int file_sync_parent(const char *path);

#endif
