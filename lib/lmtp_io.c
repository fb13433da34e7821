#include "lmtp_io.h"

#include "clock.h"
#include "msg.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

void lmtp_io_init(struct lmtp_io *io, int fd)
{
	int on = 1;

	/* We collect what belongs together ourselves. On a Unix socket this fails, and is not
	 * needed. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	io->fd = fd;
	io->deadline_ms = INT64_MAX;
	io->start = io->end = 0;
	io->output = (struct strbuf)STRBUF_INIT;
}

void lmtp_io_free(struct lmtp_io *io)
{
	strbuf_free(&io->output);
}

void lmtp_io_set_timeout(struct lmtp_io *io, int timeout_ms)
{
	io->deadline_ms = clock_ms() + timeout_ms;
}

struct span lmtp_io_pending(const struct lmtp_io *io)
{
	return (struct span){io->input + io->start, io->end - io->start};
}

void lmtp_io_take(struct lmtp_io *io, size_t size)
{
	io->start += size;
	if (io->start > io->end)
		msg_panic("lmtp_io_take: %zu bytes are not there", size);
}

/* Called after EAGAIN: OK says that it is worth another try. */
static enum lmtp_io_status wait_ready(const struct lmtp_io *io, short events)
{
	struct pollfd ready = {.fd = io->fd, .events = events};
	int64_t left = io->deadline_ms - clock_ms();

	if (left <= 0)
		return LMTP_IO_TIMEOUT;
	if (poll(&ready, 1, left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR)
		return LMTP_IO_CLOSED;
	return LMTP_IO_OK;
}

static void make_room(struct lmtp_io *io)
{
	if (io->start > 0) {
		memmove(io->input, io->input + io->start, io->end - io->start);
		io->end -= io->start;
		io->start = 0;
	}
	if (io->end == sizeof(io->input))
		msg_panic("lmtp_io_read: the buffer is full");
}

enum lmtp_io_status lmtp_io_read(struct lmtp_io *io)
{
	enum lmtp_io_status status = LMTP_IO_OK;
	ssize_t size;

	make_room(io);
	do {
		size = recv(io->fd, io->input + io->end, sizeof(io->input) - io->end, MSG_DONTWAIT);
		if (size > 0) {
			io->end += (size_t)size;
			return LMTP_IO_OK;
		}
		if (size == 0 || (errno != EAGAIN && errno != EINTR))
			return LMTP_IO_CLOSED;
		status = wait_ready(io, POLLIN);
	} while (status == LMTP_IO_OK);
	return status;
}

/* The pending bytes up to and with the first LF; false if there is none. */
static bool whole_line(const struct lmtp_io *io, struct span *line_r)
{
	struct span pending = lmtp_io_pending(io);
	const char *newline = memchr(pending.data, '\n', pending.size);

	if (newline == NULL)
		return false;
	*line_r = span_first(pending, (size_t)(newline - pending.data) + 1);
	return true;
}

static enum lmtp_io_status throw_line_away(struct lmtp_io *io)
{
	enum lmtp_io_status status = LMTP_IO_OK;
	struct span line;

	while (status == LMTP_IO_OK && !whole_line(io, &line)) {
		io->start = io->end = 0;
		status = lmtp_io_read(io);
	}
	if (status != LMTP_IO_OK)
		return status;
	lmtp_io_take(io, line.size);
	return LMTP_IO_TOO_LONG;
}

enum lmtp_io_status lmtp_io_read_line(struct lmtp_io *io, size_t max, struct span *line_r)
{
	enum lmtp_io_status status;

	while (!whole_line(io, line_r)) {
		if (io->end - io->start >= max)
			return throw_line_away(io);
		status = lmtp_io_read(io);
		if (status != LMTP_IO_OK)
			return status;
	}
	lmtp_io_take(io, line_r->size);
	if (line_r->size > max)
		return LMTP_IO_TOO_LONG;
	line_r->size--;
	if (line_r->size > 0 && line_r->data[line_r->size - 1] == '\r')
		line_r->size--;
	return LMTP_IO_OK;
}

enum lmtp_io_status lmtp_io_write(struct lmtp_io *io, struct span bytes)
{
	size_t part;
	enum lmtp_io_status status;

	while (bytes.size > 0) {
		part = LMTP_IO_OUTPUT_SIZE - io->output.size;
		part = bytes.size < part ? bytes.size : part;
		strbuf_append(&io->output, bytes.data, part);
		bytes = span_from(bytes, part);
		if (io->output.size == LMTP_IO_OUTPUT_SIZE) {
			status = lmtp_io_flush(io);
			if (status != LMTP_IO_OK)
				return status;
		}
	}
	return LMTP_IO_OK;
}

enum lmtp_io_status lmtp_io_flush(struct lmtp_io *io)
{
	struct span rest = strbuf_span(&io->output);
	enum lmtp_io_status status = LMTP_IO_OK;
	ssize_t size;

	while (rest.size > 0 && status == LMTP_IO_OK) {
		size = send(io->fd, rest.data, rest.size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (size >= 0)
			rest = span_from(rest, (size_t)size);
		else if (errno == EAGAIN || errno == EINTR)
			status = wait_ready(io, POLLOUT);
		else
			status = LMTP_IO_CLOSED;
	}
	strbuf_reset(&io->output);
	return status;
}
