/*
 * libFuzzer: a message as the classifier reads it: MIME, charsets, HTML, words, links. Whatever
 * comes, the features are sorted, distinct and bounded, and each can be described.
 */
#include "spamtrain/classifier/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct classifier_message *m =
		classifier_message_read((struct span){(const char *)data, size}, size);
	struct strbuf text = STRBUF_INIT;

	require(m->count <= FEATURES_MAX + FEATURES_FACTS_MAX);
	for (size_t i = 0; i < m->count; i++) {
		require(i == 0 || m->hashes[i - 1] < m->hashes[i]);
		strbuf_reset(&text);
		features_describe(&m->features, &m->features.list[i], &text);
	}
	strbuf_free(&text);
	classifier_message_free(&m);
	return 0;
}
