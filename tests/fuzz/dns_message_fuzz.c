/*
 * libFuzzer: a response of a name server. The first byte says which type was asked for. What is
 * found has the right size, and no more records than allowed.
 */
#include "lib/dns_message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA};
	struct dns_answer answer;
	enum dns_type type;

	if (size == 0)
		return 0;
	type = types[data[0] % (sizeof(types) / sizeof(types[0]))];
	dns_message_read(data + 1, size - 1, type, &answer);
	require(answer.count <= DNS_MAX_RECORDS);
	require((answer.count > 0) == (answer.status == DNS_FOUND));
	require(answer.ttl <= DNS_MAX_TTL);
	for (size_t i = 0; i < answer.count; i++) {
		const struct dns_record *record = &answer.records[i];

		if (type == DNS_A || type == DNS_AAAA)
			require(record->size == (type == DNS_A ? 4 : 16));
		else
			require(record->text != NULL && strlen(record->text) == record->size);
	}
	dns_answer_free(&answer);
	return 0;
}
