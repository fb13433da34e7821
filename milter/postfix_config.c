#include "postfix_config.h"

#include "lib/child.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_SERVICES	256
#define PROGRAM_COLUMN	7 /* name type private unpriv chroot wakeup maxproc command */
#define MAX_BRACE_DEPTH 16
#define MAX_NAME	256

#define NAME(id, name) name,
static const char *const names[PF_COUNT] = {POSTFIX_PARAMETERS(NAME)};
#undef NAME

struct service {
	char *name;
	char *program;
};

struct postfix_config {
	char *values[PF_COUNT];
	size_t service_count;
	struct service services[MAX_SERVICES];
};

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '\r' || c == '\n';
}

bool postfix_list_next(struct span *rest, struct span *item_r)
{
	size_t size = 0;
	int depth = 0;

	while (rest->size > 0 && is_separator(rest->data[0]))
		*rest = span_from(*rest, 1);
	while (size < rest->size && (depth > 0 || !is_separator(rest->data[size]))) {
		if (rest->data[size] == '{' && depth < MAX_BRACE_DEPTH)
			depth++;
		else if (rest->data[size] == '}' && depth > 0)
			depth--;
		size++;
	}
	*item_r = span_first(*rest, size);
	*rest = span_from(*rest, size);
	return size > 0;
}

static struct span next_line(struct span *rest)
{
	const char *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
	size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
	struct span line = span_first(*rest, size);

	*rest = span_from(*rest, size + 1);
	return line;
}

static void take_parameter(struct postfix_config *config, struct span line)
{
	const char *equals = line.size == 0 ? NULL : memchr(line.data, '=', line.size);
	struct span name, value;

	if (equals == NULL)
		return;
	name = span_trim(span_first(line, (size_t)(equals - line.data)));
	value = span_trim(span_from(line, (size_t)(equals - line.data) + 1));
	for (size_t i = 0; i < PF_COUNT; i++) {
		if (span_equal(name, span_of(names[i]))) {
			free(config->values[i]);
			config->values[i] =
				xstrndup(value.data != NULL ? value.data : "", value.size);
		}
	}
}

/* One line of master.cf, arguments of the command included or on lines of their own. */
static void take_service(struct postfix_config *config, struct span line)
{
	struct span items[PROGRAM_COLUMN + 1];
	struct service *service = &config->services[config->service_count];

	if (config->service_count == MAX_SERVICES || line.size == 0 || is_separator(line.data[0]))
		return;
	for (int i = 0; i <= PROGRAM_COLUMN; i++) {
		if (!postfix_list_next(&line, &items[i]))
			return;
	}
	if (!span_equal(items[1], SPAN_LITERAL("unix")))
		return;
	service->name = xstrndup(items[0].data, items[0].size);
	service->program = xstrndup(items[PROGRAM_COLUMN].data, items[PROGRAM_COLUMN].size);
	config->service_count++;
}

struct postfix_config *postfix_config_parse(const char *parameters, const char *services)
{
	struct postfix_config *config = xcalloc(1, sizeof(*config));
	struct span rest = span_of(parameters);

	while (rest.size > 0)
		take_parameter(config, next_line(&rest));
	rest = span_of(services);
	while (rest.size > 0)
		take_service(config, next_line(&rest));
	return config;
}

static int run_postconf(const char *directory, const char *const *options, size_t count,
			int timeout_ms, struct strbuf *out, char **error_r)
{
	const char *arguments[PF_COUNT + 8] = {"postconf", "-c", directory};
	struct strbuf errors = STRBUF_INIT;
	int code;

	memcpy(arguments + 3, options, count * sizeof(*options));
	arguments[3 + count] = NULL;
	code = child_run(arguments, span_of(""), timeout_ms, out, &errors, error_r);
	if (code > 0)
		*error_r = xasprintf("postconf: %.*s", (int)strcspn(strbuf_text(&errors), "\n"),
				     strbuf_text(&errors));
	strbuf_free(&errors);
	return code == 0 ? 0 : -1;
}

/* myorigin = /etc/mailname: the name is in that file's first line. */
static int read_origin(struct postfix_config *config, char **error_r)
{
	const char *path = postfix_config_get(config, PF_MYORIGIN);
	char name[MAX_NAME] = "";
	FILE *file;

	if (path[0] != '/')
		return 0;
	file = fopen(path, "re");
	if (file == NULL || fgets(name, sizeof(name), file) == NULL) {
		*error_r = xasprintf("cannot read myorigin = %s", path);
		if (file != NULL)
			fclose(file);
		return -1;
	}
	fclose(file);
	free(config->values[PF_MYORIGIN]);
	config->values[PF_MYORIGIN] = xstrndup(name, strcspn(name, " \t\r\n"));
	return 0;
}

int postfix_config_read(const char *directory, int timeout_ms, struct postfix_config **config_r,
			char **error_r)
{
	const char *options[PF_COUNT + 1] = {"-x"};
	const char *const services_option = "-M";
	struct strbuf parameters = STRBUF_INIT, services = STRBUF_INIT;
	int ret;

	memcpy(options + 1, names, sizeof(names));
	ret = run_postconf(directory, options, PF_COUNT + 1, timeout_ms, &parameters, error_r);
	if (ret == 0)
		ret = run_postconf(directory, &services_option, 1, timeout_ms, &services, error_r);
	if (ret == 0) {
		*config_r = postfix_config_parse(strbuf_text(&parameters), strbuf_text(&services));
		ret = read_origin(*config_r, error_r);
		if (ret < 0)
			postfix_config_free(config_r);
	}
	strbuf_free(&parameters);
	strbuf_free(&services);
	return ret;
}

void postfix_config_free(struct postfix_config **config)
{
	if (*config == NULL)
		return;
	for (size_t i = 0; i < PF_COUNT; i++)
		free((*config)->values[i]);
	for (size_t i = 0; i < (*config)->service_count; i++) {
		free((*config)->services[i].name);
		free((*config)->services[i].program);
	}
	free(*config);
	*config = NULL;
}

const enum postfix_parameter postfix_config_asked[POSTFIX_CONFIG_ASKED] = {
	PF_RECIPIENT_CANONICAL_MAPS,
	PF_CANONICAL_MAPS,
	PF_VIRTUAL_ALIAS_MAPS,
	PF_ALIAS_MAPS,
	PF_TRANSPORT_MAPS,
	PF_MYDESTINATION,
	PF_VIRTUAL_ALIAS_DOMAINS,
	PF_VIRTUAL_MAILBOX_DOMAINS,
	PF_RELAY_DOMAINS,
};

const char *postfix_config_get(const struct postfix_config *config,
			       enum postfix_parameter parameter)
{
	return config->values[parameter] != NULL ? config->values[parameter] : "";
}

const char *postfix_config_program(const struct postfix_config *config, struct span transport)
{
	for (size_t i = 0; i < config->service_count; i++) {
		if (span_equal(span_of(config->services[i].name), transport))
			return config->services[i].program;
	}
	return NULL;
}
