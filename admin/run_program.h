/*
 * run_program.h - runs a program and takes what it prints, within a bounded time.
 */
#ifndef SHOVELER_RUN_PROGRAM_H
#define SHOVELER_RUN_PROGRAM_H

#include "lib/strbuf.h"

#define RUN_PROGRAM_OUTPUT_MAX (256 * 1024)

/*
 * argv[0] is looked up in PATH; no shell. Standard output and error go into output (the rest beyond
 * the limit is dropped), standard input is empty. Returns the exit code (128 + signal if killed),
 * or -1 and *error_r when it could not be started or took longer than timeout_s (it is killed
 * then).
 */
int run_program(const char *const *argv, int timeout_s, struct strbuf *output, char **error_r);

#endif
