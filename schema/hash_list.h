/*
 * hash_list.h - a message's feature hashes as a blob: sorted, distinct, gaps of three bytes.
 *
 * A gap (the difference to the hash before, to 0 for the first) takes three bytes, little endian; a
 * gap of 2^24-1 or more is written as ff ff ff and then four bytes. With 1,200 hashes a message
 * that is 3.04 bytes a hash.
 */
#ifndef SHOVELER_HASH_LIST_H
#define SHOVELER_HASH_LIST_H

#include "lib/strbuf.h"

#include <stdint.h>

void hash_list_pack(struct strbuf *out, const uint32_t *hashes, size_t count);

/* malloc'ed, at least one element; a damaged blob gives the hashes before the damage. */
uint32_t *hash_list_unpack(struct span blob, size_t *count_r);

#endif
