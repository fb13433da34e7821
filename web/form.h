/*
 * form.h - fields of a form or a query: application/x-www-form-urlencoded (URL Standard, 5.1).
 *
 * Names and values are decoded and NUL-terminated; a field with a NUL or invalid escape makes the
 * whole form malformed, so do more than FORM_FIELDS_MAX fields. Values may be invalid UTF-8.
 */
#ifndef SHOVELER_WEB_FORM_H
#define SHOVELER_WEB_FORM_H

#include "lib/span.h"

#define FORM_SIZE_MAX	(64 * 1024) /* bytes as they come */
#define FORM_FIELDS_MAX 256

struct form_field {
	const char *name, *value; /* point into the form's text */
};

struct form {
	char *text;
	size_t count;
	struct form_field fields[FORM_FIELDS_MAX];
};

/* False: malformed or too large; the form is then empty. form_free() in both cases. */
bool form_parse(struct form *form_r, struct span encoded);
void form_free(struct form *form);

/* The first value of that name, or NULL. */
const char *form_get(const struct form *form, const char *name);
/* The same, "" when missing. */
const char *form_text(const struct form *form, const char *name);
/* A whole decimal number from 0; fallback when missing, malformed or larger than int64_t. */
long long form_number(const struct form *form, const char *name, long long fallback);

#endif
