#include "learner.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Programs of filters, and what makes a call of them a lesson: any of these words, as learn_* any
 * that begin so; none for always.
 */
static const struct {
	const char *filter, *program;
	const char *lessons[8];
} learners[] = {
	{"rspamd", "rspamc", {"learn_*", "fuzzy_add", NULL}},
	/* Its controller, by HTTP. */
	{"rspamd", "learnspam", {NULL}},
	{"rspamd", "learnham", {NULL}},
	{"SpamAssassin", "sa-learn", {NULL}},
	{"SpamAssassin", "spamc", {"-L", "--learntype*", NULL}},
	{"SpamAssassin", "spamassassin", {"-r", "--report", "-k", "--revoke", NULL}},
	{"bogofilter", "bogofilter", {"-s", "-n", "-S", "-N", "-Ns", "-Sn", NULL}},
	{"DSPAM", "dspam", {"--class*", "--source*", NULL}},
	{"DSPAM", "dspamc", {"--class*", "--source*", NULL}},
	{"CRM114", "mailreaver.crm", {"--spam", "--good", NULL}},
	{"CRM114", "mailtrainer.crm", {NULL}},
	{"SpamProbe", "spamprobe", {"spam", "good", "train-spam", "train-good", "train", NULL}},
	{"bmf", "bmf", {"-s", "-n", "-S", "-N", NULL}},
};
#define LEARNERS (sizeof(learners) / sizeof(learners[0]))

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* A word that stands alone; with a * at its end it may go on, as learn_$class does. */
static bool has_word(struct span text, const char *word)
{
	size_t size = strcspn(word, "*");

	for (size_t i = 0; i + size <= text.size; i++) {
		if (memcmp(text.data + i, word, size) != 0)
			continue;
		if (i > 0 && is_word(text.data[i - 1]))
			continue;
		if (word[size] == '*' || i + size == text.size || !is_word(text.data[i + size]))
			return true;
	}
	return false;
}

static bool is_lesson(struct span text, size_t learner)
{
	const char *const *lesson = learners[learner].lessons;

	if (*lesson == NULL)
		return true;
	for (; *lesson != NULL; lesson++) {
		if (has_word(text, *lesson))
			return true;
	}
	return false;
}

const char *learner_taught(struct span text)
{
	for (size_t i = 0; i < LEARNERS; i++) {
		if (has_word(text, learners[i].program) && is_lesson(text, i))
			return learners[i].filter;
	}
	return NULL;
}

const char *learner_called(struct span text)
{
	for (size_t i = 0; i < LEARNERS; i++) {
		if (has_word(text, learners[i].program))
			return learners[i].filter;
	}
	return NULL;
}

struct span learner_next_line(struct span *rest)
{
	const char *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
	struct span line = span_first(*rest, end != NULL ? (size_t)(end - rest->data) : rest->size);

	*rest = span_from(*rest, line.size + (end != NULL));
	return line;
}

bool learner_read(const char *path, struct strbuf *text)
{
	/* A pipe would never end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t start = text->size;
	char buffer[8192];
	struct stat st;
	ssize_t size;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return false;
	}
	while (text->size - start < LEARNER_MAX_FILE &&
	       (size = read(fd, buffer, sizeof(buffer))) > 0)
		strbuf_append(text, buffer, (size_t)size);
	close(fd);
	if (text->size > start && memchr(text->data + start, '\0', text->size - start) == NULL)
		return true;
	/* A program of the machine's: its bytes say nothing. */
	text->size = start;
	return false;
}

/* Appends a shell script without its comments. */
static void append_commands(struct strbuf *out, struct span script)
{
	while (script.size > 0) {
		struct span line = span_trim(learner_next_line(&script));

		if (line.size == 0 || line.data[0] == '#')
			continue;
		strbuf_append_span(out, line);
		strbuf_append_char(out, '\n');
	}
}

