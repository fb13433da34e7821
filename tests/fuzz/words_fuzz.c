/*
 * libFuzzer: words of a text, with and without disguise. They lie in the text, in order; what is
 * undone is never longer; UTF-8 stays UTF-8.
 */
#include "spamtrain/engine/words.h"
#include "tests/fuzz/utf8.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_word(struct span word)
{
	char buf[WORD_MAX];

	if (word.size > WORD_MAX)
		return;
	if (word_lower(buf, word))
		require(memcmp(buf, word.data, word.size) != 0);
	size_t size = word_unmask(buf, word);
	require(size <= word.size);
	for (size_t i = 0; i < size; i++)
		require(buf[i] >= 'a' && buf[i] <= 'z');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size}, rest, word;
	struct strbuf normal = STRBUF_INIT;
	const char *before;

	size_t removed = text_normalize(&normal, text);
	require(normal.size + removed <= size);
	if (is_utf8(text))
		require(is_utf8(strbuf_span(&normal)));
	rest = strbuf_span(&normal);
	before = rest.data;
	while (word_next(&rest, &word)) {
		require(word.size > 0 && word.data >= before);
		before = word.data + word.size;
		require(before <= normal.data + normal.size);
		if (is_utf8(text))
			require(is_utf8(word));
		check_word(word);
	}
	require(rest.size == 0);
	strbuf_free(&normal);
	return 0;
}
