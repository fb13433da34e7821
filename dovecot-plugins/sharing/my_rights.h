/*
 * my_rights.h - what rights the user of this session has in a folder.
 *
 * Other than in the acl plugin alone, where a user's own entry hides those of his groups:
 *
 * - the rights of all entries that are his add up: anyone, authenticated, his groups, himself; then
 *   the negative ones of all are taken away (RFC 4314, section 2). Entries that override
 *   ("!$group") stand alone, and global ACLs work as in the acl plugin.
 * - the owner of a folder, and delegates of a public one, have all rights whatever is set.
 * - where main.cf forbids sharing across domains, users of other domains have none, in spite of an
 *   entry for "anyone", of a group, or one that was made by hand.
 */
#ifndef SHOVELER_SHARING_MY_RIGHTS_H
#define SHOVELER_SHARING_MY_RIGHTS_H

#include <stdbool.h>

struct acl_backend_vfuncs;
struct acl_object;

/* The backend's own function; refreshes what is known of the object. Returns 0 or -1. */
int my_rights_refresh(struct acl_object *object, const struct acl_backend_vfuncs *stock,
		      bool has_all, bool has_none);

#endif
