/*
 * commands.h - what the milter would do, shown without mail: `shoveler class` and `shoveler score`.
 */
#ifndef SHOVELER_MILTER_COMMANDS_H
#define SHOVELER_MILTER_COMMANDS_H

#include "lib/conf.h"

/* What address is, and the steps that led to it. Returns 0, or -1 and *error_r. */
int milter_show_class(const struct conf *conf, const char *address, FILE *out, char **error_r);

struct score_question {
	const char *client; /* address */
	const char *helo;   /* may be NULL */
	const char *sender; /* may be NULL; "" for a bounce */
};

/* Each check that hits with its weight, the sum, and what follows. 0, or -1 and *error_r. */
int milter_show_score(const struct conf *conf, const struct score_question *question, FILE *out,
		      char **error_r);

#endif
