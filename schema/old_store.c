#include "schema/old_store.h"

#include "lib/xalloc.h"
#include "schema/hash_list.h"
#include "schema/migrate.h"
#include "schema/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

char old_folder[OLD_FOLDER_SIZE] = "/dev/shm/upgrade_test.XXXXXX";
const uint32_t old_hashes[3] = {1000, 2000, 4000000000U};

/* ---- how they were filled ---- */

struct old_filling {
	int since; /* version */
	const char *sql;
};

#define NUMBERS "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %s) "

static const struct old_filling user_fillings[] = {
	{1,
	 "INSERT INTO message (id, signature, digest, received, size, sender, \"from\", subject, "
	 "message_id, queue_id, result, probability, confidence, score, outcome, taught, "
	 "initially, corrected, corrected_at, source, factors, counts, counted, scores, "
	 "sender_key) " NUMBERS "SELECT i, CAST(printf('%%012d', i) AS BLOB), "
	 "CAST(printf('%%016d', i) AS BLOB), 1700000000 + i * 7200, 1000 + i, 's@example.test', "
	 "'\"Sü\" <s' || i || '@example.test>', 'Subject ' || i, '<' || i || '@example.test>', "
	 "'4XyZ' || i, i %% 2, 0.25, 0.5, -1.5, 1 + i %% 3, 1 + i %% 2, 1 + i %% 2, "
	 "CASE i %% 5 WHEN 0 THEN 2 ELSE 0 END, CASE i %% 5 WHEN 0 THEN 1700100000 ELSE 0 END, "
	 "CASE i %% 5 WHEN 0 THEN 'imap' ELSE '' END, 'word 0.9', 1, 1 + i %% 2, zeroblob(26), "
	 "-i FROM n"},
	{1, "INSERT INTO lesson (seq, message, class, delta, tokens, scores, gradient_header, "
	    "gradient_body) " NUMBERS
	    "SELECT 10 + i, i, 1 + i %% 2, 1, 1, zeroblob(26), 100, 50 FROM n"},
	{1, "UPDATE dictionary SET generation = 3, seq = 10, files = 'tokens.3.a', "
	    "sums = zeroblob(26656)"},
	{1, "INSERT INTO sender VALUES (-1, 3, 4), (9223372036854775807, 1, 0)"},
	{1, "INSERT INTO correction VALUES (1, 5, 1700100000, 2, 'imap')"},
	{1, "INSERT INTO preference VALUES ('spamSubject', '[pourriel]'), ('trainingMode', 'TUM')"},
	{1, "INSERT INTO quarantine VALUES (CAST('000000000003' AS BLOB), 'held.1', "
	    "'s@example.test', 'alice@example.test', 1700000001, 1234)"},
	{2,
	 "INSERT INTO trusted_sender VALUES (7, 'mum@example.test', CAST('000000000002' AS BLOB), "
	 "1700000002)"},
	{2, "INSERT INTO digest VALUES (1, 20231114)"},
	{2, "INSERT INTO announced VALUES (CAST('000000000003' AS BLOB))"},
	{2, "INSERT INTO link_used VALUES (CAST('0123456789abcdef' AS BLOB), 1800000000)"},
	{3, "UPDATE lesson SET day = 19700, learned = 0"},
	{3, "UPDATE message SET gradient_header = 100, gradient_body = 50"},
	{4, "INSERT INTO reported VALUES (5)"},
	{4, "UPDATE message SET wary = 1 WHERE id = 4"},
	{5, "INSERT INTO correspondent VALUES (42, 1700000003)"},
	{6, "UPDATE message SET route_key = -77"},
	{7, "UPDATE message SET virus = 'Lab.Eicar', outcome = 8 WHERE id = 6"},
	{0, NULL},
};

static const struct old_filling policy_fillings[] = {
	{1, "INSERT INTO public_folder VALUES (1, '#MilkyPond', '', 1700000000), "
	    "(2, '#MilkyPond', 'News', 1700000001)"},
	{1, "INSERT INTO public_delegate VALUES (1, 'user', 'alice@example.test'), "
	    "(2, 'group', 'staff')"},
	{1, "INSERT INTO group_member VALUES ('staff', 'bob@example.test')"},
	{1, "INSERT INTO mx2_domain (domain, primary_host, retention, retention_until, tls, "
	    "tls_match, tls_cafile, recipients, contact, created) VALUES ('partner.test', "
	    "'[mx.partner.test]', 864000, NULL, 'secure', 'mx.partner.test', '', 'list', "
	    "'admin@partner.test', 1700000000)"},
	{1, "INSERT INTO mx2_recipient VALUES ('partner.test', 'pat@partner.test')"},
	{0, NULL},
};

const struct old_kind user_kind = {"store.sqlite", migrations_user, user_fillings};
const struct old_kind policy_kind = {"policy.sqlite", migrations_policy, policy_fillings};

int newest(const struct old_kind *kind)
{
	int version = 0;

	while (kind->steps[version].name != NULL)
		version++;
	return version;
}

char *path_of(const struct old_kind *kind)
{
	return xasprintf("%s/%s", old_folder, kind->file);
}

sqlite3 *database(const struct old_kind *kind)
{
	char *path = path_of(kind);
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	free(path);
	return db;
}

