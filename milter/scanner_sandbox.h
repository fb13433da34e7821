/*
 * scanner_sandbox.h - what a scanner worker may not do, however hostile the message.
 *
 * No sockets, no programs, no other processes, no tracing, no mounts (seccomp); files only under
 * its temporary folder and the system's libraries (Landlock, where the kernel has it); memory, file
 * size and descriptors limited (setrlimit). None of it needs privileges and none can be undone.
 */
#ifndef SHOVELER_SCANNER_SANDBOX_H
#define SHOVELER_SCANNER_SANDBOX_H

#include "scanner_settings.h"

/* Returns 0, or -1 and *error_r: then the process must not scan anything. */
int scanner_sandbox_enter(const struct scanner_settings *settings, const char *temp_directory,
			  char **error_r);

#endif
