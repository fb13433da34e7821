/*
 * spamassassin.h - reads what SpamAssassin was taught (`sa-learn --backup`).
 *
 * Its tokens are the last five bytes of SHA-1 hashes of words: they cannot be turned back into
 * words, and so not into features. But the backup also says of every message that was learned
 * whether as spam or ham ("s CLASS ID"); ID is the Message-ID, or as generate_msgid() of
 * SpamAssassin 4 makes it: "sha1hex(To LF NUL Date LF NUL sha1hex(body))@sa_generated". With the
 * mail at hand that is a list of labels.
 */
#ifndef SHOVELER_SPAMTRAIN_SPAMASSASSIN_H
#define SHOVELER_SPAMTRAIN_SPAMASSASSIN_H

#include "lib/span.h"
#include "schema/store.h"

struct spamassassin_message {
	struct span id; /* lies in the backup */
	enum store_class class;
};

struct spamassassin {
	struct spamassassin_message *list; /* sorted by id */
	size_t count;
};

/* 0; or -1 and *error_r when it is no backup, or damaged: nothing is to be freed then. */
int spamassassin_read(struct spamassassin *result, struct span backup, char **error_r);
void spamassassin_free(struct spamassassin *spamassassin);

/* What it was taught this message as; STORE_NONE if it was not. */
enum store_class spamassassin_class(const struct spamassassin *spamassassin, struct span message);

#endif
