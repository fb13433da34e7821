/*
 * acl_list.h - which folders of a namespace are shared with anybody.
 *
 * The acl plugin keeps that in the file dovecot-acl-list of the owner's mail folder, and reads it
 * again when its modification time in seconds differs: a change within the second of the last look
 * is never seen by an open session. These functions read the file each time; it is replaced as a
 * whole, and small. Where there is none yet, the acl plugin makes it.
 */
#ifndef SHOVELER_SHARING_ACL_LIST_H
#define SHOVELER_SHARING_ACL_LIST_H

struct acl_backend_vfuncs;
struct mailbox;

/* Replaces the functions that iterate over the list. */
void acl_list_wrap(struct acl_backend_vfuncs *functions);

/*
 * For the hook of the same name: the list, and with it the index of who shares with whom, is made
 * again when a folder in it, or one that such a folder lies in, is renamed or deleted.
 */
void acl_list_mailbox_allocated(struct mailbox *box);

#endif
