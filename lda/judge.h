/*
 * judge.h - the verdict for one recipient, and what his preferences make of it.
 */
#ifndef SHOVELER_LDA_JUDGE_H
#define SHOVELER_LDA_JUDGE_H

#include "lda/delivery.h"

/*
 * Sets action, verdict and tag. False when the mail has to wait, because the user's store cannot be
 * opened or is full: recipient->reply is then a 451.
 */
bool judge(struct delivery *delivery);

/*
 * Puts the message, with own on top, into the user's quarantine. Sets recipient->reply: 250 or 451.
 */
void judge_quarantine(struct delivery *delivery, struct span own);

/* Notes in the user's history what became of the message. Failures are logged only. */
void judge_outcome(struct delivery *delivery, enum store_outcome outcome);

#endif
