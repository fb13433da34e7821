#include "schema/hash_list.h"

#include "lib/xalloc.h"

#define GAP_ESCAPE 0xffffffU

static void append_bytes(struct strbuf *out, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		strbuf_append_char(out, (char)(value >> 8 * i & 0xff));
}

static uint32_t read_bytes(const char *data, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint32_t)(unsigned char)data[i] << 8 * i;
	return value;
}

void hash_list_pack(struct strbuf *out, const uint32_t *hashes, size_t count)
{
	uint32_t before = 0;

	strbuf_reserve(out, count * 7 + 1);
	for (size_t i = 0; i < count; i++) {
		uint32_t gap = hashes[i] - before;
		if (gap < GAP_ESCAPE) {
			append_bytes(out, gap, 3);
		} else {
			append_bytes(out, GAP_ESCAPE, 3);
			append_bytes(out, gap, 4);
		}
		before = hashes[i];
	}
}

uint32_t *hash_list_unpack(struct span blob, size_t *count_r)
{
	uint32_t *hashes = xmalloc((blob.size / 3 + 1) * sizeof(*hashes));
	uint32_t before = 0;
	size_t count = 0;

	while (blob.size >= 3) {
		uint32_t gap = read_bytes(blob.data, 3);
		blob = span_from(blob, 3);
		if (gap == GAP_ESCAPE) {
			if (blob.size < 4)
				break;
			gap = read_bytes(blob.data, 4);
			blob = span_from(blob, 4);
		}
		if (gap > UINT32_MAX - before || (gap == 0 && count > 0))
			break;
		before += gap;
		hashes[count++] = before;
	}
	*count_r = count;
	return hashes;
}
