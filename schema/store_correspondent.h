/*
 * store_correspondent.h - to whom the user wrote: hashes of addresses, the latest ones.
 */
#ifndef SHOVELER_STORE_CORRESPONDENT_H
#define SHOVELER_STORE_CORRESPONDENT_H

#include "schema/store.h"

#define STORE_CORRESPONDENTS_MAX 5000 /* kept; then the one that was written to longest ago goes */

/* STORE_OK, or STORE_NOT_FOUND when the user never wrote there. */
enum store_status store_correspondent_get(struct store *store, int64_t key, char **error_r);
/* All of them or none. Not within a transaction. */
enum store_status store_correspondent_add(struct store *store, const int64_t *keys, size_t count,
					  time_t now, char **error_r);

#endif
