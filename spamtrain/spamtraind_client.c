#include "spamtrain/spamtraind_client.h"

#include "lib/endpoint.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000

int spamtraind_connect(const struct conf *conf, char **error_r)
{
	struct endpoint endpoint;
	int fd;

	if (endpoint_parse(conf_text(conf, P_SPAMTRAIND_LISTEN), &endpoint, error_r) < 0)
		return -1;
	fd = endpoint_connect(&endpoint, SOCK_SEQPACKET, CONNECT_TIMEOUT_MS, error_r);
	if (fd >= 0)
		endpoint_set_timeout(fd, SPAMTRAIND_CLIENT_TIMEOUT_S);
	return fd;
}

int spamtraind_ask_fd(int fd, const struct strbuf *request, int message, struct packet *reply_r,
		      int *content_r, char **error_r)
{
	int received;

	*content_r = -1;
	if (packet_send(fd, request, message) < 0) {
		*error_r = xasprintf("cannot ask spamtraind: %s", strerror(errno));
		return -1;
	}
	received = packet_receive(fd, reply_r, content_r, error_r);
	if (received == 0)
		*error_r = xstrdup("spamtraind closed the connection: only root, lda_user and "
				   "spamtraind_clients may ask it");
	return received > 0 ? 0 : -1;
}

int spamtraind_ask(int fd, const struct strbuf *request, int message, struct packet *reply_r,
		   char **error_r)
{
	int content, ret = spamtraind_ask_fd(fd, request, message, reply_r, &content, error_r);

	if (content >= 0)
		close(content);
	return ret;
}
