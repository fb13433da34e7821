/*
 * user_lookup.h - does the host know a user?
 */
#ifndef SHOVELER_SHARING_USER_LOOKUP_H
#define SHOVELER_SHARING_USER_LOOKUP_H

struct mail_user;

/* Asks the userdb. 1, 0, or -1 if it cannot be asked; that is logged by Dovecot. */
int user_lookup(struct mail_user *by, const char *name);

#endif
