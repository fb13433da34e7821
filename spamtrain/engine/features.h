/*
 * features.h - what the learners see of a message: a set of hashed features.
 *
 * A feature is a word of a header field (with the field's name), a pair of such words, a word or
 * two adjacent words of the body, a piece of a link, a fact about how the message is made. Its
 * 32-bit hash is what is counted; where its text lies is kept so that it can be shown to a person.
 *
 * FEATURES_VERSION changes whenever the same message would give other hashes: lessons of another
 * version cannot be recomputed from the message, only from the kept signature.
 */
#ifndef SHOVELER_FEATURES_H
#define SHOVELER_FEATURES_H

#include "lib/span.h"
#include "lib/strbuf.h"

#include <stddef.h>
#include <stdint.h>

#define FEATURES_VERSION	3
#define FEATURES_FACTS_MAX	80	     /* on top of these */
#define FEATURES_MAX		4096	     /* of one message; later ones are ignored */
#define FEATURES_TEXT_MAX	(192 * 1024) /* bytes of decoded text that are looked at, all parts */
#define FEATURES_FIELDS_MAX	120	     /* header fields */
#define FEATURES_FIELDS_LOOKED	2000	     /* ... with those that are ignored */
#define FEATURES_FIELD_TEXT_MAX 2000	     /* bytes of one field */

/* Families: a bit each, so that evaluate can measure what each is worth. */
#define FEATURES_FAMILIES(FAMILY)                                                                  \
	FAMILY(HEADER_WORD, "header-word") /* words of a field, with its name */                   \
	FAMILY(HEADER_PAIR, "header-pair") /* two words of a field, at most 2 apart */             \
	FAMILY(RECEIVED, "received")	   /* pieces of Received */                                \
	FAMILY(WORD, "word")		   /* words of the text */                                 \
	FAMILY(LOWER, "lower")		   /* ... in lower case where that differs */              \
	FAMILY(FOLDED, "folded")	   /* ... without obfuscation: V!agra, v i a g r a */      \
	FAMILY(PAIR, "pair")		   /* two adjacent words */                                \
	FAMILY(LINK, "link")		   /* pieces of links */                                   \
	FAMILY(SHAPE, "shape")		   /* facts about size, parts, charset, addresses */       \
	FAMILY(FACT, "fact")		   /* the same few facts of every message */               \
	FAMILY(OPINION, "opinion")	   /* what a postmaster would say at first sight */

#define FEATURES_BIT(id, name) FEATURE_BIT_##id,
enum { FEATURES_FAMILIES(FEATURES_BIT) FEATURE_FAMILIES };
#undef FEATURES_BIT
#define FEATURES_KIND(id, name) FEATURE_##id = 1 << FEATURE_BIT_##id,
enum feature_family { FEATURES_FAMILIES(FEATURES_KIND) FEATURES_ALL = (1 << FEATURE_FAMILIES) - 1 };
#undef FEATURES_KIND

/*
 * Views: parts of a message that are judged apart from each other (engine.h). The view is the four
 * lowest bits of the hash; those of the text have bit 3 (SIDE_OF() in schema/dictionary.h).
 */
enum feature_view {
	VIEW_SENDER = 0, /* From, Reply-To, Sender, Return-Path, Errors-To: words and pairs */
	VIEW_SUBJECT = 1,
	VIEW_FIELD_WORD = 2, /* words of all other fields */
	VIEW_FIELD_PAIR = 3, /* pairs of all other fields */
	VIEW_ROUTE = 4,	     /* Received */
	VIEW_FACT = 5,	     /* few facts that every message has: features_fact.c */
	VIEW_OPINION = 6,    /* one number: features_opinion.c */
	VIEW_WORD = 8,
	VIEW_PAIR = 9,
	VIEW_LINK = 10,		/* links, shape */
	VIEW_SUBJECT_COPY = 11, /* the subject's words in lower case and without disguise */
	FEATURE_VIEWS = 12
};
#define FEATURE_VIEW(hash) ((enum feature_view)((hash)&15U))

/* The hash of the opinion is its value: log-odds of spam in steps of a quarter. */
#define FEATURE_OPINION_ZERO	   32
#define FEATURE_OPINION_STEP	   0.25
#define FEATURE_OPINION_HASH(step) ((uint32_t)(step) << 26 | VIEW_OPINION) /* step: 0..63 */
#define FEATURE_OPINION(hash)                                                                      \
	(((double)((hash) >> 26) - FEATURE_OPINION_ZERO) * FEATURE_OPINION_STEP)

struct feature {
	uint32_t hash;
	uint32_t first, second; /* offsets of the words in text; second only of pairs */
	uint16_t first_size, second_size;
	uint16_t name;	 /* offset of the field's name in names, 0 of the body */
	uint16_t family; /* its bit's number */
};

struct features {
	struct feature *list; /* sorted by hash, distinct */
	size_t count;
	struct strbuf text;  /* decoded text that the features point into */
	struct strbuf names; /* NUL-terminated field names */
};

/*
 * Reads the features of a message; never fails. families: FEATURES_ALL, or less for measurements.
 */
void features_extract(struct features *features, struct span message, uint64_t full_size,
		      unsigned families);
void features_free(struct features *features);

/* "word" / "Subject: word" / "word word" / "link example.biz": UTF-8, control bytes removed. */
void features_describe(const struct features *features, const struct feature *feature,
		       struct strbuf *out);
const char *features_family_name(unsigned bit);

#endif
