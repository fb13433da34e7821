/*
 * child.h - starts programs; runs a command for its output, within bounds of time and size.
 */
#ifndef SHOVELER_CHILD_H
#define SHOVELER_CHILD_H

#include "strbuf.h"

#include <sys/types.h>

#define CHILD_MAX_OUTPUT      (1024 * 1024) /* bytes of standard output or error; more is a failure */
#define CHILD_DESCRIPTORS_MAX 3
#define CHILD_NOTHING	      (-2) /* /dev/null; not -1, which is what could not be opened */

/*
 * Runs arguments[0] (searched in a fixed PATH) with input as its standard input. out, error_out:
 * what it wrote, appended. Returns its exit code, or -1 and *error_r: not started, killed by a
 * signal, out of time, too much output.
 */
int child_run(const char *const *arguments, struct span input, int timeout_ms, struct strbuf *out,
	      struct strbuf *error_out, char **error_r);

struct child_program {
	const char *file; /* searched in PATH where it has no slash */
	const char *const *arguments;
	char *const *environment; /* NULL: ours */
	struct {
		int from, to; /* ours or CHILD_NOTHING, and what it is there */
	} descriptors[CHILD_DESCRIPTORS_MAX];
	size_t count;
	int close_from; /* it has no descriptor from this one on; 0: those that are not close-on-exec */
};

/* Starts a program, with signals as a fresh process has them. Returns 0, or an errno number. */
int child_start(const struct child_program *program, pid_t *pid_r);

#endif
