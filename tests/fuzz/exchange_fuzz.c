/*
 * libFuzzer: files given to `spamtrain import`. The first byte chooses what the rest is: the lines
 * of an export (head and end are put around them), a whole export, bogofilter's or SpamAssassin's
 * dump.
 */
#include "schema/dictionary.h"
#include "schema/exchange_internal.h"
#include "spamtrain/formats/bogofilter.h"
#include "spamtrain/formats/spamassassin.h"

#include <inttypes.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NOWHERE "/proc/none/user" /* no store can be made here: what is valid ends there */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void import(struct span file)
{
	char *error = NULL;
	enum store_status status = store_import(NOWHERE, file, 1, true, &error);

	require((status == STORE_INVALID || status == STORE_DEFER) && error != NULL);
	free(error);
}

static void import_lines(struct span lines)
{
	struct strbuf file = STRBUF_INIT;
	uint64_t count = 0;

	strbuf_printf(&file, "shoveler-export\t%d\nstore\t1\nlayout\t%d\t%zu\t%s\nfeatures\t1\n",
		      EXCHANGE_VERSION, EXCHANGE_NUMBERS, sizeof(struct dictionary_sums),
		      exchange_byte_order());
	strbuf_append_span(&file, lines);
	strbuf_append_char(&file, '\n');
	for (size_t i = 0; i < file.size; i++)
		count += file.data[i] == '\n';
	XXH128_hash_t digest = XXH3_128bits(file.data, file.size);
	strbuf_printf(&file, "end\t%" PRIu64 "\t%016" PRIx64 "%016" PRIx64 "\n", count,
		      (uint64_t)digest.high64, (uint64_t)digest.low64);
	import(strbuf_span(&file));
	strbuf_free(&file);
}

static void bogofilter(struct span dump)
{
	struct bogofilter result;
	char *error = NULL;

	if (bogofilter_read(&result, dump, 20000, &error) != 0) {
		require(error != NULL);
		free(error);
		return;
	}
	for (size_t i = 0; i < result.counts.count; i++) {
		const struct token *t = &result.counts.tokens[i];
		require(i == 0 || t[-1].hash < t->hash);
		require(t->spam >= 0 && t->spam <= result.counts.spam);
		require(t->innocent >= 0 && t->innocent <= result.counts.innocent);
	}
	free((void *)(uintptr_t)result.counts.tokens);
}

/* The dump is also the message that is looked up. */
static void spamassassin(struct span dump)
{
	struct spamassassin result = {NULL, 0};
	char *error = NULL;

	if (spamassassin_read(&result, dump, &error) != 0)
		require(error != NULL);
	spamassassin_class(&result, dump);
	spamassassin_free(&result);
	free(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(struct span) = {import_lines, import, bogofilter,
						       spamassassin};

	if (size > 0)
		targets[data[0] % 4]((struct span){(const char *)data + 1, size - 1});
	return 0;
}
