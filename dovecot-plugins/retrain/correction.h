/*
 * correction.h - the corrections of a transaction, from the message to the spool.
 */
#ifndef SHOVELER_RETRAIN_CORRECTION_H
#define SHOVELER_RETRAIN_CORRECTION_H

#include "lib/conf.h"
#include "pending.h"

struct mail;
struct mailbox;
struct mailbox_transaction_context;

/* Our signature in the message's header, or "" if there is none that could be ours. */
const char *correction_signature(struct mail *mail);

/*
 * Notes that mail belongs into class, to be written once t is committed; the message itself goes
 * along if it needs to. The result is for pending_drop_last(), when the change then fails.
 */
struct pending *correction_note(struct mailbox_transaction_context *t, const struct conf *conf,
				enum retrain_class class, struct mail *mail);

/* Takes what was noted off the transaction, which its end frees; NULL if nothing was. */
struct pending *correction_take(struct mailbox_transaction_context *t);

#endif
