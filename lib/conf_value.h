/*
 * conf_value.h - one value of main.cf: its type, its syntax, its range. Used by conf.c; others have
 * the distance of words.
 */
#ifndef SHOVELER_CONF_VALUE_H
#define SHOVELER_CONF_VALUE_H

#include "span.h"

#include <stdint.h>

enum conf_type {
	CONF_TEXT,
	CONF_PATH,
	CONF_ADDRESS,
	CONF_BOOL,
	CONF_INT,
	CONF_TIME,
	CONF_SIZE,
	CONF_LIST,
	CONF_CHOICE,
};

struct conf_value {
	char *text;	/* expanded, malloc'ed */
	int64_t number; /* BOOL 0/1, INT, TIME in seconds, SIZE in bytes */
	char **list;	/* LIST: malloc'ed array, NULL-terminated */
};

/*
 * Checks value->text and fills in the rest. Returns 0, or -1 and *problem_r, freed by the caller.
 */
int conf_value_parse(struct conf_value *value, enum conf_type type, const char *choices,
		     int64_t minimum, int64_t maximum, char **problem_r);
void conf_value_free(struct conf_value *value);

#define CONF_NUMBER_SIZE 32

/* A number as main.cf would have it: "90d", "100m"; bytes that are no whole kilobytes "1 bytes". */
void conf_number_text(int64_t number, enum conf_type type, char text[CONF_NUMBER_SIZE]);

/* text points at '$': returns what follows the reference, and its name (empty: a lone '$'). */
const char *conf_reference_name(const char *text, struct span *name_r);

/* Levenshtein distance in bytes; SIZE_MAX when a is absurdly long. */
size_t conf_edit_distance(struct span a, struct span b);

#endif
