#include "web/form.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

/* Decodes into *out, which has room for encoded.size + 1 bytes, and moves it behind the NUL. */
static bool decode(char **out, struct span encoded)
{
	for (size_t i = 0; i < encoded.size; i++) {
		char c = encoded.data[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < encoded.size ? span_hex_digit(encoded.data[i + 1]) : -1;
			int low = high < 0 ? -1 : span_hex_digit(encoded.data[i + 2]);

			if (low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (c == '\0')
			return false;
		*(*out)++ = c;
	}
	*(*out)++ = '\0';
	return true;
}

static bool take_field(struct form *form, char **out, struct span field)
{
	const char *equals = memchr(field.data, '=', field.size);
	size_t name_size = equals != NULL ? (size_t)(equals - field.data) : field.size;
	struct form_field *place = &form->fields[form->count];

	if (form->count == FORM_FIELDS_MAX)
		return false;
	place->name = *out;
	if (!decode(out, span_first(field, name_size)))
		return false;
	place->value = *out;
	if (!decode(out, span_from(field, name_size + 1)))
		return false;
	form->count++;
	return true;
}

bool form_parse(struct form *form_r, struct span encoded)
{
	char *out;

	form_r->text = NULL;
	form_r->count = 0;
	if (encoded.size > FORM_SIZE_MAX)
		return false;
	/* Each field needs its own bytes and two NULs, one in place of "&", one of "=" or new. */
	out = form_r->text = xmalloc(2 * encoded.size + 2);
	while (encoded.size > 0) {
		const char *end = memchr(encoded.data, '&', encoded.size);
		size_t size = end != NULL ? (size_t)(end - encoded.data) : encoded.size;

		if (size > 0 && !take_field(form_r, &out, span_first(encoded, size))) {
			form_free(form_r);
			return false;
		}
		encoded = span_from(encoded, size + 1);
	}
	return true;
}

void form_free(struct form *form)
{
	free(form->text);
	form->text = NULL;
	form->count = 0;
}

const char *form_get(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++) {
		if (strcmp(form->fields[i].name, name) == 0)
			return form->fields[i].value;
	}
	return NULL;
}

const char *form_text(const struct form *form, const char *name)
{
	const char *value = form_get(form, name);

	return value != NULL ? value : "";
}

long long form_number(const struct form *form, const char *name, long long fallback)
{
	const char *value = form_text(form, name);
	char *end;
	long long number;

	if (value[0] < '0' || value[0] > '9')
		return fallback;
	errno = 0;
	number = strtoll(value, &end, 10);
	return errno != 0 || *end != '\0' ? fallback : number;
}
