#include "spamtrain/formats/mailbox.h"

#include <errno.h>
#include <unistd.h>

#define PIECE_SIZE 65536
#define MARK	   "From "
#define MARK_SIZE  (sizeof(MARK) - 1)

void mailbox_open(struct mailbox *mailbox, int fd)
{
	*mailbox = (struct mailbox){.fd = fd, .line_start = true};
}

void mailbox_close(struct mailbox *mailbox)
{
	strbuf_free(&mailbox->buffer);
}

static struct span unread(const struct mailbox *mailbox)
{
	return span_from(strbuf_span(&mailbox->buffer), mailbox->start);
}

/* Reads until there are that many bytes, or the file ends. */
static int fill(struct mailbox *m, size_t wanted)
{
	while (!m->ended && unread(m).size < wanted) {
		struct span rest = unread(m);
		if (m->buffer.data != NULL && rest.size > 0)
			memmove(m->buffer.data, rest.data, rest.size);
		m->buffer.size = rest.size;
		m->start = 0;
		strbuf_reserve(&m->buffer, PIECE_SIZE);
		ssize_t n = read(m->fd, m->buffer.data + m->buffer.size, PIECE_SIZE);
		if (n < 0 && errno != EINTR)
			return -1;
		m->buffer.size += n > 0 ? (size_t)n : 0;
		m->ended = n == 0;
	}
	return 0;
}

static bool at_mark(const struct mailbox *m)
{
	struct span rest = unread(m);

	return rest.size >= MARK_SIZE && memcmp(rest.data, MARK, MARK_SIZE) == 0;
}

static bool is_empty_line(struct span line)
{
	return span_equal(line, SPAN_LITERAL("\n")) || span_equal(line, SPAN_LITERAL("\r\n"));
}

/* The next line, or as much of a long one as there is. */
static struct span piece_take(struct mailbox *m)
{
	struct span piece = unread(m);
	const char *end = memchr(piece.data, '\n', piece.size);

	if (m->is_mbox && end != NULL)
		piece = span_first(piece, (size_t)(end - piece.data) + 1);
	m->after_empty = m->line_start && is_empty_line(piece);
	m->line_start = piece.data[piece.size - 1] == '\n';
	m->start += piece.size;
	return piece;
}

int mailbox_next(struct mailbox *m, struct strbuf *message, uint64_t *size_r)
{
	bool first = true;

	strbuf_reset(message);
	*size_r = 0;
	for (;; first = false) {
		if (fill(m, MARK_SIZE) != 0)
			return -1;
		if (!m->started) {
			m->started = true;
			m->is_mbox = at_mark(m);
		}
		if (unread(m).size == 0)
			break;
		if (m->is_mbox && !first && m->line_start && m->after_empty && at_mark(m))
			break;
		struct span piece = piece_take(m);
		*size_r += piece.size;
		if (message->size < MAILBOX_MESSAGE_MAX)
			strbuf_append_span(message,
					   span_first(piece, MAILBOX_MESSAGE_MAX - message->size));
	}
	m->position += *size_r;
	return *size_r > 0 ? 1 : 0;
}
