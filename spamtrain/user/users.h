/*
 * users.h - the users of a host: who has a folder.
 */
#ifndef SHOVELER_USERS_H
#define SHOVELER_USERS_H

#include <stdbool.h>

/*
 * Calls each for every user who has a folder in users_directory, in no order, until it returns
 * false. Folders that are no user's, or that it may not read, are left out. Returns 0, or -1 and
 * *error_r: not all were seen.
 */
int users_each(const char *users_directory, bool (*each)(void *context, const char *user),
	       void *context, char **error_r);

#endif
