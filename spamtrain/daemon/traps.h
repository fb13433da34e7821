/*
 * traps.h - spam traps: addresses that nobody has. What comes there is spam, whoever sends it; it
 * is learned by a filter of its own (CLASSIFIER_TRAPS), once a message, and goes nowhere.
 *
 * To the site dictionary all traps together are one user: somebody who sends them ordinary mail
 * teaches no more than one user could, which is nothing (site_dictionary.h).
 */
#ifndef SHOVELER_TRAPS_H
#define SHOVELER_TRAPS_H

#include "lib/lmtp_server.h"
#include "spamtrain/daemon/spamtraind.h"

bool trap_is(const struct spamtraind *service, const char *address);

/* Sets the recipient's reply: 250 after the store has committed, 451 when it is in trouble. */
void trap_deliver(struct spamtraind *service, const struct lmtp_transaction *transaction,
		  struct lmtp_recipient *recipient);

#endif
