#include "spamtrain/user/preferences.h"

#include "lib/span.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct row {
	const char *name;
	enum preference_kind kind;
	size_t offset;	     /* in struct preferences */
	const char *choices; /* CHOICE: words in the order of the enumeration */
	unsigned minimum, maximum;
	const char *initial;
	const char *help;
};

#define AT(member) offsetof(struct preferences, member)

static const struct row rows[] = {
	{"trainingMode", PREFERENCE_CHOICE, AT(training_mode), "TEFT TOE TUM NOTRAIN", 0, 0, "TUM",
	 "what teaches the filter: every message (TEFT), only corrections (TOE), corrections and "
	 "unsure verdicts (TUM), nothing (NOTRAIN)"},
	{"spamAction", PREFERENCE_CHOICE, AT(spam_action), "quarantine tag deliver", 0, 0,
	 "deliver",
	 "what happens to spam: hold it back (quarantine), mark its subject (tag), header only "
	 "(deliver)"},
	{"spamSubject", PREFERENCE_TEXT, AT(spam_subject), NULL, 0, PREFERENCE_SUBJECT_MAX,
	 "[SPAM]", "what tag puts before the subject"},
	{"statisticalSedation", PREFERENCE_NUMBER, AT(sedation), NULL, 0, PREFERENCE_SEDATION_MAX,
	 "5", "0 catches most spam, 10 risks least"},
	{"enableWhitelist", PREFERENCE_SWITCH, AT(whitelist), NULL, 0, 0, "on",
	 "let senders pass whose mail was always innocent"},
	{"whitelistThreshold", PREFERENCE_NUMBER, AT(whitelist_threshold), NULL, 1, 1000, "10",
	 "so many innocent messages make a sender trusted"},
	{"showFactors", PREFERENCE_SWITCH, AT(show_factors), NULL, 0, 0, "off",
	 "write the reasons into X-DSPAM-Factors"},
	{"dailyQuarantineSummary", PREFERENCE_SWITCH, AT(daily_summary), NULL, 0, 0, "off",
	 "send me each day a mail that tells what is new in my quarantine"},
	{"locale", PREFERENCE_CHOICE, AT(locale), "auto en fr", 0, 0, "auto",
	 "language of mail and pages for me: English (en), French (fr), or what else is known (auto)"},
	{"alerts", PREFERENCE_TEXT, AT(alerts), NULL, 0, PREFERENCE_TEXT_MAX, "",
	 "words and senders, separated by commas, that are shown first in my quarantine"},
	{"optIn", PREFERENCE_SWITCH, AT(opt_in), NULL, 0, 0, "off",
	 "filter me, on a site that filters only those who say so"},
	{"optOut", PREFERENCE_SWITCH, AT(opt_out), NULL, 0, 0, "off", "do not filter me"},
	{"siteDictionary", PREFERENCE_SWITCH, AT(site_dictionary), NULL, 0, 0, "on",
	 "start from what many users of the site have taught, and add what I teach: hashes of "
	 "words, and only those that several users have taught"},
};

#define ROWS (sizeof(rows) / sizeof(*rows))

static const struct row *row_find(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcasecmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* The number of the word in a list separated by blanks, -1 if it is not there. */
static int choice_number(const char *choices, const char *value)
{
	size_t size = strlen(value);
	int number = 0;

	for (const char *word = choices; *word != '\0'; number++) {
		size_t n = strcspn(word, " ");
		if (n == size && strncasecmp(word, value, n) == 0)
			return number;
		word += n + (word[n] == ' ');
	}
	return -1;
}

static bool number_read(const char *value, unsigned minimum, unsigned maximum, unsigned *number_r)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end != '\0' || number < minimum ||
	    number > maximum)
		return false;
	*number_r = (unsigned)number;
	return true;
}

static bool switch_read(const char *value, bool *on_r)
{
	*on_r = strcasecmp(value, "on") == 0 || strcasecmp(value, "yes") == 0 ||
		strcasecmp(value, "true") == 0;
	return *on_r || strcasecmp(value, "off") == 0 || strcasecmp(value, "no") == 0 ||
	       strcasecmp(value, "false") == 0;
}

