/*
 * libFuzzer: what a damaged disk can make of a user's store. The first byte chooses: the features of a message
 * as a blob, or a snapshot of the dictionary. Damage is found, or gives what is sorted and bounded.
 */
#include "schema/hash_list.h"
#include "schema/tokens.h"
#include "tests/fuzz/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hash_list(struct span blob)
{
	struct strbuf packed = STRBUF_INIT;
	size_t count = 0, again = 0;
	uint32_t *hashes = hash_list_unpack(blob, &count), *same;

	require(count <= blob.size);
	for (size_t i = 1; i < count; i++)
		require(hashes[i - 1] < hashes[i]);
	hash_list_pack(&packed, hashes, count);
	same = hash_list_unpack(strbuf_span(&packed), &again);
	require(again == count && memcmp(same, hashes, count * sizeof(*hashes)) == 0);
	free(same);
	free(hashes);
	strbuf_free(&packed);
}

static void snapshot(struct span file)
{
	struct tokens tokens;
	char path[64], *error = NULL;
	int fd = memfd_create("tokens", MFD_CLOEXEC);

	if (fd < 0 || write(fd, file.data, file.size) != (ssize_t)file.size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (tokens_open(&tokens, path, &error) == 0) {
		for (uint32_t hash = 0; hash < 64; hash++)
			tokens_find(&tokens, hash * 0x4000001U);
		for (size_t i = 0; i < tokens.count && i < 100; i++)
			tokens_find(&tokens, tokens.entries[i].hash);
		tokens_close(&tokens);
	} else {
		require(error != NULL);
	}
	free(error);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};

	if (size > 0)
		(data[0] % 2 == 0 ? hash_list : snapshot)(span_from(input, 1));
	return 0;
}
