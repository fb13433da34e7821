/*
 * libFuzzer: a signed list of recipients, as anybody can mail it to a fallback MX. What is read and
 * written again is read as the same; nothing is believed that is not signed.
 */
#include "mx2/list.h"
#include "mx2/list_internal.h"
#include "tests/fuzz/utf8.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of no private key that anybody has. */
static const char key[] = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

static void check_again(const struct recipient_list *list)
{
	struct strbuf text = STRBUF_INIT;
	struct recipient_list again;
	char *error = NULL;
	/* 64 bytes, all zero: 85 digits and one more. */
	char signature[87];

	memset(signature, 'A', 86);
	signature[86] = '\0';
	list_frame(list, signature, &text);
	if (text.size <= LIST_MAX_SIZE) {
		require(list_parse(strbuf_span(&text), &again, &error) == 0);
		require(again.count == list->count && again.serial == list->serial);
		for (size_t i = 0; i < list->count; i++)
			require(strcmp(list->addresses[i], again.addresses[i]) == 0);
		list_free(&again);
	}
	strbuf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recipient_list list;
	char *error = NULL;

	if (list_parse((struct span){(const char *)data, size}, &list, &error) == 0) {
		require(list.count <= LIST_MAX_COUNT && list.serial > 0);
		check_again(&list);
		require(list_verify(&list, key, list.serial, &error) < 0);
	}
	require(error != NULL);
	free(error);
	list_free(&list);
	return 0;
}
