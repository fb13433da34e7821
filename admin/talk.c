#include "talk.h"

#include "lib/endpoint.h"
#include "lib/file.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int talk_open(struct talk *talk, const char *address, char **error_r)
{
	struct endpoint endpoint;

	talk->size = 0;
	talk->fd = -1;
	if (endpoint_parse(address, &endpoint, error_r) < 0)
		return -1;
	talk->fd = endpoint_connect(&endpoint, SOCK_STREAM, TALK_TIMEOUT_S * 1000, error_r);
	if (talk->fd < 0)
		return -1;
	endpoint_set_timeout(talk->fd, TALK_TIMEOUT_S);
	return 0;
}

void talk_close(struct talk *talk)
{
	if (talk->fd >= 0)
		close(talk->fd);
	talk->fd = -1;
}

static int receive(struct talk *talk, char **error_r)
{
	ssize_t size;

	if (talk->size == sizeof(talk->buffer)) {
		*error_r = xstrdup("a line that is too long");
		return -1;
	}
	do
		size = recv(talk->fd, talk->buffer + talk->size, sizeof(talk->buffer) - talk->size,
			    0);
	while (size < 0 && errno == EINTR);
	if (size <= 0) {
		*error_r = size == 0 ? xstrdup("the server hung up")
				     : xasprintf("no answer within %d s", TALK_TIMEOUT_S);
		return -1;
	}
	talk->size += (size_t)size;
	return 0;
}

int talk_read(struct talk *talk, char *line, char **error_r)
{
	const char *end;
	size_t size, text;

	while ((end = talk->size > 0 ? memchr(talk->buffer, '\n', talk->size) : NULL) == NULL) {
		if (receive(talk, error_r) < 0)
			return -1;
	}
	size = (size_t)(end - talk->buffer) + 1;
	text = size - 1;
	if (text > 0 && talk->buffer[text - 1] == '\r')
		text--;
	memcpy(line, talk->buffer, text);
	line[text] = '\0';
	talk->size -= size;
	memmove(talk->buffer, talk->buffer + size, talk->size);
	return 0;
}

int talk_write(struct talk *talk, struct span bytes, char **error_r)
{
	if (file_write_all(talk->fd, bytes) == 0)
		return 0;
	*error_r = xasprintf("cannot send: %s", strerror(errno));
	return -1;
}

int talk_smtp(struct talk *talk, const char *command, char *last_line, char **error_r)
{
	char *line;
	int ret = 0;

	if (command != NULL) {
		line = xasprintf("%s\r\n", command);
		ret = talk_write(talk, span_of(line), error_r);
		free(line);
	}
	while (ret == 0) {
		ret = talk_read(talk, last_line, error_r);
		if (ret == 0 && (strlen(last_line) < 3 || last_line[3] != '-'))
			return atoi(last_line);
	}
	return -1;
}
