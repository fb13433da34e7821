/*
 * groups.h - who shares a dictionary with whom: the setting dictionary_groups.
 *
 *	dictionary_groups =
 *		family: alice@example.test bob@example.test
 *		desk:   carol@example.test dave@example.test
 *
 * A word that ends in a colon names a group; the words behind it are its members. Nobody is in two
 * groups, and a group is no member of another.
 */
#ifndef SHOVELER_GROUPS_H
#define SHOVELER_GROUPS_H

#include <stddef.h>

#define GROUP_MEMBERS_MAX 50 /* what a member's verdict costs grows with their number */
#define GROUP_NAME_MAX	  64 /* bytes */

struct dictionary_group {
	char *name;
	char **members; /* lower case, by name */
	size_t count;
};

struct dictionary_groups {
	struct dictionary_group *list; /* in the order of the setting */
	size_t count;
};

/* words: NULL-terminated. 0; or -1 and *error_r, one line that names the setting. */
int groups_parse(struct dictionary_groups *groups_r, const char *const *words, char **error_r);
void groups_free(struct dictionary_groups *groups);

/* The group of which the user is a member, or NULL. */
const struct dictionary_group *groups_find(const struct dictionary_groups *groups,
					   const char *user);

#endif
