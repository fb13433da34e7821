/*
 * markdown.h - the Markdown of our own help for users as HTML, when the program is built.
 *
 * Known are headings of levels 1 to 3, paragraphs, lists (one level in another, "- " and "1. "),
 * tables, a picture on a line of its own, `code`, **strong**, *emphasis* and [links](address).
 * Anything else that Markdown has is an error, so that nothing comes out as something else. The
 * first heading is left out: the page has its own. Headings have the ids that GitHub gives them.
 */
#ifndef SHOVELER_WEB_MARKDOWN_H
#define SHOVELER_WEB_MARKDOWN_H

#include "lib/strbuf.h"

struct markdown_picture {
	char *address; /* malloc'ed, freed by markdown_to_html() */
	unsigned width, height;
};

struct markdown_host {
	void *context;
	/* Where a link shall lead, malloc'ed; NULL: only its text is shown. */
	char *(*link)(void *context, struct span address);
	/* False: there is no such picture. */
	bool (*picture)(void *context, struct span address, struct markdown_picture *picture_r);
};

/* Returns 0, or -1 and *error_r, "line N: ...", freed by the caller. */
int markdown_to_html(struct span text, const struct markdown_host *host, struct strbuf *html,
		     char **error_r);

#endif
