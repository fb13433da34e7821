/*
 * command.h - how a subcommand of `shoveler` is declared.
 *
 * A command is a row: name, what --help says, and a function. Commands with actions (`shoveler
 * public create`) hand on to a second table of the same kind.
 */
#ifndef SHOVELER_COMMAND_H
#define SHOVELER_COMMAND_H

#include "lib/conf.h"
#include "schema/policy.h"

#include <stdbool.h>

struct admin {
	const char *directory; /* of main.cf */
	struct conf *conf;     /* NULL for commands that read it themselves */
	bool json;	       /* --json was given */
};

struct command {
	const char *name;      /* NULL ends a table */
	const char *arguments; /* "FOLDER [USER|GROUP...]" */
	const char *summary;   /* one line */
	/* argv[0] is the first argument; returns an exit code (sysexits.h). */
	int (*run)(struct admin *admin, int argc, char **argv);
	int min_arguments, max_arguments; /* max -1: any number */
	const char *help;		  /* more lines for --help; may be NULL */
	const struct command *actions;	  /* run is NULL then */
	bool reads_conf_itself;
};

extern const struct command commands[];

int command_conf(struct admin *admin, int argc, char **argv);
int command_status(struct admin *admin, int argc, char **argv);
int command_doctor(struct admin *admin, int argc, char **argv);
int command_backup(struct admin *admin, int argc, char **argv);
int command_restore(struct admin *admin, int argc, char **argv);
int command_report(struct admin *admin, int argc, char **argv);
int command_class(struct admin *admin, int argc, char **argv);
int command_score(struct admin *admin, int argc, char **argv);
int command_migrate(struct admin *admin, int argc, char **argv);

extern const struct command public_actions[];
extern const struct command group_actions[];
extern const struct command mx2_actions[];
extern const struct command virus_actions[];

/* Prints "shoveler: ..." to standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The policy store; made for POLICY_CREATE. A missing one, for reading, is NULL and EX_OK: an empty
 * list. Otherwise EX_OK, or an exit code after the complaint.
 */
int open_policy(struct admin *admin, enum policy_mode mode, struct policy **policy_r);

/* Complains about *error unless status is POLICY_OK, frees it; the exit code for the status. */
int policy_result(enum policy_status status, char **error);

#endif
