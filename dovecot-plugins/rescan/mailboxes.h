/*
 * mailboxes.h - the mailboxes of a user, one after the other.
 */
#ifndef SHOVELER_RESCAN_MAILBOXES_H
#define SHOVELER_RESCAN_MAILBOXES_H

#include "rescan.h"

struct mail_user;

/* Every private folder of the user; the public trees if they were not done yet. */
void rescan_user(struct rescan *rescan, struct mail_user *user);

#endif
