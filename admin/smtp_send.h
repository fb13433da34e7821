/*
 * smtp_send.h - sends one message by SMTP to a server of this host, with the empty sender: what
 * cannot be delivered bounces to nobody.
 */
#ifndef SHOVELER_SMTP_SEND_H
#define SHOVELER_SMTP_SEND_H

#include "lib/conf.h"
#include "lib/span.h"

struct smtp_answer {
	int code;	/* of the reply that decided, as 250 or 554 */
	char *text;	/* that reply */
	char *queue_id; /* "" if the reply named none */
};

/*
 * To doctor_smtp_server. message: lines end with CRLF, none begins with a dot. Returns 0 and
 * *answer_r, freed by smtp_answer_free(); or -1 and *error_r: nothing came of it.
 */
int smtp_send(const struct conf *conf, const char *recipient, struct span message,
	      struct smtp_answer *answer_r, char **error_r);
void smtp_answer_free(struct smtp_answer *answer);

#endif
