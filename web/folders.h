/*
 * folders.h - the folders that a user sees by IMAP, and who has which rights in them (RFC 4314).
 */
#ifndef SHOVELER_WEB_FOLDERS_H
#define SHOVELER_WEB_FOLDERS_H

#include "web/imap.h"

#define FOLDERS_MAX	   2000 /* that are looked at */
#define FOLDERS_RIGHT_SIZE 32	/* letters, and the NUL */
#define FOLDERS_NAME_MAX   1024 /* bytes; longer ones are not shown */
#define FOLDERS_GRANTS_MAX 1000 /* of a folder */

enum folder_kind { FOLDER_OWN, FOLDER_SHARED, FOLDER_PUBLIC };

/* Somebody's rights in a folder. */
struct folder_grant {
	char *who; /* as in IMAP: user@domain, $group, anyone; "-" before it: these are taken away */
	char rights[FOLDERS_RIGHT_SIZE];
};

struct folder {
	char *name; /* as the server spells it: imap_name_text() makes it readable */
	enum folder_kind kind;
	bool subscribed;
	char rights[FOLDERS_RIGHT_SIZE]; /* the user's own; "" if not known */
	struct folder_grant *grants;	 /* without the user's own; NULL if he may not see them */
	size_t grant_count;
};

struct folders {
	struct folder *list; /* INBOX first, then by name */
	size_t count;
	bool cut; /* there are more */
};

/*
 * All of them; user: who it is, as he is named in rights. False: *error_r, the session is of no use
 * any more. folders_free() in any case.
 */
bool folders_load(struct imap *imap, const char *user, struct folders *folders_r, char **error_r);
/* The one of that name; count is 0 when the user sees no such folder. */
bool folders_load_one(struct imap *imap, const char *user, const char *name,
		      struct folders *folders_r, char **error_r);
void folders_free(struct folders *folders);

static inline bool folder_may(const struct folder *folder, char right)
{
	return strchr(folder->rights, right) != NULL;
}

/* ---- rights, in a few words ---- */

enum folder_level { LEVEL_NONE, LEVEL_READ, LEVEL_WRITE, LEVEL_MANAGE, LEVEL_OTHER };

/* The letters of a level; LEVEL_OTHER has none. */
const char *folder_level_rights(enum folder_level level);
/* Which it is; the order of letters does not matter, nor do "p" and the old "c" and "d". */
enum folder_level folder_level(const char *rights);
/* Only letters of RFC 4314, at least one. */
bool folder_rights_valid(const char *rights);

#endif
