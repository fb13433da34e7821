/*
 * memory.h - tables that survive a restart: files of a fixed size, mapped and shared.
 *
 * What is written there is in the file at once, whoever kills us; only a power cut may take the
 * last half minute. So tables consist of entries that do no harm when one is lost: their size is a
 * power of two up to 512 bytes, so that none lies in two sectors, and all zeros is a free one. A
 * file of another version or size is begun anew. The room is taken when it is made: a full disk
 * later is no matter.
 */
#ifndef SHOVELER_MEMORY_H
#define SHOVELER_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* seed: random, of this file: nobody outside can choose entries that push each other out. */
struct memory {
	void *table; /* size bytes; aligned to 4096 */
	uint64_t seed;
};

/*
 * version: of the meaning of the table. Never fails: what cannot be had as a file, or is another
 * process's, is plain memory, with a warning in the log. Lasts until the process ends.
 */
struct memory memory_open(const char *path, uint64_t version, size_t size);

#endif
