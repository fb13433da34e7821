/*
 * conf.h - the configuration: DIR/main.cf in Postfix's syntax, then DIR/main.cf.d/NAME.cf in order
 * of name (a later value wins). Syntax (postconf(5)): "name = value"; a line that starts with white
 * space continues the one before; "#" starts a comment line; $name and ${name} refer to settings.
 *
 * An unknown name, a malformed line, a value of the wrong type or out of its range, and a $name
 * that does not exist are errors that name file, line and the nearest valid name. The table of
 * settings is in params.h.
 */
#ifndef SHOVELER_CONF_H
#define SHOVELER_CONF_H

#include "params.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_DEFAULT_DIRECTORY	"/etc/shoveler"
#define CONF_DIRECTORY_VARIABLE "SHOVELER_CONFIG_DIR"
#define CONF_MAX_FILE		(1024 * 1024)

#define CONF_ENUM_ROW(id, name, type, def, min, max, programs, text) P_##id,
enum conf_param { SHOVELER_PARAMS(CONF_ENUM_ROW) P_COUNT };
#undef CONF_ENUM_ROW

struct conf;

/* The folder that is used when -c was not given: from the environment, else the default. */
const char *conf_default_directory(void);

/*
 * Reads the configuration in directory. A missing main.cf is an error, a missing main.cf.d is not.
 * Returns 0 and *conf_r, freed by conf_free(); or -1 and *error_r, one line, freed by the caller.
 */
int conf_load(const char *directory, struct conf **conf_r, char **error_r);
/*
 * The same, but lines and values that are wrong are as if they were not there; *error_r is then the
 * first of them, else NULL; freed by the caller. Returns NULL only where a file cannot be read.
 */
struct conf *conf_load_what_is_right(const char *directory, char **error_r);
void conf_free(struct conf **conf);

/* Values live as long as conf. Asking for a type that the table does not say is a panic. */
const char *conf_text(const struct conf *conf, enum conf_param param); /* every type; never NULL */
bool conf_bool(const struct conf *conf, enum conf_param param);
int64_t conf_number(const struct conf *conf, enum conf_param param); /* INT; TIME s; SIZE bytes */
const char *const *conf_list(const struct conf *conf, enum conf_param param); /* NULL-terminated */

/* What this host calls itself: myhostname, else the system's name. malloc'ed. */
char *conf_hostname(const struct conf *conf);

/* Where it was read from. */
const char *conf_directory(const struct conf *conf);
/* Where a setting has its value from: "FILE, line N", or "built-in default". */
const char *conf_origin(const struct conf *conf, enum conf_param param);

/* "name = value" lines: all settings, or (changed_only) those that main.cf sets: conf -d, -n. */
void conf_dump(const struct conf *conf, bool changed_only, FILE *out);
void conf_dump_defaults(FILE *out);
/* The settings as mdoc(7) list items, for the shoveler.cf(5) manual page. */
void conf_dump_mdoc(FILE *out);

/* The table row's name; and the row of a name, or -1. */
const char *conf_name(enum conf_param param);
int conf_find(const char *name);

#endif
