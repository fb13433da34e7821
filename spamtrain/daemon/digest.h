/*
 * digest.h - the daily digest as a mail: what is new in a user's quarantine, in plain text and in
 * HTML, in his language. Nothing is read or sent here: spamtraind_digest.c does.
 *
 * What strangers wrote (senders, subjects) is shortened and escaped; nothing is loaded from
 * elsewhere, and no address of theirs becomes a link.
 */
#ifndef SHOVELER_DIGEST_H
#define SHOVELER_DIGEST_H

#include "lib/strbuf.h"
#include "schema/store.h"
#include "spamtrain/daemon/spamtraind.h"

#define DIGEST_ITEMS_MAX 100 /* messages that are listed; the others are counted */

struct digest_item {
	char *from, *subject;
	char signature[STORE_SIGNATURE_SIZE];
	time_t received, expires;
	uint64_t size;
	bool alert;   /* matches one of the user's alerts: goes first */
	bool damaged; /* its file is damaged or gone: it can only be deleted */
};

struct digest {
	const char *user;
	enum training_language language;
	struct digest_item items[DIGEST_ITEMS_MAX]; /* in the order in which they are shown */
	size_t count;
	uint64_t news;		  /* new ones, also those that are not listed */
	uint64_t messages, bytes; /* in quarantine, old and new */
};

/* Appends the mail: header, empty line, body. */
void digest_format(struct strbuf *out, const struct spamtraind *service,
		   const struct digest *digest, time_t now);
void digest_items_free(struct digest *digest);

/* ---- what digest.c and digest_html.c share ---- */

enum digest_word {
	WORD_SUBJECT, /* ASCII; %1$llu: how many */
	WORD_INTRO,   /* %1$llu */
	WORD_ORDER,
	WORD_MORE, /* %1$llu: not listed */
	WORD_ALL,  /* %1$llu messages, %2$s size */
	WORD_FULL, /* %1$s of %2$s */
	WORD_FROM,
	WORD_SUBJECT_FIELD,
	WORD_RECEIVED, /* %1$s date, %2$s size */
	WORD_EXPIRES,  /* %1$s date */
	WORD_DAMAGED,
	WORD_ALERT,
	WORD_RELEASE,
	WORD_SPAM,
	WORD_DELETE_ALL,
	WORD_LINKS, /* %1$s: until when */
	WORD_MAIL,  /* %1$s: training address */
	WORD_MAIL_RELEASE,
	WORD_WEB, /* %1$s: URL */
	WORD_NO_WAY,
	WORD_MACHINE,
	WORD_NO_SUBJECT,
	WORD_NO_SENDER,
	WORD_COUNT
};

/* The text in that language; for those with arguments use digest_say(). */
const char *digest_word(enum training_language language, enum digest_word word);
/* With arguments filled in; malloc'ed. */
char *digest_say(enum training_language language, enum digest_word word, ...);

/* "12 March, 14:05", in local time; bytes as "3 KB". */
void digest_date(char *buffer, size_t size, enum training_language language, time_t when,
		 bool with_hour);
void digest_size(char *buffer, size_t size, uint64_t bytes);

/* When it came, with its size, and until when it is kept; malloc'ed. */
void digest_times(enum training_language language, const struct digest_item *item, char **when_r,
		  char **until_r);
/* How much of a text of strangers is shown: max bytes at the most, whole characters. */
size_t digest_shown(const char *text, size_t max);
/* What lies in the quarantine, put by paragraphs, each malloc'ed. */
void digest_summary(struct strbuf *out, const struct spamtraind *service,
		    const struct digest *digest, void (*put)(struct strbuf *out, char *text));

/* The training address at which this user releases, or NULL. */
const char *digest_address(const struct spamtraind *service, const char *user);
/* Appends the link, or nothing when this host has no links. signature NULL: delete all. */
void digest_link(struct strbuf *out, const struct spamtraind *service, const struct digest *digest,
		 char action, const struct digest_item *item, time_t now);
/* Whether the quarantine is nearly full. */
bool digest_is_full(const struct spamtraind *service, const struct digest *digest);

void digest_html(struct strbuf *out, const struct spamtraind *service, const struct digest *digest,
		 time_t now);

#endif
