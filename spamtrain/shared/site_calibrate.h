/*
 * site_calibrate.h - how the users' own mail scores with a site dictionary that has just been made:
 * the shares in its header (site_dictionary.h). Every user counts the same.
 */
#ifndef SHOVELER_SITE_CALIBRATE_H
#define SHOVELER_SITE_CALIBRATE_H

#include "spamtrain/shared/site_build.h"

#define SITE_CALIBRATE_USERS	1000 /* of them are asked; more would tell the same */
#define SITE_CALIBRATE_MESSAGES 20   /* of a class, the newest ones of a user */

/* Sets header->shares. 0; or -1 and *error_r. */
int site_calibrate(const struct site_build *build, const struct site_dictionary *dictionary,
		   struct site_header *header, char **error_r);

#endif
