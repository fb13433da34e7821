#include "web/catalogue.h"

#include "lib/span.h"

#include <stdlib.h>

#define WANTED_MAX 16 /* languages of an Accept-Language header that are looked at */

const struct catalogue *catalogue_find(const char *language)
{
	for (const struct catalogue *const *each = catalogues; *each != NULL; each++) {
		if (strcmp((*each)->language, language) == 0)
			return *each;
	}
	return NULL;
}

/* "fr-CA" is satisfied by "fr". */
static const struct catalogue *find_range(struct span range)
{
	for (const struct catalogue *const *each = catalogues; *each != NULL; each++) {
		struct span language = span_of((*each)->language);

		if (span_starts_nocase(range, language) &&
		    (range.size == language.size || range.data[language.size] == '-'))
			return *each;
	}
	return NULL;
}

/* "fr;q=0.8": the quality, 1 when there is none. */
static double take_quality(struct span *range)
{
	const char *semicolon = memchr(range->data, ';', range->size);
	struct span parameter;

	if (semicolon == NULL)
		return 1;
	parameter = span_trim(span_from(*range, (size_t)(semicolon - range->data) + 1));
	*range = span_trim(span_first(*range, (size_t)(semicolon - range->data)));
	if (!span_starts_nocase(parameter, SPAN_LITERAL("q=")) || parameter.size < 3)
		return 0;
	/* The header ends with a NUL: strtod() stops there at the latest. */
	return strtod(parameter.data + 2, NULL);
}

const struct catalogue *catalogue_wanted(const char *accept_language)
{
	struct span rest = {accept_language, accept_language != NULL ? strlen(accept_language) : 0};
	const struct catalogue *best = NULL, *found;
	double best_quality = 0, quality;

	for (int i = 0; i < WANTED_MAX && rest.size > 0; i++) {
		const char *comma = memchr(rest.data, ',', rest.size);
		size_t size = comma != NULL ? (size_t)(comma - rest.data) : rest.size;
		struct span range = span_trim(span_first(rest, size));

		rest = span_from(rest, size + 1);
		if (range.size == 0)
			continue;
		quality = take_quality(&range);
		found = find_range(range);
		if (found != NULL && quality > best_quality) {
			best = found;
			best_quality = quality;
		}
	}
	return best != NULL ? best : catalogues[0];
}

static int compare(const void *key, const void *entry)
{
	return strcmp(key, ((const struct catalogue_entry *)entry)->message);
}

unsigned catalogue_form(const struct catalogue *catalogue, unsigned long n)
{
	unsigned form = catalogue->form(n);

	return form < CATALOGUE_FORMS ? form : 0;
}

const char *catalogue_text(const struct catalogue *catalogue, const char *message, unsigned long n)
{
	const struct catalogue_entry *entry = NULL;
	const char *translated = NULL;

	if (catalogue->count > 0)
		entry = bsearch(message, catalogue->entries, catalogue->count,
				sizeof(*catalogue->entries), compare);
	if (entry != NULL)
		translated = entry->translated[catalogue_form(catalogue, n)];
	return translated != NULL ? translated : message;
}
