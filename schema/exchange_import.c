/*
 * exchange_import.c - reads an export (exchange.h) into the scratch, checking every line.
 */
#include "schema/exchange_internal.h"
#include "schema/store_internal.h"

#include "lib/xalloc.h"
#include "schema/dictionary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NUMBER_MAX	 40		    /* characters of a number */
#define ZEROS_MAX	 ((size_t)16 << 20) /* bytes of "(N)" in one file */
#define TOKEN_NUMBER_MAX (1 << 28)	    /* so that sums of snapshots stay in range */

struct reader {
	struct span rest;
	uint64_t line; /* number of the line that was read last */
	struct span fields[EXCHANGE_FIELDS_MAX];
	size_t count; /* of fields */
	struct exchange *exchange;
	sqlite3_stmt *insert; /* of the table that is being read */
	size_t columns;	      /* of it */
	size_t numbers;	      /* of a token */
	struct exchange_snapshot *snapshot;
	size_t zeros; /* bytes expanded so far */
	char **error_r;
};

static enum store_status invalid(struct reader *r, const char *what)
{
	*r->error_r = xasprintf("line %" PRIu64 ": %s", r->line, what);
	return STORE_INVALID;
}

/* False at the end, or when there are too many fields. */
static bool line_read(struct reader *r)
{
	if (r->rest.size == 0)
		return false;
	const char *end = memchr(r->rest.data, '\n', r->rest.size);
	size_t size = end == NULL ? r->rest.size : (size_t)(end - r->rest.data);
	struct span line = span_first(r->rest, size);
	r->rest = span_from(r->rest, size + 1);
	r->line++;
	for (r->count = 0; r->count < EXCHANGE_FIELDS_MAX; r->count++) {
		const char *tab = line.size == 0 ? NULL : memchr(line.data, '\t', line.size);
		if (tab == NULL) {
			r->fields[r->count++] = line;
			return true;
		}
		size = (size_t)(tab - line.data);
		r->fields[r->count] = span_first(line, size);
		line = span_from(line, size + 1);
	}
	return false;
}

static bool field_is(const struct reader *r, size_t i, const char *text)
{
	return i < r->count && span_equal(r->fields[i], span_of(text));
}

static bool integer_read(struct span s, int64_t *value_r)
{
	char text[NUMBER_MAX], *end;

	if (s.size == 0 || s.size >= sizeof(text) || strchr("-0123456789", s.data[0]) == NULL)
		return false;
	memcpy(text, s.data, s.size);
	text[s.size] = '\0';
	errno = 0;
	*value_r = strtoll(text, &end, 10);
	return errno == 0 && end == text + s.size;
}

/* ---- values ---- */

