/*
 * index_entries.h - the index of who shares with whom: a dictionary with the keys
 * shared-boxes/user/READER/OWNER, shared-boxes/group/GROUP/OWNER and shared-boxes/anyone/OWNER.
 *
 * It only says where to look; rights are in the folders. The acl plugin writes the entries of a
 * user when he changes rights himself. These functions write those of any owner, so that it is also
 * right after a change by somebody to whom he gave the right to administer.
 */
#ifndef SHOVELER_SHARING_INDEX_ENTRIES_H
#define SHOVELER_SHARING_INDEX_ENTRIES_H

#include <lib.h>

struct acl_backend;
struct dict;
struct mail_user;

struct index_entries;

/* Starts a comparison of what the index has of owner with what his folders say. */
struct index_entries *index_entries_begin(const char *owner);
/* One of his folders (name as in storage). Returns 1 if others may look it up, 0 or -1. */
int index_entries_add_folder(struct index_entries *entries, struct acl_backend *backend,
			     const char *name);
/*
 * Makes the index so, unless a folder could not be read: nothing is removed then. by: who does it.
 * Returns the number of entries that had to change, or -1 and *error_r.
 */
int index_entries_finish(struct index_entries **entries, struct mail_user *by,
			 const char **error_r);

/* All three for the owner of a shared namespace; errors are logged. Others are left alone. */
void index_entries_follow(struct acl_backend *backend);

/* The owners that the index names; NULL-terminated, sorted, or NULL and *error_r. */
const char *const *index_entries_owners(struct mail_user *by, const char **error_r);

#endif
