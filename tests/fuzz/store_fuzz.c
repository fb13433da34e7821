/*
 * libFuzzer: what a damaged disk can make of stores. The first byte chooses: the features of a
 * message as a blob, a snapshot of a user's dictionary, or the site's. Damage is found, or gives
 * what is sorted and bounded.
 */
#include "schema/hash_list.h"
#include "schema/tokens.h"
#include "spamtrain/shared/site_dictionary.h"
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

#define PATH_SIZE	 64
#define SITE_INDEX_SLOTS 65536 /* site_dictionary.h */
#define SITE_ENTRIES	 8

/* The descriptor of a file with this content; path: by which it can be opened. */
static int file_make(struct span content, char *path)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, content.data, content.size) == (ssize_t)content.size);
	snprintf(path, PATH_SIZE, "/proc/self/fd/%d", fd);
	return fd;
}

/* The input is a header; its numbers are the index and the entries. */
static void site(struct span input)
{
	uint32_t numbers[(SITE_INDEX_SLOTS + 2) + 2 * SITE_ENTRIES] = {0};
	struct site_header header = {
		.magic = "SHVSITE1", .features_version = 1, .entries = SITE_ENTRIES};
	struct strbuf file = STRBUF_INIT;
	static const uint32_t hashes[] = {0, 1, 0x10000, 0x7fff0000, 0xffffffff};
	struct site_dictionary *dictionary = NULL;
	char path[PATH_SIZE], *error = NULL;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers) && input.size >= 4; i++)
		memcpy(&numbers[i], input.data + i * 4 % (input.size - 3), 4);
	if (input.size > 0 && input.data[0] % 2 == 0)
		memcpy(&header, input.data,
		       input.size < sizeof(header) ? input.size : sizeof(header));
	strbuf_append(&file, &header, sizeof(header));
	strbuf_append(&file, numbers, sizeof(numbers));
	int fd = file_make(strbuf_span(&file), path);
	strbuf_free(&file);
	if (site_dictionary_open(&dictionary, path, 1, &error) == 0) {
		for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++)
			site_dictionary_find(dictionary, hashes[i]);
		site_dictionary_unref(&dictionary);
	} else {
		require(error != NULL);
	}
	free(error);
	close(fd);
}

static void snapshot(struct span file)
{
	struct tokens tokens;
	char path[PATH_SIZE], *error = NULL;
	int fd = file_make(file, path);

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
	static void (*const targets[])(struct span) = {hash_list, snapshot, site};
	struct span input = {(const char *)data, size};

	if (size > 0)
		targets[data[0] % 3](span_from(input, 1));
	return 0;
}
