#include "spamtrain/formats/dspam_preferences.h"

#include "lib/xalloc.h"

#include <stdlib.h>

/* ---- what was read ---- */

static bool too_long(const char *text)
{
	return strlen(text) > DSPAM_FIELD_MAX;
}

int dspam_row_add(struct dspam_preferences *p, char *user, char *name, char *value,
		  const char *path, unsigned line)
{
	if (p->count == DSPAM_ROWS_MAX || too_long(user) || too_long(name) || too_long(value)) {
		free(user);
		free(name);
		free(value);
		return -1;
	}
	if ((p->count & (p->count + 1)) == 0)
		p->rows = xrealloc(p->rows, 2 * (p->count + 1) * sizeof(*p->rows));
	p->rows[p->count++] = (struct dspam_row){
		.user = user, .name = name, .value = value, .path = path, .line = line};
	return 0;
}

int dspam_uid_add(struct dspam_preferences *p, char *uid, char *user)
{
	if (p->uid_count == DSPAM_ROWS_MAX || too_long(uid) || too_long(user)) {
		free(uid);
		free(user);
		return -1;
	}
	if ((p->uid_count & (p->uid_count + 1)) == 0)
		p->uids = xrealloc(p->uids, 2 * (p->uid_count + 1) * sizeof(*p->uids));
	p->uids[p->uid_count++] = (struct dspam_uid){uid, user};
	return 0;
}

void dspam_preferences_free(struct dspam_preferences *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->rows[i].user);
		free(p->rows[i].name);
		free(p->rows[i].value);
	}
	for (size_t i = 0; i < p->uid_count; i++) {
		free(p->uids[i].uid);
		free(p->uids[i].user);
	}
	free(p->rows);
	free(p->uids);
	memset(p, 0, sizeof(*p));
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int by_uid(const void *a, const void *b)
{
	return strcmp(((const struct dspam_uid *)a)->uid, ((const struct dspam_uid *)b)->uid);
}

void dspam_preferences_sort(struct dspam_preferences *p)
{
	if (p->uid_count > 1)
		qsort(p->uids, p->uid_count, sizeof(*p->uids), by_uid);
}

/* DSPAM keeps what is everybody's under uid 0, or the user "default". */
const char *dspam_preferences_user(const struct dspam_preferences *p, const struct dspam_row *row)
{
	const char *user = row->user;

	if (is_number(user) && strcmp(user, "0") != 0) {
		struct dspam_uid key = {row->user, NULL}, *found = NULL;
		if (p->uid_count > 0)
			found = bsearch(&key, p->uids, p->uid_count, sizeof(*p->uids), by_uid);
		user = found == NULL ? NULL : found->user;
	}
	if (user != NULL && (strcmp(user, "0") == 0 || strcmp(user, "default") == 0))
		return "";
	return user;
}

/* ---- rows ---- */

static char unescape(char c)
{
	return c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
}

/*
 * RFC 4180 with commas; with tabs as COPY and mysql -B write them. False: a quote that does not
 * end.
 */
static bool take_field(struct span *rest, char separator, struct strbuf *out, bool *more_r)
{
	bool quoted = separator == ',' && rest->size > 0 && rest->data[0] == '"';
	size_t i;

	for (i = quoted; i < rest->size; i++) {
		char c = rest->data[i];
		bool twice = i + 1 < rest->size && rest->data[i + 1] == '"';
		if (quoted && c == '"' && !twice)
			break;
		if (!quoted && c == separator)
			break;
		if (quoted && c == '"')
			i++;
		else if (separator == '\t' && c == '\\' && i + 1 < rest->size)
			c = unescape(rest->data[++i]);
		strbuf_append_char(out, c);
	}
	bool ended = i < rest->size || !quoted;
	i += quoted && i < rest->size;
	*more_r = i < rest->size;
	ended = ended && (!*more_r || rest->data[i] == separator);
	*rest = span_from(*rest, i + 1);
	return ended;
}

int dspam_line_split(struct span line, char *fields[DSPAM_COLUMNS])
{
	char separator = line.size > 0 && memchr(line.data, '\t', line.size) != NULL ? '\t' : ',';
	bool valid = true, more = true;
	int count = 0;

	for (int i = 0; i < DSPAM_COLUMNS; i++)
		fields[i] = NULL;
	for (; valid && more; count++) {
		struct strbuf field = STRBUF_INIT;
		valid = take_field(&line, separator, &field, &more);
		if (count < DSPAM_COLUMNS)
			fields[count] = strbuf_steal(&field);
		strbuf_free(&field);
	}
	return valid ? count : -1;
}

/* ---- files ---- */

static struct span part_before(struct span path, struct span *rest_r)
{
	const char *slash = path.size == 0 ? NULL : memrchr(path.data, '/', path.size);

	if (slash == NULL) {
		*rest_r = (struct span){NULL, 0};
		return path;
	}
	*rest_r = span_first(path, (size_t)(slash - path.data));
	return span_from(path, (size_t)(slash - path.data) + 1);
}

static const char *extension_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	const char *dot = strrchr(base, '.');

	return dot == NULL || dot == base ? "" : dot + 1;
}

bool dspam_preferences_is_file(const char *path)
{
	const char *extension = extension_of(path);

	return strcmp(extension, "prefs") == 0 || strcmp(extension, "dspam") == 0 ||
	       strcmp(extension, "nodspam") == 0;
}

