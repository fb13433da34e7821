#include "conf_value.h"

#include "endpoint.h"
#include "xalloc.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_NAME 64

struct unit {
	char suffix;
	int64_t factor;
};

static const struct unit time_units[] = {{'s', 1},     {'m', 60},     {'h', 3600},
					 {'d', 86400}, {'w', 604800}, {0, 0}};
static const struct unit size_units[] = {
	{'k', 1024}, {'m', 1024 * 1024}, {'g', 1024 * 1024 * 1024}, {0, 0}};
static const struct unit no_units[] = {{0, 0}};

static const struct unit *units_of(enum conf_type type)
{
	if (type == CONF_TIME)
		return time_units;
	return type == CONF_SIZE ? size_units : no_units;
}

void conf_number_text(int64_t number, enum conf_type type, char text[CONF_NUMBER_SIZE])
{
	const struct unit *unit = units_of(type), *largest = NULL;

	/* Nobody reads weeks at a glance. */
	for (; unit->suffix != 0 && unit->suffix != 'w'; unit++) {
		if (number != 0 && number % unit->factor == 0)
			largest = unit;
	}
	if (largest != NULL)
		snprintf(text, CONF_NUMBER_SIZE, "%lld%c", (long long)(number / largest->factor),
			 largest->suffix);
	else
		snprintf(text, CONF_NUMBER_SIZE, "%lld%s", (long long)number,
			 type == CONF_SIZE && number != 0 ? " bytes" : "");
}

static int parse_number(struct conf_value *value, const struct unit *units, int64_t minimum,
			int64_t maximum, char **problem_r)
{
	char *end;
	int64_t factor = 1;

	errno = 0;
	value->number = strtoll(value->text, &end, 10);
	if (end == value->text || errno != 0) {
		*problem_r = xstrdup("expected a number");
		return -1;
	}
	for (; *end != '\0' && units->suffix != 0; units++) {
		if (tolower((unsigned char)*end) == units->suffix) {
			factor = units->factor;
			end++;
			break;
		}
	}
	if (*end != '\0') {
		*problem_r = xasprintf("\"%s\" is no unit of this setting", end);
		return -1;
	}
	if (__builtin_mul_overflow(value->number, factor, &value->number) ||
	    value->number < minimum || value->number > maximum) {
		*problem_r = xasprintf("expected a value from %lld to %lld", (long long)minimum,
				       (long long)maximum);
		return -1;
	}
	return 0;
}

static int parse_bool(struct conf_value *value, char **problem_r)
{
	if (strcasecmp(value->text, "yes") == 0) {
		value->number = 1;
		return 0;
	}
	if (strcasecmp(value->text, "no") == 0)
		return 0;
	*problem_r = xstrdup("expected \"yes\" or \"no\"");
	return -1;
}

static void parse_list(struct conf_value *value)
{
	static const char separators[] = ", \t\r\n";
	const char *text = value->text;
	size_t count = 0;

	value->list = xcalloc(strlen(text) / 2 + 2, sizeof(*value->list));
	for (;;) {
		size_t length;

		text += strspn(text, separators);
		length = strcspn(text, separators);
		if (length == 0)
			break;
		value->list[count++] = xstrndup(text, length);
		text += length;
	}
}

static int parse_choice(const struct conf_value *value, const char *choices, char **problem_r)
{
	const char *word = choices;
	size_t length;

	for (; *word != '\0'; word += length) {
		word += strspn(word, " ");
		length = strcspn(word, " ");
		if (length > 0 && length == strlen(value->text) &&
		    strncmp(word, value->text, length) == 0)
			return 0;
	}
	*problem_r = xasprintf("expected one of: %s", choices);
	return -1;
}

static int parse_address(const struct conf_value *value, char **problem_r)
{
	struct endpoint endpoint;

	if (value->text[0] == '\0')
		return 0;
	return endpoint_parse(value->text, &endpoint, problem_r);
}

int conf_value_parse(struct conf_value *value, enum conf_type type, const char *choices,
		     int64_t minimum, int64_t maximum, char **problem_r)
{
	switch (type) {
	case CONF_TEXT:
		return 0;
	case CONF_PATH:
		if (value->text[0] == '/')
			return 0;
		*problem_r = xstrdup("expected an absolute path");
		return -1;
	case CONF_ADDRESS:
		return parse_address(value, problem_r);
	case CONF_BOOL:
		return parse_bool(value, problem_r);
	case CONF_INT:
	case CONF_TIME:
	case CONF_SIZE:
		return parse_number(value, units_of(type), minimum, maximum, problem_r);
	case CONF_LIST:
		parse_list(value);
		return 0;
	case CONF_CHOICE:
		return parse_choice(value, choices, problem_r);
	}
	return -1;
}

void conf_value_free(struct conf_value *value)
{
	for (char **item = value->list; item != NULL && *item != NULL; item++)
		free(*item);
	free(value->list);
	free(value->text);
	*value = (struct conf_value){NULL, 0, NULL};
}

const char *conf_reference_name(const char *text, struct span *name_r)
{
	bool braces = text[1] == '{';
	const char *start = text + (braces ? 2 : 1), *end = start;

	while (isalnum((unsigned char)*end) || *end == '_')
		end++;
	*name_r = (struct span){start, (size_t)(end - start)};
	if (braces && *end != '}')
		name_r->size = 0;
	if (name_r->size == 0)
		return text + 1;
	return braces ? end + 1 : end;
}

size_t conf_edit_distance(struct span a, struct span b)
{
	size_t row[MAX_NAME + 1];

	if (a.size > MAX_NAME || b.size > MAX_NAME)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.size; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.size; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.size; j++) {
			size_t best = diagonal + (a.data[i - 1] != b.data[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.size];
}
