/*
 * exchange_export.c - writes a store as text: exchange.h.
 */
#include "schema/exchange_internal.h"

#include "lib/xalloc.h"
#include "schema/dictionary.h"
#include "schema/store_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define OPEN_ATTEMPTS 5
#define ZERO_RUN_MIN  4 /* zero bytes that are written as "(N)" */

struct writer {
	FILE *out;
	sqlite3 *db;
	XXH3_state_t *digest;
	uint64_t lines;
	struct strbuf line;
};

static void line_end(struct writer *w)
{
	strbuf_append_char(&w->line, '\n');
	XXH3_128bits_update(w->digest, w->line.data, w->line.size);
	fwrite(w->line.data, 1, w->line.size, w->out);
	w->lines++;
	strbuf_reset(&w->line);
}

/* ---- values ---- */

static void append_escaped(struct strbuf *line, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c < ' ' || c == '%' || c == 127)
			strbuf_printf(line, "%%%02X", c);
		else
			strbuf_append_char(line, (char)c);
	}
}

static void append_hex(struct strbuf *line, struct span blob)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < blob.size;) {
		size_t zeros = 0;
		while (i + zeros < blob.size && blob.data[i + zeros] == '\0')
			zeros++;
		i += zeros;
		if (zeros >= ZERO_RUN_MIN)
			strbuf_printf(line, "(%zu)", zeros);
		for (; zeros > 0 && zeros < ZERO_RUN_MIN; zeros--)
			strbuf_append_text(line, "00");
		if (i < blob.size) {
			unsigned char c = (unsigned char)blob.data[i++];
			strbuf_append_char(line, digits[c >> 4]);
			strbuf_append_char(line, digits[c & 15]);
		}
	}
}

static void append_value(struct strbuf *line, sqlite3_stmt *s, int column)
{
	struct span bytes;

	switch (sqlite3_column_type(s, column)) {
	case SQLITE_INTEGER:
		strbuf_printf(line, "%lld", sqlite3_column_int64(s, column));
		break;
	case SQLITE_FLOAT:
		strbuf_printf(line, "~%a", sqlite3_column_double(s, column));
		break;
	case SQLITE_TEXT:
		bytes.data = store_column(s, column);
		bytes.size = (size_t)sqlite3_column_bytes(s, column);
		strbuf_append_char(line, '"');
		append_escaped(line, bytes);
		break;
	case SQLITE_BLOB:
		bytes.data = sqlite3_column_blob(s, column);
		bytes.size = (size_t)sqlite3_column_bytes(s, column);
		strbuf_append_char(line, '=');
		append_hex(line, bytes);
		break;
	default:
		strbuf_append_char(line, '.');
	}
}

/* ---- tables ---- */

static enum store_status rows_write(struct writer *w, sqlite3 *db, const char *sql, char **error_r)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		strbuf_append_text(&w->line, "row");
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			strbuf_append_char(&w->line, '\t');
			append_value(&w->line, s, i);
		}
		line_end(w);
		code = SQLITE_OK;
	}
	enum store_status status = code == SQLITE_DONE ? STORE_OK : exchange_error(db, error_r);
	sqlite3_finalize(s);
	return status;
}

static enum store_status table_write(void *context, const char *table, char **error_r)
{
	struct writer *w = context;
	sqlite3 *db = w->db;
	struct exchange_columns columns;
	struct strbuf sql = STRBUF_INIT;

	if (!exchange_columns_get(db, table, &columns))
		return exchange_error(db, error_r);
	strbuf_printf(&w->line, "table\t%s", table);
	for (size_t i = 0; i < columns.count; i++)
		strbuf_printf(&w->line, "\t%s", columns.names[i]);
	line_end(w);
	strbuf_append_text(&sql, "SELECT ");
	exchange_columns_append(&sql, &columns);
	/* By the primary key: the first column of every table. */
	strbuf_printf(&sql, " FROM \"%s\" ORDER BY %s", table,
		      strcmp(table, "lesson") == 0 ? "seq" : "1");
	enum store_status status = rows_write(w, db, strbuf_text(&sql), error_r);
	strbuf_free(&sql);
	exchange_columns_free(&columns);
	return status;
}

/* ---- snapshots ---- */

static void snapshot_write(struct writer *w, const struct tokens *tokens)
{
	strbuf_append_text(&w->line, "tokens");
	line_end(w);
	for (size_t i = 0; i < tokens->count; i++) {
		const struct token *t = &tokens->entries[i];
		strbuf_printf(&w->line, "token\t%" PRIu32 "\t%" PRId32 "\t%" PRId32, t->hash,
			      t->spam, t->innocent);
		strbuf_printf(&w->line, "\t%" PRId32 "\t%" PRId32 "\t%u\t%u", t->gradient,
			      t->square, t->day, t->born);
		line_end(w);
	}
}

