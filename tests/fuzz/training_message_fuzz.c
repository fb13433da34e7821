/*
 * libFuzzer: a mail to a training address, and the field by which the milter vouches for it.
 * Nothing is believed without the secret; what is found in the message lies within the bounds.
 */
#include "lib/header.h"
#include "lib/submitter.h"
#include "spamtrain/daemon/training_address_message.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_restored(struct span message)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct header_field field;

	training_message_restore(&once, message);
	require(!header_find(strbuf_span(&once), "X-DSPAM-Signature", &field));
	require(!header_find(strbuf_span(&once), "Resent-From", &field));
	training_message_restore(&twice, strbuf_span(&once));
	require(span_equal(strbuf_span(&once), strbuf_span(&twice)));
	strbuf_free(&once);
	strbuf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct submitter_secret secret = {16, "0123456789abcdef"};
	struct span bytes = {(const char *)data, size};
	struct training_message *message = training_message_read(bytes);
	struct submitter submitter;

	require(message->count <= TRAINING_ORIGINALS_MAX);
	for (size_t i = 0; i < message->count; i++)
		require(message->originals[i].size > 0);
	require(strlen(message->quoted) == 0 ||
		strlen(message->quoted) == TRAINING_SIGNATURE_SIZE - 1);
	require(message->parent[0] == '\0' || message->parent[0] == '<');
	require(submitter_verify(&secret, message->submitter, 1000, &submitter) != NULL);
	require(submitter_verify(&secret, bytes, 1000, &submitter) != NULL);
	training_from_is(bytes, "alice@example.test");
	training_message_has_subject(message, "Hello");
	require(message->text.size <= TRAINING_QUOTED_MAX);
	require(!training_message_quotes(message, "nobody", "Fwd: "));
	training_message_quotes(message, "Bob <bob@example.test>", "Hello");
	check_restored(bytes);
	training_message_free(&message);
	return 0;
}
