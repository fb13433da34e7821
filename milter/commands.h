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

/* The copies of suppressed messages, one a line. 0, or -1 and *error_r. */
int milter_list_kept(const struct conf *conf, FILE *out, char **error_r);
/* One of them as it is. */
int milter_show_kept(const struct conf *conf, const char *id, FILE *out, char **error_r);
/* Gives it to Postfix for its recipients, past the scanner, and removes it. */
int milter_release_kept(const struct conf *conf, const char *id, char **error_r);

#endif
