#include "spamtrain/daemon/spamtraind_client.h"

#include "lib/xalloc.h"

#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000

int spamtraind_connect(const struct conf *conf, char **error_r)
{
	return packet_connect(conf_text(conf, P_SPAMTRAIND_LISTEN), CONNECT_TIMEOUT_MS,
			      SPAMTRAIND_CLIENT_TIMEOUT_S, error_r);
}

int spamtraind_ask_fd(int fd, const struct strbuf *request, int message, struct packet *reply_r,
		      int *content_r, char **error_r)
{
	int received = packet_ask(fd, request, message, reply_r, content_r, error_r);

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