/* ---- Sieve (RFC 5228, section 2): only as much as tells commands from strings ---- */

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_TAG, TOKEN_STRING, TOKEN_SIGN };

struct token {
	enum token_type type;
	struct span text; /* a string's without quotes, escapes as they are */
};

static size_t skip_until(struct span text, size_t at, const char *end)
{
	size_t size = strlen(end);

	while (at + size <= text.size && memcmp(text.data + at, end, size) != 0)
		at++;
	return at + size <= text.size ? at + size : text.size;
}

static size_t skip_space(struct span text)
{
	size_t at = 0;

	for (;;) {
		while (at < text.size && span_is_blank(text.data[at]))
			at++;
		if (at < text.size && text.data[at] == '#')
			at = skip_until(text, at, "\n");
		else if (at + 1 < text.size && memcmp(text.data + at, "/*", 2) == 0)
			at = skip_until(text, at + 2, "*/");
		else
			return at;
	}
}

static size_t string_end(struct span text)
{
	size_t at = 1;

	while (at < text.size && text.data[at] != '"')
		at += text.data[at] == '\\' ? 2 : 1;
	return at < text.size ? at : text.size;
}

static struct token next_token(struct span *rest)
{
	struct token token = {TOKEN_END, {NULL, 0}};
	size_t size = 1;

	*rest = span_from(*rest, skip_space(*rest));
	if (rest->size == 0)
		return token;
	if (rest->data[0] == '"') {
		size = string_end(*rest);
		token.type = TOKEN_STRING;
		token.text = span_from(span_first(*rest, size), 1);
		*rest = span_from(*rest, size + 1);
		return token;
	}
	if (span_starts_nocase(*rest, SPAN_LITERAL("text:"))) {
		size = skip_until(*rest, 0, "\n.");
		token.type = TOKEN_STRING;
	} else if (isalpha((unsigned char)rest->data[0]) || rest->data[0] == ':' ||
		   rest->data[0] == '_') {
		while (size < rest->size &&
		       (isalnum((unsigned char)rest->data[size]) || rest->data[size] == '_'))
			size++;
		token.type = rest->data[0] == ':' ? TOKEN_TAG : TOKEN_WORD;
	} else {
		token.type = TOKEN_SIGN;
	}
	token.text = span_first(*rest, size);
	*rest = span_from(*rest, size);
	return token;
}

static bool is_sign(const struct token *token, char sign)
{
	return token->type == TOKEN_SIGN && token->text.data[0] == sign;
}

static bool ends_statement(const struct token *token)
{
	return is_sign(token, ';') || is_sign(token, '{') || is_sign(token, '}');
}

static bool is_one_of(struct span word, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (span_equal_nocase(word, span_of(*words)))
			return true;
	}
	return false;
}

/* What a script was found to do. */
struct deeds {
	const struct script_folders *folders;
	struct script_judgement *judgement;
	struct strbuf programs;
	unsigned lessons, unknown, others;
};

static void note_program(struct deeds *deeds, struct span name)
{
	if (deeds->programs.size > 0)
		strbuf_append_text(&deeds->programs, ", ");
	strbuf_append_span(&deeds->programs, name);
}

/* call: the program's name and arguments, each followed by a space. */
static void judge_program(struct deeds *deeds, const char *folder, struct span name,
			  struct strbuf *call)
{
	char *path = xasprintf("%s/%.*s", folder, SPAN_ARG(name));
	struct strbuf file = STRBUF_INIT;
	const char *taught, *called;

	note_program(deeds, name);
	strbuf_append_char(call, '\n');
	if (folder[0] != '\0' && memchr(name.data, '/', name.size) == NULL &&
	    learner_read(path, &file))
		append_commands(call, strbuf_span(&file));
	taught = learner_taught(strbuf_span(call));
	called = learner_called(strbuf_span(call));
	if (taught != NULL)
		deeds->lessons++;
	else
		deeds->unknown++;
	if (called != NULL && deeds->judgement->filter[0] == '\0') {
		free(deeds->judgement->filter);
		deeds->judgement->filter = xstrdup(taught != NULL ? taught : called);
	}
	strbuf_free(&file);
	free(path);
}