void execute(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

void remove_files(void)
{
	static const char *const names[] = {"store.sqlite",	     "store.sqlite-wal",
					    "store.sqlite-shm",	     "policy.sqlite",
					    "policy.sqlite-journal", "tokens.3.a"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path = xasprintf("%s/%s", old_folder, names[i]);
		unlink(path);
		free(path);
	}
}

static void features_fill(sqlite3 *db)
{
	struct strbuf packed = STRBUF_INIT;
	sqlite3_stmt *s;

	hash_list_pack(&packed, old_hashes, 3);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "INSERT INTO features SELECT id, 1, ?1 FROM message",
					    -1, &s, NULL),
			 SQLITE_OK);
	sqlite3_bind_blob64(s, 1, strbuf_text(&packed), packed.size, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
	strbuf_free(&packed);
}

static void tokens_fill(void)
{
	struct token tokens[3] = {0};
	char *path = xasprintf("%s/tokens.3.a", old_folder), *error = NULL;

	for (int i = 0; i < 3; i++)
		tokens[i] = (struct token){.hash = old_hashes[i], .spam = 4, .day = 19000};
	assert_int_equal(tokens_write(path, tokens, 3, &error), 0);
	free(path);
}

/* A store of that version as its programs left it. */
void make(const struct old_kind *kind, int version, const char *messages)
{
	struct migration *steps = xcalloc((size_t)version + 1, sizeof(*steps));
	char *error = NULL;

	remove_files();
	sqlite3 *db = database(kind);
	memcpy(steps, kind->steps, (size_t)version * sizeof(*steps));
	if (kind == &user_kind)
		execute(db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
	execute(db, "PRAGMA synchronous = OFF");
	assert_int_equal(migrate(db, steps, &error), MIGRATE_OK);
	execute(db, "BEGIN");
	for (const struct old_filling *f = kind->fillings; f->sql != NULL; f++) {
		char *sql = f->since > version		   ? NULL
			    : strstr(f->sql, "%s") == NULL ? xstrdup(f->sql)
							   : sqlite3_mprintf(f->sql, messages);
		if (sql != NULL)
			execute(db, sql);
		if (strstr(f->sql, "%s") == NULL)
			free(sql);
		else
			sqlite3_free(sql);
	}
	if (kind == &user_kind) {
		features_fill(db);
		tokens_fill();
	}
	execute(db, "COMMIT");
	/* The last rows are in the log, as a process that was killed leaves them. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db);
	free(steps);
}

/* ---- what is in them ---- */

static int version_of(sqlite3 *db)
{
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int version = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return version;
}

/* Rows of the statement, a line each. */
void append_rows(struct strbuf *out, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(s) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(s); i++)
			strbuf_printf(out, "%s ", (const char *)sqlite3_column_text(s, i));
		strbuf_append_char(out, '\n');
	}
	sqlite3_finalize(s);
}

/* The statements that print all rows of all tables, with the columns that they have now. */
static char *print_statements(sqlite3 *db)
{
	struct strbuf out = STRBUF_INIT;

	append_rows(&out, db,
		    "SELECT 'SELECT ''' || m.name || ''', ' || (SELECT group_concat('quote(\"' || "
		    "name || '\")', ', ') FROM pragma_table_info(m.name)) || ' FROM \"' || m.name "
		    "|| '\" ORDER BY 2' FROM sqlite_schema m WHERE type = 'table' "
		    "ORDER BY m.name");
	return strbuf_steal(&out);
}

static char *print_all(sqlite3 *db, const char *statements)
{
	struct strbuf out = STRBUF_INIT;
	char *copy = xstrdup(statements), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			append_rows(&out, db, line);
	free(copy);
	return strbuf_steal(&out);
}

static char *schema_of(sqlite3 *db)
{
	struct strbuf out = STRBUF_INIT;

	append_rows(&out, db,
		    "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1, 2");
	return strbuf_steal(&out);
}

/* Of an empty store of that version. */
static char *schema_wanted(const struct old_kind *kind, int version)
{
	struct migration *steps = xcalloc((size_t)version + 1, sizeof(*steps));
	char *error = NULL;
	sqlite3 *db;

	memcpy(steps, kind->steps, (size_t)version * sizeof(*steps));
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(migrate(db, steps, &error), MIGRATE_OK);
	char *schema = schema_of(db);
	sqlite3_close(db);
	free(steps);
	return schema;
}

struct content content_of(const struct old_kind *kind)
{
	sqlite3 *db = database(kind);
	struct content content = {.statements = print_statements(db)};

	content.rows = print_all(db, content.statements);
	assert_true(strlen(content.rows) > 300);
	sqlite3_close(db);
	return content;
}

void content_free(struct content *content)
{
	free(content->statements);
	free(content->rows);
}

/* The store is of one version, whole, and has every row and value that it had. */
int check_content(const struct old_kind *kind, const struct content *before)
{
	sqlite3 *db = database(kind);
	int version = version_of(db);
	char *schema = schema_of(db), *wanted = schema_wanted(kind, version);
	char *rows = print_all(db, before->statements);
	struct strbuf sound = STRBUF_INIT;

	append_rows(&sound, db, "PRAGMA integrity_check");
	assert_string_equal(strbuf_text(&sound), "ok \n");
	assert_string_equal(schema, wanted);
	assert_string_equal(rows, before->rows);
	strbuf_free(&sound);
	free(rows);
	free(wanted);
	free(schema);
	sqlite3_close(db);
	return version;
}
