/*
 * message.h - the inside of struct classifier_message, for spamtrain/ only.
 */
#ifndef SHOVELER_MESSAGE_H
#define SHOVELER_MESSAGE_H

#include "schema/store.h"
#include "spamtrain/classifier/classifier.h"
#include "spamtrain/engine/features.h"

struct classifier_message {
	struct features features;
	uint32_t *hashes; /* of the features: sorted, distinct */
	size_t count;
	uint64_t full_size;
	int64_t sender_key; /* of the From: line (sender.h), 0 when missing */
	int64_t route_key;  /* ... together with the network that brought it */
	int64_t from_key;   /* correspondent_key_of_field() of it, 0 when there is no address */
	char digest[STORE_DIGEST_SIZE];
	char signature[STORE_SIGNATURE_SIZE];
	char *from, *subject, *message_id;
};

/* families: see features.h; classifier_message_read() takes all. */
struct classifier_message *message_read(struct span bytes, uint64_t full_size, unsigned families);

#endif
