#include "schema/overlay.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define OVERLAY_MINIMUM 4096 /* slots: 2^12 */
#define SHIFT_MAXIMUM	52   /* 64 - 12 */
#define RADIX_BITS	8
#define RADIX		(1U << RADIX_BITS)

static size_t first_slot(const struct overlay *overlay, uint32_t hash)
{
	return (size_t)(hash * overlay->key >> overlay->shift);
}

static size_t slot_of(const struct overlay *overlay, uint32_t hash)
{
	size_t slot = first_slot(overlay, hash);

	while (overlay->slots[slot].day != 0 && overlay->slots[slot].hash != hash)
		slot = (slot + 1) & (overlay->size - 1);
	return slot;
}

static void grow(struct overlay *overlay)
{
	struct overlay larger = {
		.size = overlay->size * 2, .key = overlay->key, .shift = overlay->shift - 1};

	if (overlay->size == 0) {
		larger = (struct overlay){.size = OVERLAY_MINIMUM, .shift = SHIFT_MAXIMUM};
		if (getrandom(&larger.key, sizeof(larger.key), 0) != sizeof(larger.key))
			larger.key = (uintptr_t)overlay;
		larger.key |= 1;
	}
	larger.slots = xcalloc(larger.size, sizeof(*larger.slots));
	for (size_t i = 0; i < overlay->size; i++)
		if (overlay->slots[i].day != 0)
			larger.slots[slot_of(&larger, overlay->slots[i].hash)] = overlay->slots[i];
	larger.count = overlay->count;
	free(overlay->slots);
	*overlay = larger;
}

void overlay_add(struct overlay *overlay, const struct token *delta)
{
	if (overlay->count * 2 >= overlay->size)
		grow(overlay);
	struct token *token = &overlay->slots[slot_of(overlay, delta->hash)];
	if (token->day == 0)
		overlay->count++;
	token->hash = delta->hash;
	token_add(token, delta);
}

const struct token *overlay_find(const struct overlay *overlay, uint32_t hash)
{
	if (overlay->size == 0)
		return NULL;
	const struct token *token = &overlay->slots[slot_of(overlay, hash)];
	return token->day == 0 ? NULL : token;
}

void overlay_prefetch(const struct overlay *overlay, uint32_t hash)
{
	if (overlay->size > 0)
		__builtin_prefetch(&overlay->slots[first_slot(overlay, hash)]);
}

/* By the digit at shift; stable. */
static void radix_pass(struct token *to, const struct token *from, size_t count, unsigned shift)
{
	size_t starts[RADIX + 1] = {0};

	for (size_t i = 0; i < count; i++)
		starts[(from[i].hash >> shift) % RADIX + 1]++;
	for (size_t digit = 1; digit < RADIX; digit++)
		starts[digit] += starts[digit - 1];
	for (size_t i = 0; i < count; i++)
		to[starts[(from[i].hash >> shift) % RADIX]++] = from[i];
}

struct token *overlay_sorted(const struct overlay *overlay)
{
	struct token *list = xmalloc((overlay->count + 1) * sizeof(*list));
	struct token *other = xmalloc((overlay->count + 1) * sizeof(*other));
	size_t count = 0;

	for (size_t i = 0; i < overlay->size; i++)
		if (overlay->slots[i].day != 0)
			list[count++] = overlay->slots[i];
	for (unsigned shift = 0; shift < 32; shift += RADIX_BITS) {
		radix_pass(other, list, count, shift);
		struct token *swap = list;
		list = other;
		other = swap;
	}
	free(other);
	return list;
}

void overlay_free(struct overlay *overlay)
{
	free(overlay->slots);
	memset(overlay, 0, sizeof(*overlay));
}