/* pipe, filter, execute: to the end of the command or test. :input and :output take no program. */
static void take_call(struct deeds *deeds, struct span *rest, const char *folder)
{
	static const char *const valued[] = {":input", ":output", NULL};
	struct strbuf call = STRBUF_INIT;
	struct span name = {NULL, 0};
	bool skip = false;

	for (struct token token = next_token(rest);
	     token.type != TOKEN_END && !ends_statement(&token); token = next_token(rest)) {
		if (token.type == TOKEN_STRING && !skip) {
			if (name.data == NULL)
				name = token.text;
			strbuf_append_span(&call, token.text);
			strbuf_append_char(&call, ' ');
		}
		skip = token.type == TOKEN_TAG && is_one_of(token.text, valued);
	}
	if (name.data != NULL)
		judge_program(deeds, folder, name, &call);
	strbuf_free(&call);
}

/* The folder of the programs that this command or test runs; NULL: it runs none. */
static const char *folder_of(const struct deeds *deeds, struct span word, bool starts)
{
	if (span_equal_nocase(word, SPAN_LITERAL("execute")))
		return deeds->folders->execute;
	if (span_equal_nocase(word, SPAN_LITERAL("pipe")) && starts)
		return deeds->folders->pipe;
	if (span_equal_nocase(word, SPAN_LITERAL("filter")))
		return deeds->folders->filter;
	return NULL;
}

/* A word at the beginning of a statement that runs no program. */
static void take_command(struct deeds *deeds, struct span word)
{
	/* They decide, or leave the message where it goes anyway. */
	static const char *const silent[] = {
		"require",	"if",	 "elsif",  "else",   "stop",	  "keep",  "set",
		"foreverypart", "break", "global", "return", "debug_log", "error", NULL};

	if (span_equal_nocase(word, SPAN_LITERAL("include")))
		deeds->unknown++;
	else if (!is_one_of(word, silent))
		deeds->others++;
}

static enum script_kind kind_of(const struct deeds *deeds)
{
	if (deeds->lessons > 0)
		return deeds->unknown + deeds->others == 0 ? SCRIPT_TEACHES : SCRIPT_MIXED;
	return deeds->unknown > 0 ? SCRIPT_UNKNOWN : SCRIPT_OTHER;
}

void script_judge(struct span script, const struct script_folders *folders,
		  struct script_judgement *judgement)
{
	struct deeds deeds = {.folders = folders, .judgement = judgement};
	bool starts = true;

	*judgement = (struct script_judgement){.filter = xstrdup("")};
	for (;;) {
		struct token token = next_token(&script);
		const char *folder;

		if (token.type == TOKEN_END)
			break;
		folder = token.type == TOKEN_WORD ? folder_of(&deeds, token.text, starts) : NULL;
		if (folder != NULL)
			take_call(&deeds, &script, folder);
		else if (token.type == TOKEN_WORD && starts)
			take_command(&deeds, token.text);
		starts = folder != NULL || ends_statement(&token);
	}
	judgement->kind = kind_of(&deeds);
	judgement->programs = strbuf_steal(&deeds.programs);
}

void script_judge_file(const char *path, const struct script_folders *folders,
		       struct script_judgement *judgement)
{
	struct strbuf text = STRBUF_INIT;

	if (learner_read(path, &text))
		script_judge(strbuf_span(&text), folders, judgement);
	else
		*judgement = (struct script_judgement){SCRIPT_UNKNOWN, xstrdup(""), xstrdup("")};
	strbuf_free(&text);
}

void script_judgement_free(struct script_judgement *judgement)
{
	free(judgement->filter);
	free(judgement->programs);
	*judgement = (struct script_judgement){0};
}
