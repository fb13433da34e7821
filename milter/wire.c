#include "wire.h"

#include <arpa/inet.h>

#define LENGTH_SIZE 4

int wire_take_number(struct span *data, uint32_t *number_r)
{
	uint32_t number;

	if (data->size < sizeof(number))
		return -1;
	memcpy(&number, data->data, sizeof(number));
	*number_r = ntohl(number);
	*data = span_from(*data, sizeof(number));
	return 0;
}

int wire_take_string(struct span *data, const char **text_r)
{
	const char *end = data->size == 0 ? NULL : memchr(data->data, '\0', data->size);

	if (end == NULL)
		return -1;
	*text_r = data->data;
	*data = span_from(*data, (size_t)(end - data->data) + 1);
	return 0;
}

int wire_next(struct span *bytes, struct wire_packet *packet_r)
{
	struct span rest = *bytes;
	uint32_t size;

	if (wire_take_number(&rest, &size) < 0)
		return 0;
	if (size == 0 || size > WIRE_MAX_PACKET)
		return -1;
	if (rest.size < size)
		return 0;
	packet_r->command = rest.data[0];
	packet_r->data = span_from(span_first(rest, size), 1);
	*bytes = span_from(rest, size);
	return 1;
}

static void put_number(struct strbuf *out, uint32_t number)
{
	number = htonl(number);
	strbuf_append(out, &number, sizeof(number));
}

static void put_start(struct strbuf *out, enum wire_answer answer, size_t data_size)
{
	put_number(out, (uint32_t)data_size + 1);
	strbuf_append_char(out, (char)answer);
}

static void put_string(struct strbuf *out, const char *text)
{
	strbuf_append(out, text, strlen(text) + 1);
}

void wire_put(struct strbuf *out, enum wire_answer answer)
{
	put_start(out, answer, 0);
}

void wire_put_text(struct strbuf *out, enum wire_answer answer, const char *text)
{
	put_start(out, answer, strlen(text) + 1);
	put_string(out, text);
}

void wire_put_header(struct strbuf *out, enum wire_answer answer, uint32_t index, const char *name,
		     const char *value)
{
	put_start(out, answer, LENGTH_SIZE + strlen(name) + 1 + strlen(value) + 1);
	put_number(out, index);
	put_string(out, name);
	put_string(out, value);
}

void wire_put_negotiation(struct strbuf *out, uint32_t actions, uint32_t steps,
			  const struct wire_macros *macros, size_t count)
{
	size_t size = 3 * sizeof(uint32_t);

	for (size_t i = 0; i < count; i++)
		size += sizeof(uint32_t) + strlen(macros[i].names) + 1;
	put_number(out, (uint32_t)size + 1);
	strbuf_append_char(out, WIRE_NEGOTIATE);
	put_number(out, WIRE_VERSION);
	put_number(out, actions);
	put_number(out, steps);
	for (size_t i = 0; i < count; i++) {
		put_number(out, macros[i].stage);
		put_string(out, macros[i].names);
	}
}
