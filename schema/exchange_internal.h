/*
 * exchange_internal.h - shared by exchange_*.c only.
 *
 * An import is first read into a store of its own, the scratch: a temporary SQLite database and
 * token snapshots in memory. What is wrong with the file is found out there; the user's store is
 * touched by one short transaction at the end.
 */
#ifndef SHOVELER_EXCHANGE_INTERNAL_H
#define SHOVELER_EXCHANGE_INTERNAL_H

#include "lib/strbuf.h"
#include "schema/exchange.h"

#include <sqlite3.h>

#define EXCHANGE_VERSION     1
#define EXCHANGE_FILES_MAX   16 /* snapshots of one dictionary, as in dictionary_internal.h */
#define EXCHANGE_NUMBERS     7	/* of a token; the last, its birth, is not in older exports */
#define EXCHANGE_COLUMNS_MAX 64
#define EXCHANGE_FIELDS_MAX  (EXCHANGE_COLUMNS_MAX + 2)

struct exchange_snapshot {
	struct token *entries; /* malloc'ed */
	size_t count, capacity;
};

struct exchange {
	sqlite3 *db; /* of the newest version */
	struct exchange_snapshot snapshots[EXCHANGE_FILES_MAX];
	size_t snapshot_count;
	bool keep_preferences;
	bool whole; /* with all that belongs to the quarantine: a backup is restored */
};

/* The columns of a table that are exchanged. */
struct exchange_columns {
	char *names[EXCHANGE_COLUMNS_MAX];
	size_t count;
};

/* "little" or "big" */
const char *exchange_byte_order(void);

/* each() for every table that is exchanged, in order, until it returns another status than OK. */
enum store_status exchange_tables(sqlite3 *db,
				  enum store_status (*each)(void *context, const char *table,
							    char **error_r),
				  void *context, char **error_r);

/* False when SQLite failed. */
bool exchange_columns_get(sqlite3 *db, const char *table, struct exchange_columns *columns_r);
void exchange_columns_free(struct exchange_columns *columns);
/* "a", "b" */
void exchange_columns_append(struct strbuf *sql, const struct exchange_columns *columns);

/* STORE_DEFER with SQLite's reason. */
enum store_status exchange_error(sqlite3 *db, char **error_r);

/* The number of the newest migration. */
int exchange_newest_version(void);

/* An empty scratch of that version, 1 to the newest; brings it up to the newest. */
enum store_status exchange_open(struct exchange *exchange, int version, char **error_r);
enum store_status exchange_upgrade(struct exchange *exchange, char **error_r);
void exchange_close(struct exchange *exchange);

/* exchange_install.c: makes the store in directory what the scratch holds. */
enum store_status exchange_install(struct exchange *exchange, const char *directory, bool replace,
				   char **error_r);

#endif
