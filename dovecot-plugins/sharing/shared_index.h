/*
 * shared_index.h - did anybody's sharing change?
 *
 * The acl plugin keeps who shares with whom in a dictionary, a file in $state_directory. It is
 * replaced as a whole, so a stat(2) tells.
 */
#ifndef SHOVELER_SHARING_SHARED_INDEX_H
#define SHOVELER_SHARING_SHARED_INDEX_H

#include <stdbool.h>

#define SHARED_INDEX_FILE "/sharing/index" /* the folder belongs to mail_user */

struct conf;
struct shared_index;

struct shared_index *shared_index_create(pool_t pool, const struct conf *conf);
/* Since the last call; true the first time. */
bool shared_index_changed(struct shared_index *index);

#endif
