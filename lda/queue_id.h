/*
 * queue_id.h - under which name Postfix' log knows a message.
 */
#ifndef SHOVELER_QUEUE_ID_H
#define SHOVELER_QUEUE_ID_H

#include "lib/span.h"

#define QUEUE_ID_SIZE 32 /* with the NUL; Postfix's long ones have at most 20 characters */

/*
 * The id of the topmost Received field, if that is one of Postfix ("by HOST (Postfix) with ESMTP id
 * 4Q2X...;"), else "NOQUEUE". Nobody in front of our own Postfix can write the topmost one.
 */
void queue_id_find(struct span message, char id_r[QUEUE_ID_SIZE]);

#endif
