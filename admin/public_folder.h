/*
 * public_folder.h - the folders of public trees on disk: Maildirs below $public_directory, owned by
 * $mail_user (layout: schema/policy.h). All work below $public_directory is done as that user, so
 * that no link in there leads root astray.
 */
#ifndef SHOVELER_PUBLIC_FOLDER_H
#define SHOVELER_PUBLIC_FOLDER_H

#include "lib/conf.h"

/* folder: "#Tree/Path", checked by policy_name_folder(). 0, or -1 and *error_r. */

/* The Maildir with its parents; what is there already stays. */
int public_folder_make(const struct conf *conf, const char *folder, char **error_r);

/*
 * Moves the folder and all below it to $public_directory/.deleted/TIME-NAME. *place_r: the new
 * path, freed by the caller; NULL when there was nothing on disk.
 */
int public_folder_retire(const struct conf *conf, const char *folder, char **place_r,
			 char **error_r);

#endif
