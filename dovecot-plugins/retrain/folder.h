/*
 * folder.h - what a folder means for retraining.
 *
 * By SPECIAL-USE (RFC 6154) as the administrator configured it, then by the names in junk_folders
 * and trash_folders; a folder without a meaning of its own has that of the folder it lies in.
 */
#ifndef SHOVELER_RETRAIN_FOLDER_H
#define SHOVELER_RETRAIN_FOLDER_H

#include "lib/conf.h"

struct mailbox;
struct mail_user;

enum folder_kind {
	FOLDER_ORDINARY,
	FOLDER_JUNK,
	FOLDER_TRASH,
	FOLDER_FOREIGN /* another user's (see retrain_shared) or nobody's: trains nobody */
};

/* Whose filter learns: the user's; with retrain_shared the owner's of a shared folder. */
const char *folder_owner(struct mailbox *box);

enum folder_kind folder_kind(const struct conf *conf, struct mailbox *box);

/*
 * Is there a folder that folder_kind() would call Junk? Or one with special_use \Junk and a name of
 * junk_folders that a client will make.
 */
bool folder_user_has_junk(const struct conf *conf, struct mail_user *user);

#endif