/* data/DOMAIN/USER/USER.prefs, opt-out/DOMAIN/USER.nodspam; elsewhere the name has the domain. */
static char *user_of_path(const char *path)
{
	struct span rest, name = part_before(span_of(path), &rest);
	size_t extension = strlen(extension_of(path)) + 1;

	name = span_first(name, name.size - extension);
	struct span folder = part_before(rest, &rest);
	if (span_equal(folder, name))
		folder = part_before(rest, &rest);
	bool domain = memchr(name.data, '@', name.size) == NULL && folder.size > 0 &&
		      memchr(folder.data, '.', folder.size) != NULL && folder.data[0] != '.';
	if (span_equal(name, SPAN_LITERAL("default")))
		return xstrdup("");
	return domain ? xasprintf("%.*s@%.*s", SPAN_ARG(name), SPAN_ARG(folder))
		      : xstrndup(name.data, name.size);
}

static bool line_next(struct span *rest, struct span *line_r, unsigned *number)
{
	const char *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);

	if (rest->size == 0)
		return false;
	*line_r = span_first(*rest, end == NULL ? rest->size : (size_t)(end - rest->data));
	*rest = span_from(*rest, line_r->size + 1);
	if (line_r->size > 0 && line_r->data[line_r->size - 1] == '\r')
		line_r->size--;
	(*number)++;
	return true;
}

static bool has_text(struct span line)
{
	struct span text = span_trim(line);

	return text.size > 0 && text.data[0] != '#' && memchr(text.data, '\0', text.size) == NULL;
}

/* "name=value" */
static int pairs_read(struct dspam_preferences *p, struct span file, const char *path,
		      const char *user, unsigned *number, char **error_r)
{
	struct span line;

	while (line_next(&file, &line, number)) {
		if (!has_text(line))
			continue;
		const char *equals = memchr(line.data, '=', line.size);
		struct span name = span_trim(
			span_first(line, equals == NULL ? 0 : (size_t)(equals - line.data)));
		if (name.size == 0) {
			*error_r = xasprintf("\"%.*s\" is not name=value", SPAN_ARG(line));
			return -1;
		}
		struct span value = span_from(line, (size_t)(equals - line.data) + 1);
		if (dspam_row_add(p, xstrdup(user), xstrndup(name.data, name.size),
				  xstrndup(value.size > 0 ? value.data : "", value.size), path,
				  *number) != 0) {
			*error_r = xstrdup("too long, or too many");
			return -1;
		}
	}
	return 0;
}

/* The names of columns, as mysql -B and psql --csv print them. */
static bool is_head(char *const fields[DSPAM_COLUMNS])
{
	return strcasecmp(fields[0], "uid") == 0 || strcasecmp(fields[0], "username") == 0 ||
	       strcasecmp(fields[0], "user") == 0;
}

static int row_read(struct dspam_preferences *p, struct span line, const char *path,
		    unsigned number)
{
	char *fields[DSPAM_COLUMNS];
	int count = dspam_line_split(line, fields);

	if ((count == 2 || count == 3) && !is_head(fields))
		return count == 3 ? dspam_row_add(p, fields[0], fields[1], fields[2], path, number)
				  : dspam_uid_add(p, fields[0], fields[1]);
	for (int i = 0; i < DSPAM_COLUMNS; i++)
		free(fields[i]);
	return count == 2 || count == 3 ? 0 : -1;
}

static int rows_read(struct dspam_preferences *p, struct span file, const char *path,
		     unsigned *number, char **error_r)
{
	struct span line;

	while (line_next(&file, &line, number)) {
		if (!has_text(line) || row_read(p, line, path, *number) == 0)
			continue;
		*error_r = xstrdup("neither \"uid, preference, value\" nor \"uid, username\", with "
				   "tabs or commas between");
		return -1;
	}
	return 0;
}

static bool is_sql(struct span file)
{
	static const char *const words[] = {"INSERT INTO ", "COPY ", "CREATE TABLE "};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (file.size > 0 &&
		    memmem(file.data, file.size, words[i], strlen(words[i])) != NULL)
			return true;
	return false;
}

static int opted(struct dspam_preferences *p, const char *path, bool out)
{
	return dspam_row_add(p, user_of_path(path), xstrdup(out ? "optOut" : "optIn"),
			     xstrdup("on"), path, 1);
}

int dspam_preferences_read(struct dspam_preferences *p, struct span file, const char *path,
			   const char *user, char **error_r)
{
	const char *extension = extension_of(path);
	char *why = NULL, *owner = NULL;
	unsigned number = 0;
	int result;

	if (strcmp(extension, "prefs") == 0)
		owner = user_of_path(path);
	if (strcmp(extension, "nodspam") == 0 || strcmp(extension, "dspam") == 0)
		result = opted(p, path, extension[0] == 'n');
	else if (owner != NULL || user != NULL)
		result = pairs_read(p, file, path, owner != NULL ? owner : user, &number, &why);
	else if (is_sql(file))
		result = dspam_sql_read(p, file, path, &number, &why);
	else
		result = rows_read(p, file, path, &number, &why);
	if (result != 0)
		*error_r = xasprintf("%s:%u: %s", path, number, why == NULL ? "too long" : why);
	free(owner);
	free(why);
	return result;
}
