/*
 * revoked.h - a reader whose right was taken away while he has the folder selected.
 *
 * The acl plugin asks for the right to read when a folder is opened. Here it is asked again for
 * each command that looks at messages, so that these fail as soon as the change is known (a
 * second): NO [NOPERM], and FETCH ends the connection, as it does in Dovecot whenever it fails.
 */
#ifndef SHOVELER_SHARING_REVOKED_H
#define SHOVELER_SHARING_REVOKED_H

struct mail;
struct mailbox;

/* For the hooks of the same names. Private folders are left alone. */
void revoked_mailbox_allocated(struct mailbox *box);
void revoked_mail_allocated(struct mail *mail);

#endif
