/*
 * scanner_keeper.h - keeps one scanner generation alive, in a thread of the milter.
 *
 * Starts the scanner process (scanner_process.h), starts another when it dies, and replaces it when
 * the folder of signatures changed or the configuration was read again: the new one loads beside
 * the old one, takes over when it is ready, and the old one ends what it is doing. A database that
 * cannot be loaded leaves the old one in place, with a warning. While no scanner is ready
 * scanner_keeper_ready() is false, and the milter defers mail for mailboxes at RCPT.
 */
#ifndef SHOVELER_SCANNER_KEEPER_H
#define SHOVELER_SCANNER_KEEPER_H

#include "lib/conf.h"

struct scanner_keeper;

/*
 * Waits until the first generation is ready. listen_fd: of scanner_listen, now owned by the keeper.
 * Returns 0, or -1 and *error_r.
 */
int scanner_keeper_start(const struct conf *conf, int listen_fd, struct scanner_keeper **keeper_r,
			 char **error_r);

/* A new generation with these settings is on its way when this returns. */
void scanner_keeper_reload(struct scanner_keeper *keeper, const struct conf *conf);

bool scanner_keeper_ready(struct scanner_keeper *keeper);

/* Ends the scanner and frees the keeper. */
void scanner_keeper_stop(struct scanner_keeper **keeper);

#endif
