/*
 * shared_root.h - the root of the shared namespaces, "#Shared/".
 *
 * Stock Dovecot looks for new owners below it once an hour; here, as soon as somebody's sharing
 * or a group of the user changed. And what belongs to nobody does not
 * exist, whatever else goes wrong when Dovecot looks there.
 */
#ifndef SHOVELER_SHARING_SHARED_ROOT_H
#define SHOVELER_SHARING_SHARED_ROOT_H

struct conf;
struct mailbox_list;
struct policy_view;

/* For the hook mailbox_list_created, after acl's. Does nothing with other lists. */
void shared_root_list_created(struct mailbox_list *list, const struct conf *conf,
			      struct policy_view *view);

#endif
