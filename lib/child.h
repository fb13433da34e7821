/*
 * child.h - runs a command for its output, within bounds of time and size.
 */
#ifndef SHOVELER_CHILD_H
#define SHOVELER_CHILD_H

#include "strbuf.h"

#include <spawn.h>

#define CHILD_MAX_OUTPUT (1024 * 1024) /* bytes of standard output or error; more is a failure */

/*
 * Runs arguments[0] (searched in a fixed PATH) with input as its standard input. out, error_out:
 * what it wrote, appended. Returns its exit code, or -1 and *error_r: not started, killed by a
 * signal, out of time, too much output.
 */
int child_run(const char *const *arguments, struct span input, int timeout_ms, struct strbuf *out,
	      struct strbuf *error_out, char **error_r);

/* For posix_spawn(): signals as a fresh process has them. posix_spawnattr_destroy() them. */
void child_attributes(posix_spawnattr_t *attributes);

#endif
