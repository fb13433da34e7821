#include "postfix_view.h"
#include "learner.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define DSPAM_CONF "/etc/dspam/dspam.conf"

char *postfix_view_squeeze(struct span line)
{
	struct strbuf out = STRBUF_INIT;
	bool gap = false;

	for (size_t i = 0; i < line.size; i++) {
		if (span_is_blank(line.data[i])) {
			gap = out.size > 0;
			continue;
		}
		if (gap)
			strbuf_append_char(&out, ' ');
		gap = false;
		strbuf_append_char(&out, line.data[i]);
	}
	return strbuf_steal(&out);
}

static void parse_parameters(struct postfix_view *view, struct span text)
{
	while (text.size > 0) {
		struct span line = learner_next_line(&text), name, value;
		const char *equals = line.size > 0 ? memchr(line.data, '=', line.size) : NULL;

		if (equals == NULL)
			continue;
		name = span_trim(span_first(line, (size_t)(equals - line.data)));
		value = span_trim(span_from(line, (size_t)(equals - line.data) + 1));
		json_object_setn_new(view->parameters, name.data, name.size,
				     json_stringn(value.size > 0 ? value.data : "", value.size));
	}
}

static void parse_services(struct postfix_view *view, struct span text)
{
	while (text.size > 0) {
		char *line = postfix_view_squeeze(learner_next_line(&text));
		char *name_end = strchr(line, ' ');
		char *type_end = name_end != NULL ? strchr(name_end + 1, ' ') : NULL;

		if (type_end != NULL) {
			char *key = xasprintf("%.*s/%.*s", (int)(name_end - line), line,
					      (int)(type_end - name_end - 1), name_end + 1);

			json_object_set_new(view->services, key, json_string(line));
			free(key);
		}
		free(line);
	}
}

/* What our role changed counts as it was before. */
static void undo_record(json_t *values, const json_t *record, const char *section)
{
	const json_t *entries = json_object_get(record, section);
	const char *name;
	json_t *entry;
	void *next;

	json_object_foreach_safe((json_t *)entries, next, name, entry)
	{
		json_t *former = json_object_get(entry, "former");

		if (!json_equal(json_object_get(values, name), json_object_get(entry, "ours")))
			continue;
		if (json_is_string(former))
			json_object_set(values, name, former);
		else
			json_object_del(values, name);
	}
}

void postfix_view_read(struct postfix_view *view, struct span parameters, struct span services,
		       const json_t *record)
{
	view->parameters = json_object();
	view->services = json_object();
	parse_parameters(view, parameters);
	parse_services(view, services);
	undo_record(view->parameters, record, "parameters");
	undo_record(view->services, record, "services");
	(void)learner_read(DSPAM_CONF, &view->dspam_conf);
}

void postfix_view_free(struct postfix_view *view)
{
	strbuf_free(&view->dspam_conf);
	json_decref(view->parameters);
	json_decref(view->services);
}

const char *postfix_view_parameter(const struct postfix_view *view, const char *name)
{
	const char *value = json_string_value(json_object_get(view->parameters, name));

	return value != NULL ? value : "";
}

static bool span_has(struct span text, const char *word)
{
	return memmem(text.data != NULL ? text.data : "", text.size, word, strlen(word)) != NULL;
}

/* The service behind a transport; "" if there is none. */
static const char *transport_service(const struct postfix_view *view, struct span transport)
{
	char *key = xasprintf("%.*s/unix", SPAN_ARG(transport));
	const char *line = json_string_value(json_object_get(view->services, key));

	free(key);
	return line != NULL ? line : "";
}

/* Is it the socket or the port of DSPAM's server? "unix:/run/dspam.sock", "[127.0.0.1]:24" */
static bool is_dspam_server(const struct postfix_view *view, struct span nexthop)
{
	struct span rest = strbuf_span(&view->dspam_conf);

	while (rest.size > 0) {
		struct span line = span_trim(learner_next_line(&rest)), value;
		size_t size = 0;

		while (size < line.size && !span_is_blank(line.data[size]))
			size++;
		value = span_trim(span_from(line, size));
		if (value.size >= 2 && value.data[0] == '"')
			value = (struct span){value.data + 1, value.size - 2};
		line.size = size;
		if (value.size == 0 || nexthop.size <= value.size ||
		    memcmp(nexthop.data + nexthop.size - value.size, value.data, value.size) != 0)
			continue;
		if (span_equal_nocase(line, SPAN_LITERAL("ServerDomainSocketPath")))
			return true;
		if (span_equal_nocase(line, SPAN_LITERAL("ServerPort")) &&
		    nexthop.data[nexthop.size - value.size - 1] == ':' &&
		    (span_has(nexthop, "127.0.0.1") || span_has(nexthop, "localhost")))
			return true;
	}
	return false;
}

const char *postfix_view_filter(const struct postfix_view *view, const char *destination)
{
	const char *colon = strchr(destination, ':');
	struct span transport = {destination, colon != NULL ? (size_t)(colon - destination)
							    : strlen(destination)};
	struct span nexthop = colon != NULL ? span_of(colon + 1) : span_of("");
	const char *line = transport_service(view, transport), *filter;

	if (span_has(transport, "dspam") || span_has(nexthop, "dspam") ||
	    is_dspam_server(view, nexthop))
		return "DSPAM";
	if (span_has(transport, "amavis") || span_has(nexthop, ":10024"))
		return "amavis";
	filter = learner_called(span_of(line));
	if (filter == NULL && strstr(line, "spamd") != NULL)
		filter = "SpamAssassin";
	return filter;
}

bool postfix_view_is_dspam(const struct postfix_view *view, const char *destination)
{
	const char *filter = postfix_view_filter(view, destination);

	return filter != NULL && strcmp(filter, "DSPAM") == 0;
}

bool postfix_view_is_pipe(const struct postfix_view *view, const char *destination)
{
	struct span transport = {destination, strcspn(destination, ":")};

	return strstr(transport_service(view, transport), " pipe ") != NULL;
}

bool postfix_view_read_map(struct span map, struct strbuf *text)
{
	static const char *const types[] = {
		"pcre:", "regexp:", "texthash:", "hash:", "lmdb:", "btree:", "cdb:", "cidr:", NULL};

	if (span_starts_nocase(map, SPAN_LITERAL("proxy:")))
		map = span_from(map, 6);
	for (size_t i = 0; types[i] != NULL; i++) {
		char *path;
		bool readable;

		if (!span_starts_nocase(map, span_of(types[i])))
			continue;
		map = span_from(map, strlen(types[i]));
		path = xstrndup(map.data, map.size);
		readable = learner_read(path, text);
		free(path);
		return readable;
	}
	return false;
}
