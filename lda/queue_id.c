#include "lda/queue_id.h"

#include "lib/header.h"

#include <stdio.h>

static bool is_id_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static struct span after(struct span text, const char *wanted)
{
	const char *found =
		text.size > 0 ? memmem(text.data, text.size, wanted, strlen(wanted)) : NULL;

	if (found == NULL)
		return (struct span){NULL, 0};
	return span_from(text, (size_t)(found - text.data) + strlen(wanted));
}

/* The word that follows the word "id". */
static struct span word_after_id(struct span text)
{
	for (text = after(text, "id "); text.size > 0; text = after(text, "id ")) {
		char before = text.data[-4];

		if (before == ' ' || before == '\t')
			return text;
	}
	return text;
}

void queue_id_find(struct span message, char id_r[QUEUE_ID_SIZE])
{
	struct header_field field;
	struct span id = {NULL, 0};
	size_t size = 0;

	/* What the client said stands before that, and Postfix takes the parentheses out of it. */
	if (header_find(message, "Received", &field))
		id = word_after_id(after(field.body, "(Postfix"));
	while (size < id.size && is_id_byte(id.data[size]))
		size++;
	if (size == 0 || size >= QUEUE_ID_SIZE) {
		snprintf(id_r, QUEUE_ID_SIZE, "NOQUEUE");
		return;
	}
	snprintf(id_r, QUEUE_ID_SIZE, "%.*s", (int)size, id.data);
}
