#include "lmtp_dot.h"

/* A line's start was seen to be no end of the content; its bytes are in *input. */
static enum lmtp_dot_state step_line_start(struct span *input)
{
	if (input->data[0] != '.')
		return LMTP_DOT_MIDDLE;
	*input = span_from(*input, 1);
	return LMTP_DOT_DOT;
}

static enum lmtp_dot_state step_dot(struct span *input)
{
	if (input->data[0] != '\r')
		return LMTP_DOT_MIDDLE;
	*input = span_from(*input, 1);
	return LMTP_DOT_DOT_CR;
}

static enum lmtp_dot_state step_dot_cr(struct span *input, struct span *piece)
{
	if (input->data[0] == '\n') {
		*input = span_from(*input, 1);
		return LMTP_DOT_END;
	}
	*piece = SPAN_LITERAL("\r");
	return LMTP_DOT_CR;
}

static enum lmtp_dot_state step_middle(struct span *input, struct span *piece)
{
	const char *cr = memchr(input->data, '\r', input->size);

	*piece = cr != NULL ? span_first(*input, (size_t)(cr - input->data) + 1) : *input;
	*input = span_from(*input, piece->size);
	return cr != NULL ? LMTP_DOT_CR : LMTP_DOT_MIDDLE;
}

static enum lmtp_dot_state step_cr(struct span *input, struct span *piece)
{
	if (input->data[0] != '\n')
		return LMTP_DOT_MIDDLE;
	*piece = span_first(*input, 1);
	*input = span_from(*input, 1);
	return LMTP_DOT_LINE_START;
}

bool lmtp_dot_decode(enum lmtp_dot_state *state, struct span *input, struct span *piece_r)
{
	*piece_r = (struct span){NULL, 0};
	if (input->size == 0 || *state == LMTP_DOT_END)
		return false;
	switch (*state) {
	case LMTP_DOT_LINE_START:
		*state = step_line_start(input);
		break;
	case LMTP_DOT_DOT:
		*state = step_dot(input);
		break;
	case LMTP_DOT_DOT_CR:
		*state = step_dot_cr(input, piece_r);
		break;
	case LMTP_DOT_MIDDLE:
		*state = step_middle(input, piece_r);
		break;
	case LMTP_DOT_CR:
		*state = step_cr(input, piece_r);
		break;
	case LMTP_DOT_END:
		break;
	}
	return true;
}

bool lmtp_dot_encode(char *last, struct span *content, bool *dot_r, struct span *piece_r)
{
	struct span rest = *content;
	const char *newline;

	if (rest.size == 0)
		return false;
	*dot_r = *last == '\n' && rest.data[0] == '.';
	while ((newline = memchr(rest.data, '\n', rest.size)) != NULL) {
		rest = span_from(rest, (size_t)(newline - rest.data) + 1);
		if (rest.size == 0 || rest.data[0] == '.')
			break;
	}
	*piece_r = newline != NULL ? span_first(*content, content->size - rest.size) : *content;
	*last = piece_r->data[piece_r->size - 1];
	*content = span_from(*content, piece_r->size);
	return true;
}
