/*
 * po.h - reads a catalogue in gettext's PO format ("info gettext", The Format of PO Files), at
 * build time. Fuzzy and obsolete entries are left out, as msgfmt does; msgctxt is not known here.
 */
#ifndef SHOVELER_WEB_PO_H
#define SHOVELER_WEB_PO_H

#include "web/catalogue.h"

#include "lib/span.h"

struct po_entry {
	char *message, *plural;		   /* plural: NULL without msgid_plural */
	char *translated[CATALOGUE_FORMS]; /* NULL where missing */
};

struct po {
	size_t count;
	struct po_entry *entries; /* in order of message; the header is not among them */
	char *header;		  /* the translation of "": lines of "Name: value" */
};

/*
 * Returns 0, or -1 and *error_r with the line: bad syntax, a message twice, or a translation whose
 * conversions (%s) are not those of the message. po_free() in both cases.
 */
int po_read(struct po *po_r, struct span file, char **error_r);
void po_free(struct po *po);

/* The value of a line of the header, malloc'ed; NULL when it is missing. */
char *po_header(const struct po *po, const char *name);

/*
 * The C expression behind "plural=" in Plural-Forms, malloc'ed; NULL when it is missing or holds
 * anything but n, numbers and operators.
 */
char *po_plural_expression(const struct po *po);

#endif
