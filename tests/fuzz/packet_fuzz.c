/*
 * libFuzzer: a packet of attributes, as it comes over a local socket or lies before a message kept
 * as a virus, and the scanner's settings in one. What was read and written again is read as the
 * same.
 */
#include "lib/packet.h"
#include "lib/strbuf.h"
#include "milter/scanner_settings.h"
#include "tests/fuzz/utf8.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct packet *packet)
{
	struct strbuf out = STRBUF_INIT;
	struct packet again;
	char *error = NULL;

	for (size_t i = 0; i < packet->count; i++)
		packet_put(&out, packet->attributes[i].name, packet->attributes[i].value);
	if (packet->count > 0 && out.size <= PACKET_MAX_SIZE) {
		require(packet_parse(&again, strbuf_span(&out), NULL, &error) == 0);
		require(again.count == packet->count);
		for (size_t i = 0; i < packet->count; i++)
			require(strcmp(packet_get(packet, again.attributes[i].name),
				       again.attributes[i].value) == 0);
		packet_free(&again);
	}
	strbuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scanner_settings settings;
	struct packet packet;
	size_t used = 0;
	char *error = NULL;

	if (packet_parse(&packet, (struct span){(const char *)data, size}, &used, &error) != 0) {
		require(error != NULL);
		free(error);
		return 0;
	}
	require(used <= size && packet.count <= PACKET_MAX_ATTRIBUTES);
	check_same(&packet);
	if (scanner_settings_read(&settings, &packet, &error) == 0) {
		require(settings.client_count <= SCANNER_MAX_CLIENTS);
		scanner_settings_free(&settings);
	}
	free(error);
	packet_free(&packet);
	return 0;
}
