#include "lmtp_command.h"

#include <ctype.h>

static const struct {
	const char *name;
	enum lmtp_verb verb;
} verbs[] = {
	{"LHLO", LMTP_LHLO}, {"HELO", LMTP_HELO}, {"EHLO", LMTP_HELO}, {"MAIL", LMTP_MAIL},
	{"RCPT", LMTP_RCPT}, {"DATA", LMTP_DATA}, {"RSET", LMTP_RSET}, {"NOOP", LMTP_NOOP},
	{"VRFY", LMTP_VRFY}, {"QUIT", LMTP_QUIT},
};

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		if (is_control(s.data[i]))
			return true;
	}
	return false;
}

static struct span skip_spaces(struct span s)
{
	while (s.size > 0 && s.data[0] == ' ')
		s = span_from(s, 1);
	return s;
}

/* The bytes before the first space. */
static struct span first_word(struct span s)
{
	const char *space = s.size > 0 ? memchr(s.data, ' ', s.size) : NULL;

	return space != NULL ? span_first(s, (size_t)(space - s.data)) : s;
}

/* The size of "...": with both quotes; 0 if it does not end. */
static size_t quoted_size(struct span s)
{
	for (size_t i = 1; i < s.size; i++) {
		if (s.data[i] == '\\')
			i++;
		else if (s.data[i] == '"')
			return i + 1;
	}
	return 0;
}

/* The offset of the first such byte outside of quotes; s.size if there is none. */
static size_t find_unquoted(struct span s, char wanted)
{
	size_t i = 0, quoted;

	while (i < s.size && s.data[i] != wanted) {
		quoted = s.data[i] == '"' ? quoted_size(span_from(s, i)) : 1;
		if (quoted == 0)
			return s.size;
		i += quoted;
	}
	return i;
}

/* RFC 5321 appendix C: "@a,@b:" before the address is accepted and ignored. */
static struct span without_route(struct span address)
{
	const char *colon;

	if (address.size == 0 || address.data[0] != '@')
		return address;
	colon = memchr(address.data, ':', address.size);
	return colon != NULL ? span_from(address, (size_t)(colon - address.data) + 1) : address;
}

/* "<address> parameters" */
static const char *parse_path(struct span text, struct lmtp_command *command)
{
	size_t end;

	text = skip_spaces(text);
	if (text.size == 0 || text.data[0] != '<')
		return "expected <address>";
	text = span_from(text, 1);
	end = find_unquoted(text, '>');
	if (end == text.size)
		return "expected > behind the address";
	command->address = without_route(span_first(text, end));
	if (find_unquoted(command->address, ' ') < command->address.size ||
	    find_unquoted(command->address, '<') < command->address.size)
		return "malformed address";
	text = span_from(text, end + 1);
	if (text.size > 0 && text.data[0] != ' ')
		return "expected a space behind the address";
	command->parameters = span_trim(text);
	return NULL;
}

/* RFC 5321: esmtp-keyword */
static bool is_keyword(struct span keyword)
{
	for (size_t i = 0; i < keyword.size; i++) {
		unsigned char c = (unsigned char)keyword.data[i];

		if (!(c < 0x80 && isalnum(c)) && !(c == '-' && i > 0))
			return false;
	}
	return keyword.size > 0;
}

bool lmtp_parameter_next(struct span *parameters, struct span *keyword_r, struct span *value_r)
{
	struct span word;
	const char *equals;

	*parameters = skip_spaces(*parameters);
	if (parameters->size == 0)
		return false;
	word = first_word(*parameters);
	*parameters = span_from(*parameters, word.size);
	equals = memchr(word.data, '=', word.size);
	*keyword_r = equals != NULL ? span_first(word, (size_t)(equals - word.data)) : word;
	*value_r = equals != NULL ? span_from(word, keyword_r->size + 1) : (struct span){NULL, 0};
	return true;
}

bool lmtp_parameter(struct span parameters, const char *keyword, struct span *value_r)
{
	struct span found;

	while (lmtp_parameter_next(&parameters, &found, value_r)) {
		if (span_equal_nocase(found, span_of(keyword)))
			return true;
	}
	return false;
}

static const char *parse_mail_or_rcpt(struct span argument, const char *prefix,
				      struct lmtp_command *command)
{
	struct span parameters, keyword, value;
	const char *problem;

	if (!span_starts_nocase(argument, span_of(prefix)))
		return "expected FROM: or TO:";
	problem = parse_path(span_from(argument, strlen(prefix)), command);
	if (problem != NULL)
		return problem;
	parameters = command->parameters;
	while (lmtp_parameter_next(&parameters, &keyword, &value)) {
		if (!is_keyword(keyword))
			return "malformed parameter";
	}
	return NULL;
}

static enum lmtp_verb find_verb(struct span word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (span_equal_nocase(word, span_of(verbs[i].name)))
			return verbs[i].verb;
	}
	return LMTP_UNKNOWN;
}

const char *lmtp_command_parse(struct span line, struct lmtp_command *command_r)
{
	struct span word = first_word(line);

	*command_r = (struct lmtp_command){.verb = find_verb(word)};
	if (has_control(line))
		return "control character in a command";
	command_r->argument = span_trim(span_from(line, word.size));
	switch (command_r->verb) {
	case LMTP_MAIL:
		return parse_mail_or_rcpt(command_r->argument, "FROM:", command_r);
	case LMTP_RCPT:
		return parse_mail_or_rcpt(command_r->argument, "TO:", command_r);
	case LMTP_LHLO:
		return command_r->argument.size > 0 ? NULL : "expected a name";
	case LMTP_DATA:
	case LMTP_RSET:
	case LMTP_QUIT:
		return command_r->argument.size == 0 ? NULL : "unexpected argument";
	default:
		return NULL;
	}
}
