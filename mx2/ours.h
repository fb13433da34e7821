/*
 * ours.h - who exists in a domain whose mailboxes are on this host: for the list that a fallback
 * MX gets.
 *
 * From Dovecot's users and from Postfix's maps, those that can be listed. What cannot be listed
 * would be missing in the list, and its mail refused by the fallback: that is an error.
 */
#ifndef SHOVELER_MX2_OURS_H
#define SHOVELER_MX2_OURS_H

#include "list.h"

/*
 * Adds them to list, whose domain is set. Returns 0, or -1 and *error_r: a map that cannot be
 * listed, a catch-all, nobody at all.
 */
int ours_list(const char *postfix_directory, struct recipient_list *list, char **error_r);

#endif