static bool text_is_valid(const char *value, size_t max)
{
	for (const char *c = value; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return false;
	return strlen(value) <= max;
}

static bool value_set(struct preferences *preferences, const struct row *row, const char *value)
{
	char *at = (char *)preferences + row->offset;
	int number;

	switch (row->kind) {
	case PREFERENCE_CHOICE:
		number = choice_number(row->choices, value);
		if (number >= 0)
			*(unsigned *)(void *)at = (unsigned)number;
		return number >= 0;
	case PREFERENCE_NUMBER:
		return number_read(value, row->minimum, row->maximum, (unsigned *)(void *)at);
	case PREFERENCE_SWITCH: {
		bool on;
		bool valid = switch_read(value, &on);
		if (valid)
			*(bool *)at = on;
		return valid;
	}
	case PREFERENCE_TEXT:
		if (!text_is_valid(value, row->maximum))
			return false;
		snprintf(at, row->maximum + 1, "%s", value);
		return true;
	}
	return false;
}

static char *valid_values(const struct row *row)
{
	switch (row->kind) {
	case PREFERENCE_CHOICE:
		return xstrdup(row->choices);
	case PREFERENCE_NUMBER:
		return xasprintf("%u to %u", row->minimum, row->maximum);
	case PREFERENCE_SWITCH:
		return xstrdup("on off");
	case PREFERENCE_TEXT:
		break;
	}
	return xasprintf("text of at most %u bytes", row->maximum);
}

void preferences_init(struct preferences *preferences)
{
	memset(preferences, 0, sizeof(*preferences));
	for (size_t i = 0; i < ROWS; i++)
		value_set(preferences, &rows[i], rows[i].initial);
}

static char *known_names(void)
{
	char *names = xstrdup("");

	for (size_t i = 0; i < ROWS; i++) {
		char *longer = xasprintf("%s%s%s", names, i == 0 ? "" : " ", rows[i].name);
		free(names);
		names = longer;
	}
	return names;
}

bool preferences_set(struct preferences *preferences, const char *name, const char *value,
		     char **error_r)
{
	const struct row *row = row_find(name);
	char *valid;

	if (row == NULL) {
		valid = known_names();
		*error_r = xasprintf("unknown preference \"%s\"; there are: %s", name, valid);
		free(valid);
		return false;
	}
	if (value_set(preferences, row, value))
		return true;
	valid = valid_values(row);
	*error_r = xasprintf("%s cannot be \"%s\"; valid: %s", row->name, value, valid);
	free(valid);
	return false;
}

/* "name=value"; Postfix puts a comma between the rows that a database has for a key. */
static bool item_parse(struct preferences *preferences, const char *item, char **error_r)
{
	item += strspn(item, ", \t");

	struct span text = span_trim(span_of(item)), name, value;
	const char *equals = text.size > 0 ? memchr(text.data, '=', text.size) : NULL;

	if (text.size == 0)
		return true;
	if (equals == NULL) {
		*error_r = xasprintf("\"%.*s\" is not name=value", SPAN_ARG(text));
		return false;
	}
	name = span_trim(span_first(text, (size_t)(equals - text.data)));
	value = span_trim(span_from(text, (size_t)(equals - text.data) + 1));
	char *name_text = xstrndup(name.data, name.size);
	char *value_text = xstrndup(value.size > 0 ? value.data : "", value.size);
	bool valid = preferences_set(preferences, name_text, value_text, error_r);
	free(name_text);
	free(value_text);
	return valid;
}

bool preferences_parse(struct preferences *preferences, const char *text, char **error_r)
{
	char *copy = xstrdup(text), *rest = copy, *item;
	bool valid = true;

	while ((item = strsep(&rest, ";")) != NULL) {
		char *error = NULL;

		if (item_parse(preferences, item, &error))
			continue;
		if (valid)
			*error_r = error;
		else
			free(error);
		valid = false;
	}
	free(copy);
	return valid;
}

static void choice_text(const char *choices, unsigned number, char *buf, size_t size)
{
	while (number-- > 0)
		choices += strcspn(choices, " ") + 1;
	snprintf(buf, size, "%.*s", (int)strcspn(choices, " "), choices);
}

const char *preferences_get(const struct preferences *preferences, const char *name, char *buf,
			    size_t size)
{
	const struct row *row = row_find(name);
	const char *at;

	if (row == NULL)
		return NULL;
	at = (const char *)preferences + row->offset;
	switch (row->kind) {
	case PREFERENCE_CHOICE:
		choice_text(row->choices, *(const unsigned *)(const void *)at, buf, size);
		break;
	case PREFERENCE_NUMBER:
		snprintf(buf, size, "%u", *(const unsigned *)(const void *)at);
		break;
	case PREFERENCE_SWITCH:
		snprintf(buf, size, "%s", *(const bool *)at ? "on" : "off");
		break;
	case PREFERENCE_TEXT:
		snprintf(buf, size, "%s", at);
		break;
	}
	return buf;
}

const char *preferences_canonical(const char *name)
{
	const struct row *row = row_find(name);

	return row == NULL ? NULL : row->name;
}

const char *preferences_name(size_t i)
{
	return i < ROWS ? rows[i].name : NULL;
}

const char *preferences_help(size_t i)
{
	return i < ROWS ? rows[i].help : NULL;
}

bool preferences_info(size_t i, struct preference_info *info_r)
{
	if (i >= ROWS)
		return false;
	*info_r = (struct preference_info){
		.name = rows[i].name,
		.help = rows[i].help,
		.kind = rows[i].kind,
		.choices = rows[i].choices,
		.minimum = rows[i].minimum,
		.maximum = rows[i].maximum,
	};
	return true;
}
