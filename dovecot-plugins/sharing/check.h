/*
 * check.h - whether what Dovecot remembers of sharing agrees with the folders' own rights.
 *
 * For each user: the list of his shared folders (acl_list.h) and his entries in the index
 * (index_entries.h) are compared with the rights of all his folders, and repaired. Once a run:
 * entries of owners who do not exist are removed from the index. Rights of users and groups that do
 * not exist are reported, and removed if that was asked for; those of a user with a new address are
 * given to it.
 */
#ifndef SHOVELER_SHARING_CHECK_H
#define SHOVELER_SHARING_CHECK_H

#include <lib.h>

struct event;
struct mail_user;

struct sharing_check {
	/* set by the caller */
	pool_t pool;
	struct event *event;
	bool remove_unknown;
	const char *old_name, *new_name; /* NULL: nobody has a new address */

	/* counted */
	unsigned users, folders, repaired, unknown, removed, renamed, errors;

	/* its own */
	bool once_done;
	ARRAY(struct known_name) names; /* who was looked up already */
};

void sharing_check_user(struct sharing_check *check, struct mail_user *user);

#endif
