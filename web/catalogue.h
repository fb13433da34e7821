/*
 * catalogue.h - the languages of the pages: catalogues in gettext's format (po/LANGUAGE.po), made
 * into tables of C at build time by po_compile. A page picks its language for itself, which libc's
 * gettext() and its one language a process cannot.
 *
 * A new language is a new .po file and nothing else. English is what the sources say.
 */
#ifndef SHOVELER_WEB_CATALOGUE_H
#define SHOVELER_WEB_CATALOGUE_H

#include <stddef.h>

#define CATALOGUE_FORMS 4 /* plural forms at most */

struct catalogue_entry {
	const char *message;
	const char *translated[CATALOGUE_FORMS];
};

struct catalogue {
	const char *language; /* "fr" (BCP 47) */
	const char *name;     /* "Français" */
	size_t count;
	const struct catalogue_entry *entries; /* in order of message */
	unsigned (*form)(unsigned long n);     /* the plural form for n */
};

/* English first; the last is NULL. */
extern const struct catalogue *const catalogues[];

/* NULL when there is none of that language. */
const struct catalogue *catalogue_find(const char *language);

/* By an Accept-Language header (RFC 9110, 12.5.4), which may be NULL; English if nothing fits. */
const struct catalogue *catalogue_wanted(const char *accept_language);

/* The translation, in the plural form for n; message itself when there is none. */
const char *catalogue_text(const struct catalogue *catalogue, const char *message, unsigned long n);
unsigned catalogue_form(const struct catalogue *catalogue, unsigned long n);

#endif
