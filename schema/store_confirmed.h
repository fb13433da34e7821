/*
 * store_confirmed.h - what a user has said of his mail himself, as far as its features are kept:
 * what he may teach others (spamtrain/shared/site_build.h). The rules are those of schema/store.h.
 */
#ifndef SHOVELER_STORE_CONFIRMED_H
#define SHOVELER_STORE_CONFIRMED_H

#include "schema/store.h"

#include <stddef.h>

/*
 * Newest first: messages that he corrected or trained; and those that were judged innocent before
 * one that he reported as spam, and that he left as they are: he has looked at them. each() returns
 * false to stop. version: of the features' meaning. hashes: sorted, valid during the call.
 */
enum store_status store_confirmed_list(struct store *store,
				       bool (*each)(void *context, enum store_class class,
						    unsigned version, const uint32_t *hashes,
						    size_t count),
				       void *context, char **error_r);

#endif
