/*
 * state.h - up to which message a mailbox was scanned, and with which signatures.
 *
 * Kept in the header of the mailbox's own index (an extension, 16 bytes), so it moves, is renamed
 * and ends with the mailbox, and costs no file. The name of the signatures is kept as a hash.
 */
#ifndef SHOVELER_RESCAN_STATE_H
#define SHOVELER_RESCAN_STATE_H

#include <stdint.h>

struct mailbox;

/* The highest UID that was scanned with these signatures, as all before it; 0: none was. */
uint32_t state_read(struct mailbox *box, const char *database);
/* Returns 0, or -1 and the mailbox's storage error. */
int state_write(struct mailbox *box, const char *database, uint32_t uid);

#endif
