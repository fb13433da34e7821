/*
 * lmtp_content.h - the bytes of one message while they arrive: in memory as long as they are few,
 * then in a file without a name (O_TMPFILE), which the kernel removes when the process ends,
 * however it ends. Large messages are never whole in memory: the file is mapped for reading.
 */
#ifndef SHOVELER_LMTP_CONTENT_H
#define SHOVELER_LMTP_CONTENT_H

#include "span.h"
#include "strbuf.h"

#include <stdint.h>

#define LMTP_CONTENT_MEMORY_MAX (128 * 1024) /* bytes kept in memory */

struct lmtp_content {
	const char *directory; /* for the file; not copied */
	int fd;		       /* -1: all in memory */
	struct strbuf memory;  /* not yet written, or all of it */
	uint64_t size;	       /* bytes */
	void *map;	       /* NULL: none */
};

void lmtp_content_init(struct lmtp_content *content, const char *directory);
/* Gives back all memory and the file; the content is then empty and may be filled again. */
void lmtp_content_reset(struct lmtp_content *content);

/* Returns 0, or -1 with errno (ENOSPC, ...). */
int lmtp_content_append(struct lmtp_content *content, struct span bytes);

/* All bytes; valid until the reset. Returns 0, or -1 with errno. */
int lmtp_content_finish(struct lmtp_content *content, struct span *bytes_r);

#endif
