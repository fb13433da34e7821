/*
 * libFuzzer: what Dovecot says of folders and messages. Whatever it is, it is read or refused, and
 * what is chosen of it is in the bounds that were asked for.
 */
#include "spamtrain/folders/learn_folders.h"

#include <stdint.h>
#include <stdlib.h>

#define NOW	 ((time_t)1800000000)
#define MESSAGES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void prefix(void *context, struct span text)
{
	*(size_t *)context += text.size;
}

static void folder(struct span rest)
{
	static const char *const none[] = {NULL};
	struct folder_names names = {.junk = none, .trash = none};
	struct folder_listed listed = {.name = STRBUF_INIT};
	size_t sum = 0;

	if (folder_list_read(rest, &listed))
		require(folder_use(&names, &listed) <= FOLDER_USE_SENT);
	strbuf_free(&listed.name);
	folder_namespaces_read(rest, prefix, &sum);
	require(sum <= rest.size);
	folder_uidvalidity(rest);
}

static bool message(struct span rest, struct folder_fetched *fetched)
{
	bool valid = folder_fetch_read(rest, fetched);

	require(fetched->body.size <= rest.size);
	learn_other_says_spam(strbuf_span(&fetched->body));
	return valid;
}

/* A list of messages, as the bytes say. */
static void choose(const uint8_t *data, size_t size)
{
	struct folder_choice choice = {.list = calloc(MESSAGES, sizeof(*choice.list))};

	require(choice.list != NULL);
	for (size_t i = 0; i + 1 < size && choice.count < MESSAGES; i += 2)
		choice.list[choice.count++] = (struct folder_candidate){
			.uid = (uint32_t)i + 1,
			.class = data[i] % 2 == 0 ? STORE_SPAM : STORE_INNOCENT,
			.guid = data[i] / 2 % 16,
			.date = NOW - (time_t)data[i + 1] * 40000};
	size_t before = choice.count, max = size == 0 ? 0 : data[0] % 16;
	folder_choose(&choice, NOW, max);
	require(choice.of_class[0] <= max && choice.of_class[1] <= max);
	require(choice.count == choice.of_class[0] + choice.of_class[1] && choice.count <= before);
	free(choice.list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct folder_fetched fetched = {0};
	struct span all = {(const char *)data, size};

	folder(all);
	if (message(all, &fetched))
		message(all, &fetched);
	folder_fetched_free(&fetched);
	choose(data, size);
	return 0;
}
