/*
 * lmtp_io.h - buffered lines of a socket, for both ends of LMTP. Every wait ends at a deadline that
 * the caller sets, so a peer that sends a byte a minute does not hold a session longer than one
 * that is silent.
 */
#ifndef SHOVELER_LMTP_IO_H
#define SHOVELER_LMTP_IO_H

#include "span.h"
#include "strbuf.h"

#include <stdint.h>

#define LMTP_IO_INPUT_SIZE  16384 /* bytes; at least the longest line that is asked for */
#define LMTP_IO_OUTPUT_SIZE 65536 /* bytes kept back before they are sent */

enum lmtp_io_status {
	LMTP_IO_OK,
	LMTP_IO_CLOSED,	  /* end of file, or the connection broke */
	LMTP_IO_TIMEOUT,  /* the deadline passed */
	LMTP_IO_TOO_LONG, /* the line was longer than max and was thrown away; the next one follows
			   */
};

struct lmtp_io {
	int fd;		     /* the caller's */
	int64_t deadline_ms; /* on the clock of clock_ms() */
	size_t start, end;   /* what was read and not yet taken */
	struct strbuf output;
	char input[LMTP_IO_INPUT_SIZE];
};

void lmtp_io_init(struct lmtp_io *io, int fd);
void lmtp_io_free(struct lmtp_io *io);

void lmtp_io_set_timeout(struct lmtp_io *io, int timeout_ms);

/* Bytes that were read and not yet taken; valid until the next read. */
struct span lmtp_io_pending(const struct lmtp_io *io);
void lmtp_io_take(struct lmtp_io *io, size_t size);
/* Reads more bytes behind those pending; there must be room. */
enum lmtp_io_status lmtp_io_read(struct lmtp_io *io);

/*
 * The next line without its line end (LF, or CRLF); it points into the buffer and is valid until
 * the next read. max: bytes with the line end, at most LMTP_IO_INPUT_SIZE.
 */
enum lmtp_io_status lmtp_io_read_line(struct lmtp_io *io, size_t max, struct span *line_r);

/* Appends to the output; sends it once there is much of it. */
enum lmtp_io_status lmtp_io_write(struct lmtp_io *io, struct span bytes);
enum lmtp_io_status lmtp_io_flush(struct lmtp_io *io);

#endif
