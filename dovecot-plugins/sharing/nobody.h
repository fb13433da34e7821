/*
 * nobody.h - the shared folders of a user who does not exist.
 *
 * Dovecot makes a namespace for whatever stands behind "#Shared/", with mail folders that cannot be
 * made. Stock, that shows as a phantom folder, as "Internal error" and as mkdir() failures in the
 * log; with this, there is nothing to list, and every folder does not exist.
 */
#ifndef SHOVELER_SHARING_NOBODY_H
#define SHOVELER_SHARING_NOBODY_H

#include <stdbool.h>

/*
 * A namespace that only has subscriptions (those of shared and public folders, where the user's own
 * are all below a prefix) has no folders either.
 */
#define SUBSCRIPTIONS_NAMESPACE "shoveler-subscriptions"

struct mailbox;
struct mailbox_list;

/* Is it in one of these places? */
bool nobody_has(struct mailbox *box);

/* For the hooks of the same names. They do nothing with other lists and mailboxes. */
void nobody_list_created(struct mailbox_list *list);
void nobody_mailbox_allocated(struct mailbox *box);

#endif
