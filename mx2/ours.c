#include "ours.h"

#include "lib/child.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <unistd.h>

#define PROGRAM_TIMEOUT_MS 30000

struct ours {
	const char *postfix_directory;
	struct recipient_list *list;
	char **error_r;
};

static int run(const char *const *arguments, struct strbuf *out, struct strbuf *errors)
{
	char *error = NULL;
	int code = child_run(arguments, (struct span){NULL, 0}, PROGRAM_TIMEOUT_MS, out, errors,
			     &error);

	if (error != NULL)
		strbuf_append_text(errors, error);
	free(error);
	return code == 0 ? 0 : -1;
}

/* Of what a program said. */
static struct span first_line(const struct strbuf *text)
{
	struct span all = span_trim(strbuf_span(text));
	const char *end = all.size > 0 ? memchr(all.data, '\n', all.size) : NULL;

	return end != NULL ? span_first(all, (size_t)(end - all.data)) : all;
}

/* A key of a map: user@domain of the domain, or with bare a name alone, is somebody. */
static int add_key(struct ours *ours, struct span key, bool bare)
{
	const char *at = key.size > 0 ? memchr(key.data, '@', key.size) : NULL;
	char *address;
	int ret;

	if (at == NULL) {
		if (!bare || key.size == 0)
			return 0;
		address = xasprintf("%.*s@%s", SPAN_ARG(key), ours->list->domain);
		ret = list_add(ours->list, span_of(address), ours->error_r);
		free(address);
		return ret;
	}
	if (!span_equal_nocase(span_from(key, (size_t)(at - key.data) + 1),
			       span_of(ours->list->domain)))
		return 0;
	if (at != key.data)
		return list_add(ours->list, key, ours->error_r);
	*ours->error_r = xasprintf("%s has a catch-all: the fallback must take everybody "
				   "(recipients=all)",
				   ours->list->domain);
	return -1;
}

static int add_lines(struct ours *ours, const struct strbuf *text, bool bare)
{
	struct span rest = strbuf_span(text);
	int ret = 0;

	while (ret == 0 && rest.size > 0) {
		const char *end = memchr(rest.data, '\n', rest.size);
		size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size, length = 0;

		while (length < size && !span_is_blank(rest.data[length]))
			length++;
		ret = add_key(ours, (struct span){rest.data, length}, bare);
		rest = span_from(rest, size + 1);
	}
	return ret;
}

static int add_users(struct ours *ours)
{
	char *mask = xasprintf("*@%s", ours->list->domain);
	const char *const arguments[] = {"doveadm", "user", mask, NULL};
	struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;
	int ret = 0;

	/* Dovecot, when it cannot answer, must not make a list of nobody. */
	if (access("/usr/bin/doveadm", X_OK) == 0) {
		ret = run(arguments, &out, &errors);
		if (ret < 0)
			*ours->error_r = xasprintf("Dovecot cannot list its users (%.*s): name all "
						   "recipients in a file",
						   SPAN_ARG(first_line(&errors)));
	}
	if (ret == 0)
		ret = add_lines(ours, &out, false);
	strbuf_free(&out);
	strbuf_free(&errors);
	free(mask);
	return ret;
}

static int add_map(struct ours *ours, const char *map, bool bare)
{
	const char *const arguments[] = {"postmap", "-c", ours->postfix_directory, "-s", map, NULL};
	struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;
	int ret = run(arguments, &out, &errors);

	if (ret == 0)
		ret = add_lines(ours, &out, bare);
	else
		*ours->error_r =
			xasprintf("the addresses in %s cannot be listed (%.*s): name them "
				  "in a file, or let the fallback ask (recipients=learned)",
				  map, SPAN_ARG(first_line(&errors)));
	strbuf_free(&out);
	strbuf_free(&errors);
	return ret;
}

static char *setting(struct ours *ours, const char *name)
{
	const char *const arguments[] = {"postconf", "-c", ours->postfix_directory,
					 "-hx",	     name, NULL};
	struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;

	(void)run(arguments, &out, &errors);
	strbuf_free(&errors);
	strbuf_append_text(&out, "");
	return out.data != NULL ? strbuf_steal(&out) : xstrdup("");
}

static int add_maps(struct ours *ours, const char *parameter, bool bare)
{
	char *maps = setting(ours, parameter), *rest = maps, *map;
	int ret = 0;

	while (ret == 0 && (map = strsep(&rest, ", \t\n")) != NULL) {
		if (strncmp(map, "proxy:", 6) == 0)
			map += 6;
		if (strchr(map, ':') != NULL)
			ret = add_map(ours, map, bare);
	}
	free(maps);
	return ret;
}

/* Is the domain a word of that setting? */
static bool names_domain(struct ours *ours, const char *parameter)
{
	char *value = setting(ours, parameter), *rest = value, *word;
	bool found = false;

	while (!found && (word = strsep(&rest, ", \t\n")) != NULL)
		found = strcasecmp(word, ours->list->domain) == 0;
	free(value);
	return found;
}

int ours_list(const char *postfix_directory, struct recipient_list *list, char **error_r)
{
	struct ours ours = {postfix_directory, list, error_r};
	bool local = names_domain(&ours, "mydestination");

	*error_r = NULL;
	if (add_users(&ours) < 0 || add_maps(&ours, "virtual_alias_maps", local) < 0 ||
	    add_maps(&ours, local ? "alias_maps" : "virtual_mailbox_maps", local) < 0)
		return -1;
	list_sort(list);
	if (list->count > 0)
		return 0;
	*error_r = xasprintf("neither Dovecot nor Postfix knows anybody in %s: name them in a file",
			     list->domain);
	return -1;
}
