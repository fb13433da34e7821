/*
 * reason.h - why, in plain words: what the classifier says of a feature ("subject: pharmacy", "fact
 * links 2", see spamtrain/engine/features.h) as a reader understands it.
 */
#ifndef SHOVELER_WEB_REASON_H
#define SHOVELER_WEB_REASON_H

#include "lib/span.h"

struct reason {
	const char *label;  /* English, of the catalogue: "in the subject" */
	struct span quoted; /* what was found there; empty: the label says it all */
};

/* The text belongs to the caller. */
struct reason reason_read(const char *text);

#endif
