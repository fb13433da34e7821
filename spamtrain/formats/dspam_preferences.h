/*
 * dspam_preferences.h - reads DSPAM's preferences from every form that it keeps them in.
 *
 *	USER.prefs		"name=value" lines (src/pref.c); default.prefs is everybody's
 *	dspam_admin list|aggregate preference USER	the same, the user being told beside it
 *	USER.dspam, USER.nodspam	empty files in opt-in/ and opt-out/, or opt-in/DOMAIN/
 *	dspam_preferences	uid, preference, value: a dump by mysqldump, pg_dump or sqlite3
 *				(INSERT, COPY), or rows with tabs or commas between (mysql -B, psql
 *				--csv); a user's name may stand for the uid
 *	dspam_virtual_uids	uid, username: in the same dump, or such rows
 *
 * Pure: bytes in, rows out. The user of a file is in its name; with DSPAM's "domain scale" the
 * domain is the folder's name.
 */
#ifndef SHOVELER_DSPAM_PREFERENCES_H
#define SHOVELER_DSPAM_PREFERENCES_H

#include "lib/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

#define DSPAM_ROWS_MAX	5000000
#define DSPAM_FIELD_MAX 1000 /* bytes of a name, value or user */

struct dspam_row {
	char *user; /* as DSPAM calls him; a number when it is a uid; "" for everybody */
	char *name, *value;
	const char *path; /* the caller's */
	unsigned line;
};

struct dspam_uid {
	char *uid, *user;
};

struct dspam_preferences {
	struct dspam_row *rows;
	size_t count;
	struct dspam_uid *uids;
	size_t uid_count;
};

/*
 * Adds what is in a file. path is kept as long as the result; user: of lines "name=value" in a file
 * that is not named USER.prefs; NULL: not told. 0; or -1 and *error_r "path:line: why".
 */
int dspam_preferences_read(struct dspam_preferences *preferences, struct span file,
			   const char *path, const char *user, char **error_r);
void dspam_preferences_free(struct dspam_preferences *preferences);

/* Whether a file in one of DSPAM's folders holds preferences, by its name. */
bool dspam_preferences_is_file(const char *path);

/*
 * The user whom a row is of: its user, or what dspam_virtual_uids calls that uid. "" is everybody;
 * NULL when the uid has no name.
 */
const char *dspam_preferences_user(const struct dspam_preferences *preferences,
				   const struct dspam_row *row);
/* To be called when all is read, before dspam_preferences_user(). */
void dspam_preferences_sort(struct dspam_preferences *preferences);

/*
 * Why a preference of DSPAM's is not taken over, though its name is known; NULL: it is taken, or
 * unknown.
 */
const char *dspam_preference_reason(const char *name);

/* ---- dspam_preferences.c and dspam_sql.c ---- */

/* Takes the texts over. -1: too many, or too long. */
int dspam_row_add(struct dspam_preferences *preferences, char *user, char *name, char *value,
		  const char *path, unsigned line);
int dspam_uid_add(struct dspam_preferences *preferences, char *uid, char *user);

/* A dump in SQL. 0, or -1 with *line_r and *error_r. */
int dspam_sql_read(struct dspam_preferences *preferences, struct span file, const char *path,
		   unsigned *line_r, char **error_r);

/* A line's fields, separated by tabs (with the escapes of COPY and mysql -B) or commas. */
#define DSPAM_COLUMNS 3
/* Returns how many there are, of which DSPAM_COLUMNS are in fields (malloc'ed); -1: malformed. */
int dspam_line_split(struct span line, char *fields[DSPAM_COLUMNS]);

#endif
