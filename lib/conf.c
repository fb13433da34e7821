#include "conf.h"

#include "conf_value.h"
#include "msg.h"
#include "strbuf.h"
#include "xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_MAX_EXPANSION_DEPTH 16
#define CONF_MAX_NAME_DISTANCE	 4

#define ROW(id, name, type, def, min, max, programs, text)                                         \
	{name, CONF_##type, def, CONF_RANGE_##type(min, max), programs, text},
#define CONF_RANGE_TEXT(min, max)    NULL, 0, 0
#define CONF_RANGE_PATH(min, max)    NULL, 0, 0
#define CONF_RANGE_ADDRESS(min, max) NULL, 0, 0
#define CONF_RANGE_BOOL(min, max)    NULL, 0, 0
#define CONF_RANGE_LIST(min, max)    NULL, 0, 0
#define CONF_RANGE_INT(min, max)     NULL, min, max
#define CONF_RANGE_TIME(min, max)    NULL, min, max
#define CONF_RANGE_SIZE(min, max)    NULL, min, max
#define CONF_RANGE_CHOICE(min, max)  min, 0, 0

/* What the manual page cannot do without. */
#define REQUIRE(id, name, type, def, min, max, programs, text)                                     \
	_Static_assert(sizeof(programs) > 1 && sizeof(text) > sizeof("A sentence"),                \
		       "the setting " name " needs programs and a description");
SHOVELER_PARAMS(REQUIRE)

static const struct conf_row {
	const char *name;
	enum conf_type type;
	const char *default_value;
	const char *choices; /* CHOICE: the words */
	int64_t minimum, maximum;
	const char *programs;
	const char *description;
} table[P_COUNT] = {SHOVELER_PARAMS(ROW)};

struct conf {
	char *directory;
	char *raw[P_COUNT];    /* as written; NULL: not set */
	char *origin[P_COUNT]; /* "file, line N" of the raw value */
	struct conf_value value[P_COUNT];
	bool passes_over;  /* what is wrong is as if it were not there */
	char *passed_over; /* the first of that */
	int wrong;	   /* the setting of the last error of a value */
};

const char *conf_default_directory(void)
{
	const char *directory = getenv(CONF_DIRECTORY_VARIABLE);

	return directory != NULL && directory[0] != '\0' ? directory : CONF_DEFAULT_DIRECTORY;
}

const char *conf_name(enum conf_param param)
{
	return table[param].name;
}

static int find_span(struct span name)
{
	for (int i = 0; i < P_COUNT; i++) {
		if (span_equal(span_of(table[i].name), name))
			return i;
	}
	return -1;
}

int conf_find(const char *name)
{
	return find_span(span_of(name));
}

static const char *nearest_name(struct span name)
{
	size_t best = CONF_MAX_NAME_DISTANCE + 1;
	const char *nearest = NULL;

	for (int i = 0; i < P_COUNT; i++) {
		size_t distance = conf_edit_distance(name, span_of(table[i].name));

		if (distance < best) {
			best = distance;
			nearest = table[i].name;
		}
	}
	return nearest;
}

static char *unknown_name_error(const char *origin, struct span name)
{
	const char *nearest = nearest_name(name);

	if (nearest == NULL)
		return xasprintf("%s: unknown setting \"%.*s\"; `shoveler conf -d` lists all",
				 origin, SPAN_ARG(name));
	return xasprintf("%s: unknown setting \"%.*s\"; did you mean \"%s\"?", origin,
			 SPAN_ARG(name), nearest);
}

/* Returns whether to go on without what is wrong; then *error is taken. */
static bool pass_over(struct conf *conf, char **error)
{
	if (!conf->passes_over)
		return false;
	if (conf->passed_over == NULL)
		conf->passed_over = *error;
	else
		free(*error);
	*error = NULL;
	return true;
}

/* One logical line "name = value"; continuation lines are already joined. */
static int take_setting(struct conf *conf, struct span line, const char *origin, char **error_r)
{
	const char *equals = memchr(line.data, '=', line.size);
	struct span name, value;
	int param;

	if (equals == NULL) {
		*error_r = xasprintf("%s: expected \"name = value\"", origin);
		return -1;
	}
	name = span_trim(span_first(line, (size_t)(equals - line.data)));
	value = span_trim(span_from(line, (size_t)(equals - line.data) + 1));
	param = find_span(name);
	if (param < 0) {
		*error_r = unknown_name_error(origin, name);
		return -1;
	}
	free(conf->raw[param]);
	free(conf->origin[param]);
	conf->raw[param] = xstrndup(value.data != NULL ? value.data : "", value.size);
	conf->origin[param] = xstrdup(origin);
	return 0;
}

static int flush_setting(struct conf *conf, struct strbuf *logical, const char *path,
			 unsigned line_number, char **error_r)
{
	char *origin;
	int ret;

	if (span_trim(strbuf_span(logical)).size == 0)
		return 0;
	origin = xasprintf("%s, line %u", path, line_number);
	ret = take_setting(conf, strbuf_span(logical), origin, error_r);
	if (ret < 0 && pass_over(conf, error_r))
		ret = 0;
	free(origin);
	strbuf_reset(logical);
	return ret;
}

static int parse_text(struct conf *conf, struct span text, const char *path, char **error_r)
{
	struct strbuf logical = STRBUF_INIT;
	unsigned line_number = 0, start_line = 0;
	int ret = 0;

	if (memchr(text.data, '\0', text.size) != NULL) {
		*error_r = xasprintf("%s: contains a NUL byte; it must be a text file", path);
		return -1;
	}
	while (text.size > 0 && ret == 0) {
		const char *newline = memchr(text.data, '\n', text.size);
		size_t length = newline != NULL ? (size_t)(newline - text.data) : text.size;
		struct span line = span_first(text, length), trimmed = span_trim(line);

		line_number++;
		text = span_from(text, length + 1);
		if (trimmed.size == 0 || trimmed.data[0] == '#')
			continue;
		if (line.data[0] == ' ' || line.data[0] == '\t') {
			if (logical.size == 0) {
				*error_r = xasprintf("%s, line %u: a line that starts with white "
						     "space continues nothing",
						     path, line_number);
				if (pass_over(conf, error_r))
					continue;
				ret = -1;
				break;
			}
			strbuf_append_char(&logical, ' ');
		} else {
			ret = flush_setting(conf, &logical, path, start_line, error_r);
			start_line = line_number;
		}
		strbuf_append_span(&logical, trimmed);
	}
	if (ret == 0)
		ret = flush_setting(conf, &logical, path, start_line, error_r);
	strbuf_free(&logical);
	return ret;
}

static int read_file(const char *path, struct strbuf *text, char **error_r)
{
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		*error_r = xasprintf("cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	strbuf_reserve(text, CONF_MAX_FILE + 1);
	text->size = fread(text->data, 1, CONF_MAX_FILE + 1, file);
	if (ferror(file)) {
		*error_r = xasprintf("cannot read %s: %s", path, strerror(errno));
		fclose(file);
		return -1;
	}
	fclose(file);
	if (text->size > CONF_MAX_FILE) {
		*error_r = xasprintf("%s: larger than %d bytes", path, CONF_MAX_FILE);
		return -1;
	}
	return 0;
}

static int parse_file(struct conf *conf, const char *path, char **error_r)
{
	struct strbuf text = STRBUF_INIT;
	int ret = read_file(path, &text, error_r);

	if (ret == 0)
		ret = parse_text(conf, strbuf_span(&text), path, error_r);
	strbuf_free(&text);
	return ret;
}

static int is_dropin(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 3 &&
	       strcmp(entry->d_name + length - 3, ".cf") == 0;
}

static int parse_dropins(struct conf *conf, char **error_r)
{
	char *folder = xasprintf("%s/main.cf.d", conf->directory);
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_dropin, alphasort), ret = 0;

	if (count < 0 && errno != ENOENT) {
		*error_r = xasprintf("cannot read %s: %s", folder, strerror(errno));
		ret = -1;
	}
	for (int i = 0; i < count; i++) {
		if (ret == 0) {
			char *path = xasprintf("%s/%s", folder, entries[i]->d_name);

			ret = parse_file(conf, path, error_r);
			free(path);
		}
		free(entries[i]);
	}
	free(entries);
	free(folder);
	return ret;
}

static const char *raw_value(const struct conf *conf, int param)
{
	return conf->raw[param] != NULL ? conf->raw[param] : table[param].default_value;
}

static const char *origin_of(const struct conf *conf, int param)
{
	return conf->origin[param] != NULL ? conf->origin[param] : "built-in default";
}

static int expand(struct conf *conf, int param, int depth, struct strbuf *out, char **error_r)
{
	const char *text = raw_value(conf, param);
	struct span name;
	int other;

	if (depth > CONF_MAX_EXPANSION_DEPTH) {
		*error_r = xasprintf("%s: \"%s\" refers to itself", origin_of(conf, param),
				     table[param].name);
		conf->wrong = param;
		return -1;
	}
	while (*text != '\0') {
		size_t plain = strcspn(text, "$");

		strbuf_append(out, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		text = conf_reference_name(text, &name);
		if (name.size == 0) {
			strbuf_append_char(out, '$');
			continue;
		}
		other = find_span(name);
		if (other < 0) {
			*error_r = unknown_name_error(origin_of(conf, param), name);
			conf->wrong = param;
			return -1;
		}
		if (expand(conf, other, depth + 1, out, error_r) < 0)
			return -1;
	}
	return 0;
}

static int evaluate(struct conf *conf, int param, char **error_r)
{
	const struct conf_row *row = &table[param];
	struct strbuf text = STRBUF_INIT;
	char *problem = NULL;

	if (expand(conf, param, 0, &text, error_r) < 0) {
		strbuf_free(&text);
		return -1;
	}
	conf->value[param].text = strbuf_steal(&text);
	if (conf_value_parse(&conf->value[param], row->type, row->choices, row->minimum,
			     row->maximum, &problem) < 0) {
		*error_r = xasprintf("%s: %s = %s: %s", origin_of(conf, param), row->name,
				     conf->value[param].text, problem);
		free(problem);
		conf->wrong = param;
		return -1;
	}
	return 0;
}

static void forget(struct conf *conf, int param)
{
	free(conf->raw[param]);
	free(conf->origin[param]);
	conf->raw[param] = conf->origin[param] = NULL;
}

/* All anew when one is passed over: others may refer to it. */
static int evaluate_all(struct conf *conf, char **error_r)
{
	for (int i = 0; i < P_COUNT; i++) {
		conf_value_free(&conf->value[i]);
		if (evaluate(conf, i, error_r) == 0)
			continue;
		if (conf->raw[conf->wrong] == NULL || !pass_over(conf, error_r))
			return -1;
		forget(conf, conf->wrong);
		i = -1;
	}
	return 0;
}

static struct conf *load(const char *directory, bool passes_over, char **error_r)
{
	struct conf *conf = xcalloc(1, sizeof(*conf));
	char *main_cf = xasprintf("%s/main.cf", directory);

	*error_r = NULL;
	conf->directory = xstrdup(directory);
	conf->passes_over = passes_over;
	if (parse_file(conf, main_cf, error_r) < 0 || parse_dropins(conf, error_r) < 0 ||
	    evaluate_all(conf, error_r) < 0)
		conf_free(&conf);
	free(main_cf);
	return conf;
}

int conf_load(const char *directory, struct conf **conf_r, char **error_r)
{
	struct conf *conf = load(directory, false, error_r);

	if (conf == NULL)
		return -1;
	*conf_r = conf;
	return 0;
}

struct conf *conf_load_what_is_right(const char *directory, char **error_r)
{
	struct conf *conf = load(directory, true, error_r);

	if (conf != NULL) {
		*error_r = conf->passed_over;
		conf->passed_over = NULL;
	}
	return conf;
}

void conf_free(struct conf **conf_p)
{
	struct conf *conf = *conf_p;

	if (conf == NULL)
		return;
	*conf_p = NULL;
	for (int i = 0; i < P_COUNT; i++) {
		free(conf->raw[i]);
		free(conf->origin[i]);
		conf_value_free(&conf->value[i]);
	}
	free(conf->directory);
	free(conf->passed_over);
	free(conf);
}

static void require_type(enum conf_param param, bool fits)
{
	if (!fits)
		msg_panic("setting %s asked for with the wrong type", table[param].name);
}

const char *conf_text(const struct conf *conf, enum conf_param param)
{
	return conf->value[param].text;
}

bool conf_bool(const struct conf *conf, enum conf_param param)
{
	require_type(param, table[param].type == CONF_BOOL);
	return conf->value[param].number != 0;
}

int64_t conf_number(const struct conf *conf, enum conf_param param)
{
	enum conf_type type = table[param].type;

	require_type(param, type == CONF_INT || type == CONF_TIME || type == CONF_SIZE);
	return conf->value[param].number;
}

const char *const *conf_list(const struct conf *conf, enum conf_param param)
{
	require_type(param, table[param].type == CONF_LIST);
	return (const char *const *)conf->value[param].list;
}

char *conf_hostname(const struct conf *conf)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (conf_text(conf, P_MYHOSTNAME)[0] != '\0')
		return xstrdup(conf_text(conf, P_MYHOSTNAME));
	if (gethostname(name, sizeof(name) - 1) < 0 || name[0] == '\0')
		return xstrdup("localhost");
	return xstrdup(name);
}

const char *conf_directory(const struct conf *conf)
{
	return conf->directory;
}

const char *conf_origin(const struct conf *conf, enum conf_param param)
{
	return origin_of(conf, (int)param);
}

void conf_dump(const struct conf *conf, bool changed_only, FILE *out)
{
	for (int i = 0; i < P_COUNT; i++) {
		if (!changed_only || conf->raw[i] != NULL)
			fprintf(out, "%s = %s\n", table[i].name, raw_value(conf, i));
	}
}

void conf_dump_defaults(FILE *out)
{
	for (int i = 0; i < P_COUNT; i++)
		fprintf(out, "%s = %s\n", table[i].name, table[i].default_value);
}

/* "all" and "a:restart b" as a sentence of the manual page: who, and since when it counts. */
static void print_programs(const char *programs, FILE *out)
{
	static const char suffix[] = ":restart";
	const char *word = programs;
	bool restart = strstr(programs, suffix) != NULL;

	fputs("Used by ", out);
	while (*word != '\0') {
		size_t length = strcspn(word, " :"), whole = strcspn(word, " ");
		bool is_first = word == programs, is_last = word[whole] == '\0';

		fprintf(out, "%s%.*s", is_first ? "" : is_last ? " and " : ", ", (int)length, word);
		if (whole > length && strchr(programs, ' ') != NULL)
			fputs(" (restart)", out);
		word += whole + strspn(word + whole, " ");
	}
	fputs(restart && strchr(programs, ' ') == NULL ? "; needs a restart.\n" : ".\n", out);
}

static void print_values(const struct conf_row *row, FILE *out)
{
	char minimum[CONF_NUMBER_SIZE], maximum[CONF_NUMBER_SIZE];

	conf_number_text(row->minimum, row->type, minimum);
	conf_number_text(row->maximum, row->type, maximum);
	if (row->choices != NULL)
		fprintf(out, "One of: %s.\n", row->choices);
	else if (row->type == CONF_BOOL)
		fputs("yes or no.\n", out);
	else if (row->type == CONF_LIST)
		fputs("A list.\n", out);
	else if (row->maximum > 0)
		fprintf(out, "From %s to %s.\n", minimum, maximum);
}

void conf_dump_mdoc(FILE *out)
{
	for (int i = 0; i < P_COUNT; i++) {
		const struct conf_row *row = &table[i];

		fprintf(out, ".It Va %s Pq default: Ql %s\n", row->name,
			row->default_value[0] != '\0' ? row->default_value : "empty");
		fprintf(out, "%s.\n", row->description);
		print_values(row, out);
		print_programs(row->programs, out);
	}
}
