/*
 * inbox.h - signed lists of recipients (list.h) on their way into the policy store.
 *
 * Two processes, so that what strangers can mail to runs without root's rights: `shoveler mx2
 * accept`, run by Postfix's pipe(8) as $lda_user, checks a list and leaves it in a folder of its
 * own; `mx2 tend`, root, checks it again and installs it. The folder, $state_directory/recipients,
 * has for each domain at most DOMAIN.list (waits to be installed), DOMAIN.refused (why the last one
 * that was refused was, and when) and DOMAIN.fetched (when its URL was asked the last time).
 * Nothing is ever kept for a domain that is none of ours.
 */
#ifndef SHOVELER_MX2_INBOX_H
#define SHOVELER_MX2_INBOX_H

#include "list.h"

#include <stdio.h>

enum inbox_result {
	INBOX_OK,
	INBOX_REFUSED, /* the list is no good, whoever sends it again */
	INBOX_FAILED   /* the store or the folder: later perhaps */
};

/* Makes the folder, owned by user and group (-1: leave); 0, or -1 and *error_r. */
int inbox_make(const char *folder, int64_t user, int64_t group, char **error_r);

/*
 * Checks a text against the policy: a domain of ours, its key, newer than what is known. *list_r is
 * then the list (free it with list_free() in any case). A refusal is noted in the folder.
 */
enum inbox_result inbox_check(struct policy *policy, const char *folder, struct span text,
			      int64_t now_ms, struct recipient_list *list_r, char **error_r);

/* Leaves a text that was checked for inbox_install(). */
int inbox_put(const char *folder, const char *domain, struct span text, char **error_r);

/*
 * What came, into the store; one line to log for each. Returns 0, or -1 and *error_r (the first).
 */
int inbox_install(struct policy *policy, const char *folder, int64_t now_ms, FILE *log,
		  char **error_r);

/*
 * Asks the domain's URL by curl(1), and installs what it says. A list that is known already is no
 * news: INBOX_OK, *count_r 0.
 */
enum inbox_result inbox_fetch(struct policy *policy, const char *folder,
			      const struct policy_mx2 *mx2, int64_t now_ms, size_t *count_r,
			      char **error_r);
/* When it was asked the last time, seconds since 1970; 0: never. */
int64_t inbox_fetched(const char *folder, const char *domain);

/* Why the last list that was refused was, malloc'ed, and when; NULL: none was since then. */
char *inbox_refusal(const char *folder, const char *domain, int64_t since, int64_t *when_r);

#endif
