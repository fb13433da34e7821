/*
 * own_mail.h - mail that this service writes to its users: answers, receipts, the daily digest.
 *
 * It goes straight to Dovecot's LMTP with the null sender, so that it is not filtered and cannot
 * bounce, and it says that a machine wrote it (RFC 3834).
 */
#ifndef SHOVELER_OWN_MAIL_H
#define SHOVELER_OWN_MAIL_H

#include "spamtrain/daemon/spamtraind.h"

/*
 * Date, From, To, Message-ID, X-Auto-Response-Suppress, MIME-Version. kind: a word, the start of
 * the Message-ID, which ends with a MAC by submitter_secret_file: nobody else can make mail that
 * looks like ours.
 */
void own_mail_header(struct strbuf *out, const struct spamtraind *service, const char *user,
		     const char *kind, time_t now);

/* Appends text with its line ends made CRLF. */
void own_mail_text(struct strbuf *out, const char *text);

/* Whether that Message-ID (with <>) is of mail that we wrote to user: it must not be learned. */
bool own_mail_is(const struct spamtraind *service, const char *user, struct span message_id);

enum lmtp_result own_mail_deliver(struct spamtraind *service, const char *user, struct span message,
				  struct lmtp_reply *reply);

#endif
