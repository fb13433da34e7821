/*
 * account.h - one log line a recipient, and the metrics of the delivery agent.
 */
#ifndef SHOVELER_LDA_ACCOUNT_H
#define SHOVELER_LDA_ACCOUNT_H

#include "lda/delivery.h"

void account_session(int change); /* +1, -1 */
void account_message(const struct lmtp_transaction *transaction);
void account_store_error(void);
void account_classifier_error(void);
void account_quarantine_full(void);

/* The name of an action, in the log and for the command. */
const char *account_action(enum action action);

/* The reply is known: logs and counts. */
void account_delivery(const struct delivery *delivery);

#endif
