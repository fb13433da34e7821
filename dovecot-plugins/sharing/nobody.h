/*
 * nobody.h - the shared folders of a user who does not exist.
 *
 * Dovecot makes a namespace for whatever stands behind "#Shared/", with mail folders that cannot be
 * made. Stock, that shows as a phantom folder, as "Internal error" and as mkdir() failures in the
 * log; with this, there is nothing to list, and every folder does not exist.
 */
#ifndef SHOVELER_SHARING_NOBODY_H
#define SHOVELER_SHARING_NOBODY_H

struct mailbox;
struct mailbox_list;

/* For the hooks of the same names. They do nothing with other lists and mailboxes. */
void nobody_list_created(struct mailbox_list *list);
void nobody_mailbox_allocated(struct mailbox *box);

#endif
