#include "dovecot_settings.h"
#include "learner.h"

#include "lib/child.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define DOVECONF_TIMEOUT_MS 20000

/* "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf" */
static void take_comment(struct dovecot_settings *settings, struct span line)
{
	char *text = xstrndup(line.data, line.size), *path = strstr(text, "): /");

	if (settings->file[0] == '\0' && path != NULL) {
		free(settings->file);
		settings->file = xstrdup(path + 3);
	}
	free(text);
}

/* 2.3 quotes what begins with white space, 2.4 whatever is not plain. */
static char *unquoted(struct span value)
{
	struct strbuf out = STRBUF_INIT;

	if (value.size < 2 || value.data[0] != '"' || value.data[value.size - 1] != '"')
		return xstrndup(value.size > 0 ? value.data : "", value.size);
	for (size_t i = 1; i < value.size - 1; i++) {
		if (value.data[i] == '\\' && i + 2 < value.size)
			i++;
		strbuf_append_char(&out, value.data[i]);
	}
	return strbuf_steal(&out);
}

static void add_row(struct dovecot_settings *settings, const struct strbuf *blocks,
		    struct span line, size_t equals)
{
	struct span key = span_trim(span_first(line, equals));
	size_t size = (settings->count + 1) * sizeof(*settings->rows);
	struct dovecot_setting *row;

	settings->rows = xrealloc(settings->rows, size);
	row = &settings->rows[settings->count++];
	row->blocks = xstrdup(strbuf_text(blocks));
	row->key = xstrndup(key.size > 0 ? key.data : "", key.size);
	row->value = unquoted(span_trim(span_from(line, equals + 1)));
}

static void leave_block(struct strbuf *blocks)
{
	size_t size = blocks->size > 0 ? blocks->size - 1 : 0;

	while (size > 0 && blocks->data[size - 1] != '\n')
		size--;
	if (blocks->data != NULL)
		blocks->data[size] = '\0';
	blocks->size = size;
}

static void take_line(struct dovecot_settings *settings, struct strbuf *blocks, struct span line)
{
	const char *equals;

	line = span_trim(line);
	if (line.size == 0)
		return;
	equals = memchr(line.data, '=', line.size);
	if (line.data[0] == '#') {
		take_comment(settings, line);
	} else if (span_equal(line, SPAN_LITERAL("}"))) {
		leave_block(blocks);
	} else if (equals != NULL) {
		add_row(settings, blocks, line, (size_t)(equals - line.data));
	} else if (line.data[line.size - 1] == '{') {
		strbuf_append_span(blocks, span_trim(span_first(line, line.size - 1)));
		strbuf_append_char(blocks, '\n');
	}
}

void dovecot_settings_parse(struct span text, struct dovecot_settings *settings)
{
	struct strbuf blocks = STRBUF_INIT;

	*settings = (struct dovecot_settings){.file = xstrdup("")};
	while (text.size > 0)
		take_line(settings, &blocks, learner_next_line(&text));
	strbuf_free(&blocks);
}

int dovecot_settings_read(const char *hidden, struct dovecot_settings *settings, char **error_r)
{
	static const char hide[] = "mount --bind /dev/null \"$0\" && exec doveconf -n";
	const char *const plain[] = {"doveconf", "-n", NULL};
	const char *const without[] = {"unshare", "--mount", "--propagation", "private", "sh",
				       "-c",	  hide,	     hidden,	      NULL};
	struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;
	int ret;

	*error_r = NULL;
	ret = child_run(hidden != NULL ? without : plain, span_of(""), DOVECONF_TIMEOUT_MS, &out,
			&errors, error_r);
	if (ret == 0) {
		dovecot_settings_parse(strbuf_span(&out), settings);
	} else if (*error_r == NULL) {
		*error_r = xasprintf("doveconf: %.*s", SPAN_ARG(span_trim(strbuf_span(&errors))));
	}
	strbuf_free(&out);
	strbuf_free(&errors);
	return ret == 0 ? 0 : -1;
}

void dovecot_settings_free(struct dovecot_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->rows[i].blocks);
		free(settings->rows[i].key);
		free(settings->rows[i].value);
	}
	free(settings->rows);
	free(settings->file);
	*settings = (struct dovecot_settings){0};
}

const char *dovecot_settings_get(const struct dovecot_settings *settings, const char *key)
{
	const char *value = "";

	for (size_t i = 0; i < settings->count; i++) {
		if (strcmp(settings->rows[i].key, key) == 0)
			value = settings->rows[i].value;
	}
	return value;
}

bool dovecot_has_word(const char *text, const char *word)
{
	static const char separators[] = " \t,";
	size_t size;

	for (; *text != '\0'; text += size) {
		text += strspn(text, separators);
		size = strcspn(text, separators);
		if (size > 0 && strlen(word) == size && strncasecmp(text, word, size) == 0)
			return true;
	}
	return false;
}
