/*
 * exchange.c - what export and import share: which tables and columns, and the scratch.
 */
#include "schema/exchange_internal.h"
#include "schema/store_internal.h"

#include "lib/xalloc.h"
#include "schema/migrate.h"

#include <stdlib.h>

/* Not what belongs to messages in quarantine, which stay. */
#define TABLES_SQL                                                                                 \
	"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "      \
	"ESCAPE '\\' AND name NOT IN ('quarantine', 'announced', 'digest', 'link_used') "          \
	"ORDER BY name"
/* Of the dictionary's row and the log's, what belongs to one store's files and numbers stays. */
#define COLUMNS_SQL                                                                                \
	"SELECT name FROM pragma_table_info(?1) WHERE NOT (?1 = 'dictionary' AND name IN "         \
	"('id', 'generation', 'seq', 'files')) AND NOT (?1 = 'lesson' AND name = 'seq') "          \
	"ORDER BY cid"

const char *exchange_byte_order(void)
{
	const uint16_t one = 1;

	return *(const unsigned char *)&one == 1 ? "little" : "big";
}

enum store_status exchange_tables(sqlite3 *db,
				  enum store_status (*each)(void *context, const char *table,
							    char **error_r),
				  void *context, char **error_r)
{
	enum store_status status = STORE_OK;
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, TABLES_SQL, -1, &s, NULL);

	while (code == SQLITE_OK && status == STORE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		status = each(context, store_column(s, 0), error_r);
		code = SQLITE_OK;
	}
	/* A list that breaks off is not the whole list. */
	if (status == STORE_OK && code != SQLITE_DONE)
		status = exchange_error(db, error_r);
	sqlite3_finalize(s);
	return status;
}

bool exchange_columns_get(sqlite3 *db, const char *table, struct exchange_columns *columns_r)
{
	sqlite3_stmt *s = NULL;
	int code;

	columns_r->count = 0;
	if (sqlite3_prepare_v2(db, COLUMNS_SQL, -1, &s, NULL) != SQLITE_OK)
		return false;
	store_bind_text(s, 1, table);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && columns_r->count < EXCHANGE_COLUMNS_MAX)
		columns_r->names[columns_r->count++] = store_column_text(s, 0);
	sqlite3_finalize(s);
	if (code == SQLITE_DONE)
		return true;
	exchange_columns_free(columns_r);
	return false;
}

void exchange_columns_free(struct exchange_columns *columns)
{
	for (size_t i = 0; i < columns->count; i++)
		free(columns->names[i]);
	columns->count = 0;
}

void exchange_columns_append(struct strbuf *sql, const struct exchange_columns *columns)
{
	for (size_t i = 0; i < columns->count; i++)
		strbuf_printf(sql, "%s\"%s\"", i == 0 ? "" : ", ", columns->names[i]);
}

enum store_status exchange_error(sqlite3 *db, char **error_r)
{
	*error_r = xstrdup(sqlite3_errmsg(db));
	return STORE_DEFER;
}

int exchange_newest_version(void)
{
	int version = 0;

	while (migrations_user[version].name != NULL)
		version++;
	return version;
}

enum store_status exchange_open(struct exchange *exchange, int version, char **error_r)
{
	size_t count = (size_t)version;
	struct migration *steps = xcalloc(count + 1, sizeof(*steps));

	memset(exchange, 0, sizeof(*exchange));
	memcpy(steps, migrations_user, count * sizeof(*steps));
	enum store_status status = STORE_OK;
	/* No name: a temporary file that SQLite removes. */
	if (sqlite3_open_v2("", &exchange->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK)
		status = exchange_error(exchange->db, error_r);
	else if (migrate(exchange->db, steps, error_r) != MIGRATE_OK)
		status = STORE_DEFER;
	free(steps);
	if (status != STORE_OK)
		exchange_close(exchange);
	return status;
}

enum store_status exchange_upgrade(struct exchange *exchange, char **error_r)
{
	return migrate(exchange->db, migrations_user, error_r) == MIGRATE_OK ? STORE_OK
									     : STORE_DEFER;
}

void exchange_close(struct exchange *exchange)
{
	sqlite3_close(exchange->db);
	exchange->db = NULL;
	for (size_t i = 0; i < exchange->snapshot_count; i++)
		free(exchange->snapshots[i].entries);
	exchange->snapshot_count = 0;
}
