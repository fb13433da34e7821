/*
 * migrate.h - numbered, forward-only migrations of an SQLite store.
 *
 * The steps are the files migrations/STORE/NNN-name.sql, built into the program by embed.cmake;
 * their numbers start at 1 without a gap. PRAGMA user_version of a store says which ones it has.
 */
#ifndef SHOVELER_MIGRATE_H
#define SHOVELER_MIGRATE_H

struct sqlite3;

struct migration {
	const char *name; /* "001-initial"; NULL behind the last */
	const char *sql;
};

extern const struct migration migrations_policy[];
extern const struct migration migrations_user[];

enum migrate_status {
	MIGRATE_OK,
	MIGRATE_NEWER, /* the store was written by a newer program: nothing was touched */
	MIGRATE_FAILED /* locked for too long, disk full, damaged...: nothing was changed */
};

/*
 * Brings the store to the newest version, each step in one transaction. On anything but MIGRATE_OK
 * *error_r is a malloc'ed text, freed by the caller.
 */
enum migrate_status migrate(struct sqlite3 *db, const struct migration *steps, char **error_r);

/* Only checks: a store that lacks steps is MIGRATE_FAILED. For readers that may not write. */
enum migrate_status migrate_check(struct sqlite3 *db, const struct migration *steps,
				  char **error_r);

#endif
