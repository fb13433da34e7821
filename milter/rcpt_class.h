/*
 * rcpt_class.h - what a recipient is, worked out from what this Postfix would do with the address.
 */
#ifndef SHOVELER_RCPT_CLASS_H
#define SHOVELER_RCPT_CLASS_H

#include "verdict.h"

#include <stddef.h>

struct rcpt_class {
	unsigned classes; /* CLASS_..., or'ed */
	size_t target_count;
	char **targets; /* addresses of third parties that an alias leads to */
};

void rcpt_class_free(struct rcpt_class *result);

#endif
