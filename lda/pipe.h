/*
 * pipe.h - delivery by command: one message on standard input, one recipient on the command line.
 *
 *	shoveler-lda -f sender -d recipient		(Postfix: pipe(8), Exim, fetchmail, .forward)
 *
 * It opens no store, so it may run as any user who may connect to lda_listen: it hands the message to the
 * running shoveler-lda and says what became of it by its exit code (sysexits.h): 0 delivered or
 * quarantined, 75 put off (also when nobody listens, or standard input cannot be read), 67 no such user,
 * 73 over quota, 69 refused. The reply goes to standard output, where pipe(8) takes it from.
 */
#ifndef SHOVELER_LDA_PIPE_H
#define SHOVELER_LDA_PIPE_H

#include <stdbool.h>

/* The command line asks for it: it has -d. */
bool pipe_is_wanted(int argc, char **argv);

/* Returns main()'s exit code. */
int pipe_main(int argc, char **argv);

#endif
