/*
 * features_internal.h - shared by the files features*.c only.
 */
#ifndef SHOVELER_FEATURES_INTERNAL_H
#define SHOVELER_FEATURES_INTERNAL_H

#include "spamtrain/engine/features.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/mime.h"

#define EXTRACTOR_RESERVE 4096 /* bytes of text kept for short additions */

struct feature_set;

/* What the opinion is made of; domains are their last two labels in lower case, or "". */
struct message_facts {
	int received, fields, recipients, private_fields;
	bool reply, list, discussion, unsubscribe, bulk, mailer, urgent;
	bool signature, passed, failed; /* DKIM-Signature; results in Authentication-Results */
	bool subject, reply_to;
	char from[64], message_id[64], reply_domain[64];
	int from_digits; /* in the local part */
	struct {
		int upper, lower, marks, high, gaps;
		bool reply, money, percent;
	} subject_text;
	int html, text, image, other;		       /* parts */
	double upper, letters, marks, dollars, quoted; /* of the text; quoted: lines */
	unsigned links, home_links;		       /* home: to the sender's domain */
	bool odd_link, hides;
};

struct extractor {
	struct features *features;
	struct feature_set *set;
	struct mime_parts *parts;
	struct charsets charsets;
	unsigned families;
	uint64_t full_size;
	struct message_facts facts;
	uint64_t seed; /* of the field's name, 0 in the body */
	uint16_t name; /* offset of the field's name, 0 in the body */
};

uint64_t word_hash(struct span word);

/* Order matters: of two adjacent words. */
static inline uint64_t pair_hash(uint64_t first, uint64_t second)
{
	return first * UINT64_C(0xc2b2ae3d27d4eb4f) + second;
}

/* Words that lie elsewhere than in features->text are copied into it when the feature is new. */
void feature_add(struct extractor *ex, unsigned bit, uint64_t hash, struct span first,
		 struct span second);
/* Was it added? */
bool feature_has(const struct extractor *ex, unsigned bit, uint64_t hash);
void feature_add_word(struct extractor *ex, unsigned bit, struct span word);
void feature_add_shape(struct extractor *ex, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Copies s into the text; an empty span when there is no more room. */
struct span extractor_keep(struct extractor *ex, struct span s);
/* Bytes of decoded text that may still be added. */
size_t extractor_room(const struct extractor *ex);
/* Features that follow belong to this field; an empty name: to the body. */
void extractor_name(struct extractor *ex, const char *prefix, struct span name);

void features_header(struct extractor *ex); /* features_header.c */
void features_body(struct extractor *ex);   /* features_body.c */
/* features_fact.c: the first before the body's features, the second after them. */
void features_header_facts(struct extractor *ex);
void features_body_facts(struct extractor *ex);
void features_opinion(struct extractor *ex); /* features_opinion.c: last */
/* Fields that are not part of the message as its sender and the net made it. */
bool feature_field_is_ignored(struct span name);
void feature_add_link(struct extractor *ex, struct span url); /* features_link.c */
/* The host and each of its parent domains down to two labels; of an address its networks. */
void feature_add_host(struct extractor *ex, unsigned bit, struct span host);

#endif
