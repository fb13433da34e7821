/*
 * bogofilter.h - reads what bogofilter learned (`bogoutil -d wordlist.db`) as counts of our
 * features.
 *
 * A line is "TOKEN SPAM INNOCENT DATE": in how many messages of each class the token was. Line
 * ".MSG_COUNT" says how many messages were learned. What becomes of the tokens:
 *
 *	TOKEN			a word of the text; with a dot inside also a host in a link
 *	subj: from: to: rtrn:	a word of Subject, From, To, Return-Path
 *	rcvd:			a word of Received
 *	url:			an address in a link
 *	head: mime:		left out: it is not said of which field
 *
 * Pairs, tags and shapes are not in such a dump, nor is what the scores of past messages were.
 */
#ifndef SHOVELER_SPAMTRAIN_BOGOFILTER_H
#define SHOVELER_SPAMTRAIN_BOGOFILTER_H

#include "lib/span.h"
#include "schema/exchange.h"

struct bogofilter {
	struct store_counts counts; /* tokens is malloc'ed */
	uint64_t taken, left_out;   /* tokens of the dump */
};

/*
 * 0; or -1 and *error_r when it is no such dump, or damaged: nothing is to be freed then. today:
 * days since 1970.
 */
int bogofilter_read(struct bogofilter *result, struct span dump, uint16_t today, char **error_r);

#endif