/* The byte at s.data; -1 if it is none. */
static int byte_read(struct span s)
{
	int high = s.size < 2 ? -1 : span_hex_digit(s.data[0]);
	int low = s.size < 2 ? -1 : span_hex_digit(s.data[1]);

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool bind_text(sqlite3_stmt *s, int index, struct span text)
{
	struct strbuf out = STRBUF_INIT;
	int byte = 0;

	while (text.size > 0 && byte >= 0) {
		bool escaped = text.data[0] == '%';
		byte = escaped ? byte_read(span_from(text, 1)) : (unsigned char)text.data[0];
		strbuf_append_char(&out, (char)byte);
		text = span_from(text, escaped ? 3 : 1);
	}
	if (byte >= 0)
		store_bind_span(s, index, strbuf_span(&out));
	strbuf_free(&out);
	return byte >= 0;
}

/* "(N)" at the start of *hex: N zero bytes. */
static bool zeros_read(struct reader *r, struct span *hex, struct strbuf *out)
{
	const char *end = memchr(hex->data, ')', hex->size);
	int64_t zeros;

	if (end == NULL)
		return false;
	struct span number = {hex->data + 1, (size_t)(end - hex->data) - 1};
	if (!integer_read(number, &zeros) || zeros < 0 || (uint64_t)zeros > ZEROS_MAX - r->zeros)
		return false;
	r->zeros += (size_t)zeros;
	strbuf_reserve(out, (size_t)zeros);
	memset(out->data + out->size, 0, (size_t)zeros);
	out->size += (size_t)zeros;
	*hex = span_from(*hex, number.size + 2);
	return true;
}

static bool bind_blob(struct reader *r, int index, struct span hex)
{
	struct strbuf out = STRBUF_INIT;
	bool valid = true;

	while (hex.size > 0 && valid) {
		if (hex.data[0] == '(') {
			valid = zeros_read(r, &hex, &out);
			continue;
		}
		int byte = byte_read(hex);
		valid = byte >= 0;
		strbuf_append_char(&out, (char)byte);
		hex = span_from(hex, 2);
	}
	if (valid)
		store_bind_blob(r->insert, index, strbuf_text(&out), out.size);
	strbuf_free(&out);
	return valid;
}

static bool bind_real(sqlite3_stmt *s, int index, struct span number)
{
	char text[NUMBER_MAX], *end;

	if (number.size == 0 || number.size >= sizeof(text))
		return false;
	memcpy(text, number.data, number.size);
	text[number.size] = '\0';
	double value = strtod(text, &end);
	sqlite3_bind_double(s, index, value);
	return end == text + number.size;
}

static bool bind_value(struct reader *r, int index, struct span value)
{
	int64_t integer;

	if (value.size == 0)
		return false;
	switch (value.data[0]) {
	case '.':
		return value.size == 1 && sqlite3_bind_null(r->insert, index) == SQLITE_OK;
	case '~':
		return bind_real(r->insert, index, span_from(value, 1));
	case '"':
		return bind_text(r->insert, index, span_from(value, 1));
	case '=':
		return bind_blob(r, index, span_from(value, 1));
	default:
		return integer_read(value, &integer) &&
		       sqlite3_bind_int64(r->insert, index, integer) == SQLITE_OK;
	}
}

/* ---- lines ---- */

static enum store_status compare_table(void *context, const char *table, char **error_r)
{
	(void)error_r;
	return span_equal(*(const struct span *)context, span_of(table)) ? STORE_NOT_FOUND
									 : STORE_OK;
}

static bool table_exists(sqlite3 *db, struct span name)
{
	char *error = NULL;
	/* The comparison ends with another status when it is found. */
	bool found = exchange_tables(db, compare_table, &name, &error) == STORE_NOT_FOUND;

	free(error);
	return found;
}

static bool columns_match(const struct reader *r, const struct exchange_columns *columns)
{
	bool same = columns->count + 2 == r->count;

	for (size_t i = 0; same && i < columns->count; i++)
		same = field_is(r, i + 2, columns->names[i]);
	return same;
}

/* INSERT INTO "t" ("a", "b") VALUES (?, ?); UPDATE of the one row of the dictionary. */
static void insert_text(struct strbuf *sql, const char *table,
			const struct exchange_columns *columns)
{
	if (strcmp(table, "dictionary") == 0) {
		strbuf_append_text(sql, "UPDATE dictionary SET (");
		exchange_columns_append(sql, columns);
		strbuf_append_text(sql, ") = (");
	} else {
		strbuf_printf(sql, "INSERT INTO \"%s\" (", table);
		exchange_columns_append(sql, columns);
		strbuf_append_text(sql, ") VALUES (");
	}
	for (size_t i = 0; i < columns->count; i++)
		strbuf_append_text(sql, i == 0 ? "?" : ", ?");
	strbuf_append_char(sql, ')');
}

static enum store_status table_begin(struct reader *r)
{
	struct exchange_columns columns;
	struct strbuf sql = STRBUF_INIT;
	enum store_status status = STORE_OK;
	sqlite3 *db = r->exchange->db;

	if (r->count < 2 || !table_exists(db, r->fields[1]))
		return invalid(r, "no such table");
	char *table = xstrndup(r->fields[1].data, r->fields[1].size);
	if (!exchange_columns_get(db, table, &columns)) {
		free(table);
		return exchange_error(db, r->error_r);
	}
	sqlite3_finalize(r->insert);
	r->insert = NULL;
	r->columns = columns.count;
	insert_text(&sql, table, &columns);
	if (!columns_match(r, &columns))
		status = invalid(r, "the columns are not those of this table");
	else if (sqlite3_prepare_v2(db, strbuf_text(&sql), -1, &r->insert, NULL) != SQLITE_OK)
		status = exchange_error(db, r->error_r);
	strbuf_free(&sql);
	exchange_columns_free(&columns);
	free(table);
	return status;
}

static enum store_status row_insert(struct reader *r)
{
	if (r->insert == NULL || r->count != r->columns + 1)
		return invalid(r, "a row that fits no table");
	sqlite3_reset(r->insert);
	for (size_t i = 0; i < r->columns; i++)
		if (!bind_value(r, (int)i + 1, r->fields[i + 1]))
			return invalid(r, "not a value");
	int code = sqlite3_step(r->insert) & 0xff;
	if (code == SQLITE_DONE)
		return STORE_OK;
	enum store_status status = code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH
					   ? invalid(r, sqlite3_errmsg(r->exchange->db))
					   : exchange_error(r->exchange->db, r->error_r);
	return status;
}

static enum store_status snapshot_begin(struct reader *r)
{
	if (r->exchange->snapshot_count == EXCHANGE_FILES_MAX)
		return invalid(r, "too many snapshots");
	r->snapshot = &r->exchange->snapshots[r->exchange->snapshot_count++];
	return STORE_OK;
}

static bool token_read(const struct reader *r, struct token *token)
{
	int64_t numbers[EXCHANGE_NUMBERS] = {0};

	for (size_t i = 0; i < r->numbers; i++) {
		int64_t max = i == 0 ? UINT32_MAX : i >= 5 ? UINT16_MAX : TOKEN_NUMBER_MAX;
		int64_t min = i == 0 || i >= 5 ? 0 : -TOKEN_NUMBER_MAX;
		if (!integer_read(r->fields[i + 1], &numbers[i]) || numbers[i] > max ||
		    numbers[i] < min)
			return false;
	}
	*token = (struct token){.hash = (uint32_t)numbers[0],
				.spam = (int32_t)numbers[1],
				.innocent = (int32_t)numbers[2],
				.gradient = (int32_t)numbers[3],
				.square = (int32_t)numbers[4],
				.day = (uint16_t)numbers[5],
				.born = (uint16_t)numbers[6]};
	return true;
}

static enum store_status token_add_line(struct reader *r)
{
	struct exchange_snapshot *s = r->snapshot;
	struct token token;

	if (s == NULL || r->count != r->numbers + 1)
		return invalid(r, "a token that fits no snapshot");
	if (!token_read(r, &token))
		return invalid(r, "not a token");
	if (s->count > 0 && token.hash <= s->entries[s->count - 1].hash)
		return invalid(r, "tokens out of order");
	if (s->count == s->capacity) {
		s->capacity = s->capacity * 2 + 1024;
		s->entries = xrealloc(s->entries, s->capacity * sizeof(*s->entries));
	}
	s->entries[s->count++] = token;
	return STORE_OK;
}

static enum store_status body_read(struct reader *r)
{
	enum store_status status = STORE_OK;

	while (status == STORE_OK && r->rest.size > 0) {
		if (!line_read(r))
			status = invalid(r, "too many fields");
		else if (field_is(r, 0, "token"))
			status = token_add_line(r);
		else if (field_is(r, 0, "row"))
			status = row_insert(r);
		else if (field_is(r, 0, "table"))
			status = table_begin(r);
		else if (field_is(r, 0, "tokens"))
			status = snapshot_begin(r);
		else
			status = invalid(r, "neither table, row, tokens nor token");
	}
	return status;
}

/* ---- head and end ---- */

/* A line "name N", N from 1 to max. */
static enum store_status version_read(struct reader *r, const char *name, int64_t max,
				      int64_t *version_r)
{
	if (!line_read(r) || r->count != 2 || !field_is(r, 0, name) ||
	    !integer_read(r->fields[1], version_r) || *version_r < 1) {
		*r->error_r =
			xasprintf("line %" PRIu64 ": \"%s\" and a number expected", r->line, name);
		return STORE_INVALID;
	}
	if (*version_r <= max)
		return STORE_OK;
	*r->error_r = xasprintf("written by a newer program: %s is %" PRId64
				", this one knows up to %" PRId64,
				name, *version_r, max);
	return STORE_INVALID;
}

static enum store_status layout_read(struct reader *r)
{
	int64_t numbers, sums;

	if (!line_read(r) || r->count != 4 || !field_is(r, 0, "layout") ||
	    !integer_read(r->fields[1], &numbers) || !integer_read(r->fields[2], &sums))
		return invalid(r, "\"layout\" expected");
	r->numbers = (size_t)numbers;
	if ((numbers == EXCHANGE_NUMBERS || numbers == EXCHANGE_NUMBERS - 1) &&
	    sums == sizeof(struct dictionary_sums) && field_is(r, 3, exchange_byte_order()))
		return STORE_OK;
	return invalid(r, "the dictionary was written by a program whose dictionaries are made "
			  "otherwise: train again");
}

/* Takes the last line off r->rest: nothing is missing, nothing was changed. */
static enum store_status end_check(struct reader *r)
{
	static const char broken[] = "damaged or cut short: ";
	struct span file = r->rest;
	uint64_t lines = 0;
	char expected[80];

	if (file.size == 0 || file.data[file.size - 1] != '\n') {
		*r->error_r = xasprintf("%sthe last line is not whole", broken);
		return STORE_INVALID;
	}
	const char *before = memrchr(file.data, '\n', file.size - 1);
	size_t start = before == NULL ? 0 : (size_t)(before - file.data) + 1;
	for (const char *at = file.data; (at = memchr(at, '\n', start - (size_t)(at - file.data)));
	     at++)
		lines++;
	XXH128_hash_t digest = XXH3_128bits(file.data, start);
	snprintf(expected, sizeof(expected), "end\t%" PRIu64 "\t%016" PRIx64 "%016" PRIx64 "\n",
		 lines, (uint64_t)digest.high64, (uint64_t)digest.low64);
	r->rest = span_first(file, start);
	if (span_equal(span_from(file, start), span_of(expected)))
		return STORE_OK;
	*r->error_r = xasprintf("%sits last line does not fit the others", broken);
	return STORE_INVALID;
}

static enum store_status head_read(struct reader *r, unsigned features_version, int *store_r)
{
	struct span whole = r->rest;
	int64_t version, store = 0;

	if (whole.size < 16 || memcmp(whole.data, "shoveler-export\t", 16) != 0) {
		*r->error_r = xstrdup("this is not an export of spamtrain");
		return STORE_INVALID;
	}
	enum store_status status = version_read(r, "shoveler-export", EXCHANGE_VERSION, &version);
	if (status != STORE_OK)
		return status;
	r->rest = whole;
	status = end_check(r);
	r->rest = span_from(r->rest,
			    (size_t)(r->fields[1].data + r->fields[1].size + 1 - whole.data));
	if (status == STORE_OK)
		status = version_read(r, "store", exchange_newest_version(), &store);
	if (status == STORE_OK)
		status = layout_read(r);
	if (status == STORE_OK)
		status = version_read(r, "features", features_version, &version);
	*store_r = (int)store;
	return status;
}

/* The sums are as large as the program's, or missing. */
static enum store_status sums_check(struct reader *r)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db = r->exchange->db;
	bool right = false;

	if (sqlite3_prepare_v2(db, "SELECT length(sums) FROM dictionary", -1, &s, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW) {
		int64_t size = sqlite3_column_int64(s, 0);
		right = size == 0 || size == sizeof(struct dictionary_sums);
	}
	sqlite3_finalize(s);
	return right ? STORE_OK : invalid(r, "the sums have the wrong size");
}

static enum store_status scratch_fill(struct reader *r)
{
	sqlite3 *db = r->exchange->db;

	if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return exchange_error(db, r->error_r);
	enum store_status status = body_read(r);
	sqlite3_finalize(r->insert);
	if (status == STORE_OK && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		status = exchange_error(db, r->error_r);
	if (status == STORE_OK)
		status = exchange_upgrade(r->exchange, r->error_r);
	return status == STORE_OK ? sums_check(r) : status;
}

enum store_status store_import(const char *directory, struct span file, unsigned features_version,
			       bool replace, char **error_r)
{
	struct exchange exchange;
	struct reader r = {.rest = file, .exchange = &exchange, .error_r = error_r};
	int version;
	enum store_status status = head_read(&r, features_version, &version);

	if (status != STORE_OK)
		return status;
	status = exchange_open(&exchange, version, error_r);
	if (status != STORE_OK)
		return status;
	status = scratch_fill(&r);
	if (status == STORE_OK)
		status = exchange_install(&exchange, directory, replace, error_r);
	exchange_close(&exchange);
	return status;
}

enum store_status store_import_counts(const char *directory, const struct store_counts *counts,
				      bool replace, char **error_r)
{
	struct dictionary_sums *sums;
	struct exchange exchange;
	sqlite3_stmt *s = NULL;
	enum store_status status = exchange_open(&exchange, exchange_newest_version(), error_r);

	if (status != STORE_OK)
		return status;
	sums = xcalloc(1, sizeof(*sums));
	sums->spam = counts->spam;
	sums->innocent = counts->innocent;
	sqlite3_prepare_v2(exchange.db, "UPDATE dictionary SET sums = ?1", -1, &s, NULL);
	store_bind_blob(s, 1, sums, sizeof(*sums));
	if (sqlite3_step(s) != SQLITE_DONE)
		status = exchange_error(exchange.db, error_r);
	sqlite3_finalize(s);
	free(sums);
	struct exchange_snapshot *snapshot = &exchange.snapshots[exchange.snapshot_count++];
	snapshot->entries = xmalloc((counts->count + 1) * sizeof(*snapshot->entries));
	snapshot->count = counts->count;
	if (counts->count > 0)
		memcpy(snapshot->entries, counts->tokens, counts->count * sizeof(struct token));
	exchange.keep_preferences = true;
	if (status == STORE_OK)
		status = exchange_install(&exchange, directory, replace, error_r);
	exchange_close(&exchange);
	return status;
}
