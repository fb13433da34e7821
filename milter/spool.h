/*
 * spool.h - one message on its way to the scanner, in a file without a name.
 *
 * Small messages stay in memory (memfd), larger ones go to an unlinked file in the temporary
 * folder, so memory is bounded whatever comes. Nothing survives a crash, nothing needs cleaning up.
 */
#ifndef SHOVELER_SPOOL_H
#define SHOVELER_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#define SPOOL_MEMORY_LIMIT (256 * 1024) /* bytes of a message that are held in memory */

struct spool;

/* directory: for large messages; maximum: bytes after which spool_write() fails with EFBIG. */
struct spool *spool_new(const char *directory, size_t maximum);
void spool_free(struct spool **spool);

/* Returns 0, or -1 with errno; the spool stays failed then. */
int spool_write(struct spool *spool, const void *data, size_t size);

/* All that was written; the spool keeps the descriptor. Returns it, or -1 with errno. */
int spool_finish(struct spool *spool);

#endif
