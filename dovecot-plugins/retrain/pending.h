/*
 * pending.h - the corrections of one IMAP transaction, which count only once it is committed.
 *
 * Messages that must go along (no signature, or an old one) wait in an unlinked file in the spool's
 * tmp/, so that moving a whole folder costs no memory.
 */
#ifndef SHOVELER_RETRAIN_PENDING_H
#define SHOVELER_RETRAIN_PENDING_H

#include "lib/retrain_spool.h"

struct istream;
struct pending;

/* user: as plugin_user_name(); mailbox: where the messages go. Both are copied. */
struct pending *pending_create(const char *spool, const char *user, const char *mailbox);

/* Adds a correction. signature: may be ""; message: NULL, or what is read up to the limit. */
void pending_add(struct pending *pending, enum retrain_class class, const char *signature,
		 struct istream *message);
/* Takes the last pending_add() back. */
void pending_drop_last(struct pending *pending);

/*
 * Writes them into the spool, for so long or (0) to the end. Returns true when all were written or
 * failed.
 */
bool pending_write(struct pending *pending, unsigned milliseconds);
/* How many failed, and why the first of them did (valid as long as pending). */
size_t pending_failures(const struct pending *pending, const char **error_r);
size_t pending_count(const struct pending *pending);

void pending_free(struct pending **pending);

#endif