struct snapshots {
	struct tokens files[EXCHANGE_FILES_MAX];
	size_t count;
};

static void snapshots_close(struct snapshots *snapshots)
{
	while (snapshots->count > 0)
		tokens_close(&snapshots->files[--snapshots->count]);
}

/* STORE_NOT_FOUND: one of them was replaced meanwhile. names is cut into pieces. */
static enum store_status snapshots_open(struct snapshots *snapshots, const char *directory,
					char *names, char **error_r)
{
	char *rest = names, *name;
	int result = 0;

	snapshots->count = 0;
	while (result == 0 && (name = strsep(&rest, " ")) != NULL) {
		if (*name == '\0')
			continue;
		if (snapshots->count == EXCHANGE_FILES_MAX) {
			*error_r = xasprintf("%s: damaged list of snapshots", directory);
			snapshots_close(snapshots);
			return STORE_DEFER;
		}
		char *path = xasprintf("%s/%s", directory, name);
		result = tokens_open(&snapshots->files[snapshots->count], path, error_r);
		free(path);
		snapshots->count += result == 0;
	}
	if (result == 0)
		return STORE_OK;
	int saved = errno;
	snapshots_close(snapshots);
	return saved == ENOENT ? STORE_NOT_FOUND : STORE_DEFER;
}

/* In a read transaction of its own from here on, with the files as of its start. */
static enum store_status view_open(struct store *store, struct snapshots *snapshots, char **error_r)
{
	enum store_status status = STORE_NOT_FOUND;

	for (int i = 0; i < OPEN_ATTEMPTS && status == STORE_NOT_FOUND; i++) {
		store_rollback(store);
		free(*error_r);
		*error_r = NULL;
		status = store_run(store, store_statement(store, STATEMENT_BEGIN_READ, error_r),
				   error_r);
		if (status != STORE_OK)
			return status;
		sqlite3_stmt *s = store_statement(store, STATEMENT_DICTIONARY_GET, error_r);
		status = store_step(store, s, error_r);
		if (status != STORE_OK)
			break;
		char *names = store_column_text(s, 2);
		sqlite3_reset(s);
		status = snapshots_open(snapshots, store->directory, names, error_r);
		free(names);
	}
	return status == STORE_NOT_FOUND ? STORE_DEFER : status;
}

/* ---- the file ---- */

static void head_write(struct writer *w, unsigned features_version)
{
	strbuf_printf(&w->line, "shoveler-export\t%d", EXCHANGE_VERSION);
	line_end(w);
	strbuf_printf(&w->line, "store\t%d", exchange_newest_version());
	line_end(w);
	strbuf_printf(&w->line, "layout\t%d\t%zu\t%s", EXCHANGE_NUMBERS,
		      sizeof(struct dictionary_sums), exchange_byte_order());
	line_end(w);
	strbuf_printf(&w->line, "features\t%u", features_version);
	line_end(w);
}

static void end_write(struct writer *w)
{
	XXH128_hash_t digest = XXH3_128bits_digest(w->digest);

	fprintf(w->out, "end\t%" PRIu64 "\t%016" PRIx64 "%016" PRIx64 "\n", w->lines,
		(uint64_t)digest.high64, (uint64_t)digest.low64);
}

enum store_status store_export(struct store *store, unsigned features_version, FILE *out,
			       char **error_r)
{
	struct snapshots snapshots = {.count = 0};
	enum store_status status = view_open(store, &snapshots, error_r);

	if (status == STORE_OK) {
		struct writer w = {.out = out,
				   .db = store->db,
				   .digest = XXH3_createState(),
				   .line = STRBUF_INIT};
		if (w.digest == NULL)
			xalloc_failed();
		XXH3_128bits_reset(w.digest);
		head_write(&w, features_version);
		status = exchange_tables(store->db, table_write, &w, error_r);
		for (size_t i = 0; status == STORE_OK && i < snapshots.count; i++)
			snapshot_write(&w, &snapshots.files[i]);
		if (status == STORE_OK)
			end_write(&w);
		XXH3_freeState(w.digest);
		strbuf_free(&w.line);
	}
	store_rollback(store);
	snapshots_close(&snapshots);
	if (status == STORE_OK && (fflush(out) != 0 || ferror(out) != 0)) {
		*error_r = xasprintf("cannot write: %s", strerror(errno));
		status = STORE_DEFER;
	}
	return status;
}
