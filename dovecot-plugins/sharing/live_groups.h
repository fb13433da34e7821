/*
 * live_groups.h - groups whose members change while these are logged in.
 *
 * The acl plugin takes a user's groups from his settings once. Here those of the policy store are
 * given to it again when the store says something else; groups that the host itself gave him
 * (acl_groups) stay.
 */
#ifndef SHOVELER_SHARING_LIVE_GROUPS_H
#define SHOVELER_SHARING_LIVE_GROUPS_H

#include <lib.h>

struct acl_backend;
struct live_groups;

/* now: his groups of the policy store at login; as all lists here NULL-terminated and sorted. */
struct live_groups *live_groups_create(pool_t pool, const char *const *now);

/* Gives a backend the groups of the policy store as they are now. */
void live_groups_apply(struct live_groups *groups, struct acl_backend *backend,
		       const char *const *now);

#endif
