#include "packet.h"

#include "endpoint.h"
#include "strbuf.h"
#include "xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void packet_put_span(struct strbuf *out, const char *name, struct span value)
{
	strbuf_append_text(out, name);
	strbuf_append_char(out, '=');
	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if (c < ' ' || c == 0x7f || c == '%')
			strbuf_printf(out, "%%%02X", c);
		else
			strbuf_append_char(out, (char)c);
	}
	strbuf_append_char(out, '\n');
}

void packet_put(struct strbuf *out, const char *name, const char *value)
{
	packet_put_span(out, name, span_of(value));
}

/* In place. Returns false for a bad escape or an escaped NUL. */
static bool unescape(char *text)
{
	char *out = text;

	for (; *text != '\0'; text++) {
		int high, low;

		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		high = span_hex_digit(text[1]);
		low = high < 0 ? -1 : span_hex_digit(text[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high * 16 + low);
		text += 2;
	}
	*out = '\0';
	return true;
}

static const char *take_attribute(struct packet *packet, char *line)
{
	char *equals = strchr(line, '=');

	if (equals == NULL || equals == line)
		return "an attribute is not name=value";
	*equals = '\0';
	if (packet_get(packet, line) != NULL)
		return "an attribute is named twice";
	if (packet->count == PACKET_MAX_ATTRIBUTES)
		return "too many attributes";
	if (!unescape(equals + 1))
		return "a value has a bad escape";
	packet->attributes[packet->count].name = line;
	packet->attributes[packet->count].value = equals + 1;
	packet->count++;
	return NULL;
}

int packet_parse(struct packet *packet, struct span text, size_t *size_r, char **error_r)
{
	struct span rest = span_first(text, PACKET_MAX_SIZE);
	const char *problem = NULL;
	char *line;

	*packet = (struct packet){0};
	if (rest.size == 0 || memchr(rest.data, '\n', rest.size) == NULL) {
		*error_r = xstrdup("no attributes");
		return -1;
	}
	line = packet->text = xmalloc(rest.size + 1);
	memcpy(line, rest.data, rest.size);
	line[rest.size] = '\0';
	while (*line != '\0' && *line != '\n' && problem == NULL) {
		char *newline = strchr(line, '\n');

		if (newline == NULL) {
			problem = "the last line is cut off";
			break;
		}
		*newline = '\0';
		problem = take_attribute(packet, line);
		line = newline + 1;
	}
	if (problem != NULL) {
		*error_r = xstrdup(problem);
		packet_free(packet);
		return -1;
	}
	if (size_r != NULL)
		*size_r = (size_t)(line - packet->text) + (*line == '\n');
	return 0;
}

void packet_free(struct packet *packet)
{
	free(packet->text);
	*packet = (struct packet){0};
}

const char *packet_get(const struct packet *packet, const char *name)
{
	for (size_t i = 0; i < packet->count; i++) {
		if (strcmp(packet->attributes[i].name, name) == 0)
			return packet->attributes[i].value;
	}
	return NULL;
}

const char *packet_text(const struct packet *packet, const char *name)
{
	const char *value = packet_get(packet, name);

	return value != NULL ? value : "";
}

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int packet_send(int socket, const struct strbuf *attributes, int fd)
{
	struct iovec data = {attributes->data, attributes->size};
	union control control = {.space = {0}};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (attributes->size == 0 || attributes->size > PACKET_MAX_SIZE) {
		errno = EMSGSIZE;
		return -1;
	}
	if (fd >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	for (;;) {
		if (sendmsg(socket, &message, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

/* The first descriptor that came along; the kernel already dropped those beyond the buffer. */
static int passed_descriptor(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd;

	if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len < CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

int packet_receive(int socket, struct packet *packet, int *fd_r, char **error_r)
{
	struct strbuf text = STRBUF_INIT;
	union control control;
	struct iovec data;
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control.space,
				 .msg_controllen = sizeof(control.space)};
	ssize_t size;
	int ret = 1;

	strbuf_reserve(&text, PACKET_MAX_SIZE);
	data = (struct iovec){text.data, PACKET_MAX_SIZE};
	do
		size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	*fd_r = size < 0 ? -1 : passed_descriptor(&message);
	if (size < 0) {
		*error_r = xasprintf("cannot receive: %s", strerror(errno));
		ret = -1;
	} else if (size == 0) {
		ret = 0;
	} else if (message.msg_flags & MSG_TRUNC) {
		*error_r = xstrdup("packet too large");
		ret = -1;
	} else if (packet_parse(packet, (struct span){text.data, (size_t)size}, NULL, error_r) <
		   0) {
		ret = -1;
	}
	if (ret != 1 && *fd_r >= 0) {
		close(*fd_r);
		*fd_r = -1;
	}
	strbuf_free(&text);
	return ret;
}

int packet_connect(const char *address, int connect_ms, int timeout_s, char **error_r)
{
	struct endpoint endpoint;
	int fd;

	if (endpoint_parse(address, &endpoint, error_r) < 0)
		return -1;
	fd = endpoint_connect(&endpoint, SOCK_SEQPACKET, connect_ms, error_r);
	if (fd >= 0)
		endpoint_set_timeout(fd, timeout_s);
	return fd;
}

int packet_ask(int socket, const struct strbuf *request, int fd, struct packet *reply, int *fd_r,
	       char **error_r)
{
	int passed = -1, ret;

	if (fd_r != NULL)
		*fd_r = -1;
	if (packet_send(socket, request, fd) < 0) {
		*error_r = xasprintf("cannot send: %s", strerror(errno));
		return -1;
	}
	ret = packet_receive(socket, reply, &passed, error_r);
	if (fd_r != NULL)
		*fd_r = passed;
	else if (passed >= 0)
		close(passed);
	return ret;
}
