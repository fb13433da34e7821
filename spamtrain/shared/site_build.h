/*
 * site_build.h - makes the site dictionary anew from what users have confirmed (site_dictionary.h).
 *
 * Every user has one say in each class: for each feature, the share of his newest messages of that
 * class that held it (schema/store_confirmed.h). Only this leaves his store, and it is thrown away
 * when the dictionary has been made: nothing is carried over from one to the next, so a user who
 * leaves, is forgotten or takes back a lesson is out of the next one.
 *
 * Memory: the messages of one user, one of 64 parts of what all said, and what comes out. What all
 * said lies in unnamed files beside the dictionary meanwhile, 8 bytes for each user and feature.
 */
#ifndef SHOVELER_SITE_BUILD_H
#define SHOVELER_SITE_BUILD_H

#include "spamtrain/classifier/classifier.h"
#include "spamtrain/shared/site_dictionary.h"

#define SITE_USER_MESSAGES 100 /* of a class, the newest ones */

struct site_build {
	const char *users_directory;
	const char *file; /* its folder is made if need be */
	unsigned quorum;
	const struct classifier_site *site; /* do users who did not say so take part? */
	/* Called before each user; returns false to give up. May be NULL. */
	bool (*next)(void *context);
	void *context;
};

/* What the user has confirmed, if he takes part (schema/store_confirmed.h). */
enum store_status site_user_confirmed(const struct site_build *build, const char *user,
				      bool (*each)(void *context, enum store_class class,
						   unsigned version, const uint32_t *hashes,
						   size_t count),
				      void *context, char **error_r);

/*
 * 0; or -1 and *error_r: nothing was changed. A user whose store cannot be read is left out
 * (logged).
 */
int site_build(const struct site_build *build, struct site_header *header_r, char **error_r);

#endif
