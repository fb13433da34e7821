#include "lmtp_content.h"

#include "file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

void lmtp_content_init(struct lmtp_content *content, const char *directory)
{
	*content = (struct lmtp_content){.directory = directory, .fd = -1};
}

void lmtp_content_reset(struct lmtp_content *content)
{
	if (content->map != NULL)
		munmap(content->map, (size_t)content->size);
	if (content->fd >= 0)
		close(content->fd);
	strbuf_free(&content->memory);
	lmtp_content_init(content, content->directory);
}

static int move_to_file(struct lmtp_content *content)
{
	if (content->fd < 0)
		content->fd = open(content->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (content->fd < 0 || file_write_all(content->fd, strbuf_span(&content->memory)) < 0)
		return -1;
	strbuf_reset(&content->memory);
	return 0;
}

int lmtp_content_append(struct lmtp_content *content, struct span bytes)
{
	if (content->memory.size + bytes.size > LMTP_CONTENT_MEMORY_MAX &&
	    move_to_file(content) < 0)
		return -1;
	strbuf_append_span(&content->memory, bytes);
	content->size += bytes.size;
	return 0;
}

int lmtp_content_finish(struct lmtp_content *content, struct span *bytes_r)
{
	void *map;

	if (content->fd < 0) {
		*bytes_r = strbuf_span(&content->memory);
		return 0;
	}
	if (move_to_file(content) < 0)
		return -1;
	strbuf_free(&content->memory);
	map = mmap(NULL, (size_t)content->size, PROT_READ, MAP_PRIVATE, content->fd, 0);
	if (map == MAP_FAILED)
		return -1;
	content->map = map;
	*bytes_r = (struct span){map, (size_t)content->size};
	return 0;
}
