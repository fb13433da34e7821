/*
 * span_source.h - bytes that come piece by piece, such as a message that is changed on its way.
 */
#ifndef SHOVELER_SPAN_SOURCE_H
#define SHOVELER_SPAN_SOURCE_H

#include "span.h"

struct span_source {
	/* The next piece, valid until the call after; false at the end. */
	bool (*next)(struct span_source *source, struct span *piece_r);
};

#endif
