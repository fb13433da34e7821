/*
 * learner.h - does a Sieve script, or a program that it runs, teach a spam filter?
 *
 * By what is written there: nothing is run. What cannot be known so is said to be unknown.
 */
#ifndef SHOVELER_LEARNER_H
#define SHOVELER_LEARNER_H

#include "lib/span.h"

#include <stdbool.h>

#define LEARNER_MAX_FILE (256 * 1024) /* bytes of a script that are read */

/* The filter that is taught by a command line or shell script, as "rspamd"; NULL: none is known. */
const char *learner_taught(struct span text);

/* The filter whose programs are called, taught or not: "SpamAssassin" for spamc; NULL: none. */
const char *learner_called(struct span text);

enum script_kind {
	SCRIPT_OTHER,	/* does something else */
	SCRIPT_TEACHES, /* teaches, and nothing else */
	SCRIPT_MIXED,	/* teaches, and does something else, too */
	SCRIPT_UNKNOWN, /* runs something of which it is not known what it does; or unreadable */
};

struct script_judgement {
	enum script_kind kind;
	char *filter;	/* that is taught, or called at least; "" */
	char *programs; /* what it runs, separated by ", "; "" */
};

/* Where Sieve's pipe, filter and execute look for programs (sieve_extprograms); "" for nowhere. */
struct script_folders {
	const char *pipe, *filter, *execute;
};

/* Judges the text of a script. */
void script_judge(struct span script, const struct script_folders *folders,
		  struct script_judgement *judgement);
/* The same of a file; what cannot be read is SCRIPT_UNKNOWN. */
void script_judge_file(const char *path, const struct script_folders *folders,
		       struct script_judgement *judgement);
void script_judgement_free(struct script_judgement *judgement);

/* Takes the next line off a text; its newline is left out. */
struct span learner_next_line(struct span *rest);

/* Appends a file's text, at most LEARNER_MAX_FILE; false if it cannot be read or is no text. */
struct strbuf;
bool learner_read(const char *path, struct strbuf *text);

#endif
