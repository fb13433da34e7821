/*
 * state.h - every place of state on a host, in one table: what backup copies, restore puts back and
 * what a purge of the package leaves.
 *
 * A place that is not in the table is not backed up: `shoveler backup` warns of what it finds in
 * state_directory and cannot place. docs/backup.md shows the table (`shoveler backup --list`).
 */
#ifndef SHOVELER_STATE_H
#define SHOVELER_STATE_H

#include "lib/conf.h"

#include <stdbool.h>

enum state_kind {
	STATE_STORES,	/* users' stores: consistent copies, a folder a user */
	STATE_POLICY,	/* SQLite, copied by its own locks */
	STATE_FOLDER,	/* a folder of files that are written once, or replaced by rename */
	STATE_FILE,	/* one such file */
	STATE_MAIL,	/* mail: the mail backup's, not ours */
	STATE_FLEETING, /* made anew by itself: not backed up */
};

struct state_place {
	const char *name; /* in a backup: "users"; the first level of its folder */
	enum state_kind kind;
	enum conf_param setting; /* where it lies; P_COUNT: the folder of main.cf */
	const char *below;	 /* that: "policy.sqlite"; NULL: the setting itself */
	bool in_memory;		 /* a daemon keeps it in memory: it is to be restarted afterwards */
	const char *what;	 /* one line */
};

extern const struct state_place state_places[]; /* name NULL: the end */

const struct state_place *state_find(const char *name, size_t size); /* NULL: there is none */
char *state_path(const struct state_place *place, const struct conf *conf); /* malloc'ed */
/* "copied", "mail", "not copied" */
bool state_is_copied(const struct state_place *place);

/*
 * Calls each for everything in state_directory that is no place, nor holds one. Returns 0, or -1
 * with errno when it cannot be read.
 */
int state_unknown(const struct conf *conf, void (*each)(void *context, const char *path),
		  void *context);

#endif
