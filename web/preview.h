/*
 * preview.h - what can be read of a message without opening it: the text of its first readable
 * parts, and the names of the others. HTML is stripped to its visible text; nothing is loaded, no
 * link works.
 */
#ifndef SHOVELER_WEB_PREVIEW_H
#define SHOVELER_WEB_PREVIEW_H

#include "lib/span.h"
#include "lib/strbuf.h"

#define PREVIEW_TEXT_MAX  (32 * 1024) /* bytes */
#define PREVIEW_PARTS_MAX 20	      /* attachments that are named */

struct preview {
	struct strbuf text; /* UTF-8, lines ended by \n */
	bool was_html, truncated;
	size_t attachments;
	struct strbuf attachment[PREVIEW_PARTS_MAX]; /* "invoice.pdf (application/pdf)" */
};

/* message: raw, perhaps only its first part. preview_free() frees. */
void preview_read(struct preview *preview_r, struct span message);
void preview_free(struct preview *preview);

#endif
