/*
 * public_rights.h - the rights (IMAP ACL) of public folders, in the files that Dovecot reads:
 * dovecot-acl in the folder of each, a line "user=alice@example.test lr" an entry.
 *
 * A file is replaced as a whole under Dovecot's own lock (dovecot-acl.lock), as the mail user.
 */
#ifndef SHOVELER_PUBLIC_RIGHTS_H
#define SHOVELER_PUBLIC_RIGHTS_H

#include <stdbool.h>

struct conf;

struct public_rights_change {
	const char *folder; /* "#Tree/Path", policy_name_folder()ed */
	const char *entry;  /* "user=alice@example.test", "group=staff", "anyone" */
	const char *rights; /* letters lrwstipekxa; "+" or "-" in front; "" removes the entry */
	bool below;	    /* the same for all folders below it */
};

/* "lrs": 0. Anything else: -1 and *error_r. */
int public_rights_check(const char *rights, char **error_r);

/*
 * changed() is called for each folder, with its name and the entry's letters before and after.
 * Returns 0; or -1 and *error_r, and folders that were not reached are as they were.
 */
int public_rights_change(const struct conf *conf, const struct public_rights_change *change,
			 void (*changed)(void *context, const char *folder, const char *before,
					 const char *after),
			 void *context, char **error_r);

/* The lines of a folder's file, one after the other. Returns 0, or -1 and *error_r. */
int public_rights_list(const struct conf *conf, const char *folder,
		       void (*each)(void *context, const char *line), void *context,
		       char **error_r);

#endif
