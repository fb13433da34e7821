/*
 * pipe.h - delivery by command: one message on standard input, one recipient on the command line.
 *
 *	shoveler-lda -f sender -d recipient [-- options]	(Postfix: pipe(8), Exim, fetchmail)
 *
 * Takes the place of dovecot-lda in the mail server's configuration, runs as mail_user as that
 * does, and opens no store: it asks the running shoveler-lda for the verdict (command.h), then runs
 * lda_pipe_command (dovecot-lda) with -f, -d and the options, and with the marked message on its
 * standard input. Its exit code is ours. What is quarantined is not delivered: 0. No running
 * shoveler-lda, a store in trouble, standard input that cannot be read: 75.
 */
#ifndef SHOVELER_LDA_PIPE_H
#define SHOVELER_LDA_PIPE_H

#include <stdbool.h>

/* The command line asks for it: it has -d. */
bool pipe_is_wanted(int argc, char **argv);

/* Returns main()'s exit code (sysexits.h). */
int pipe_main(int argc, char **argv);

#endif
