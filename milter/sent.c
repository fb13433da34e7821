#include "sent.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

METRIC_COUNTER(told, "shoveler_milter_sent_total{result=\"told\"}",
	       "Messages of users whose recipients were told to spamtraind");
METRIC_COUNTER(lost, "shoveler_milter_sent_total{result=\"lost\"}",
	       "Messages of users whose recipients were told to spamtraind");

/* Returns 0, or -1 and *error_r. A refusal is an answer: own address only, or no such user. */
static int ask(int connection, const char *login, const char *recipients, char **error_r)
{
	struct strbuf request = STRBUF_INIT;
	struct packet reply;
	int ret;

	packet_put(&request, "request", "sent");
	packet_put(&request, "user", login);
	packet_put(&request, "recipients", recipients);
	ret = packet_ask(connection, &request, -1, &reply, NULL, error_r);
	strbuf_free(&request);
	if (ret == 1)
		packet_free(&reply);
	if (ret == 0)
		*error_r = xstrdup("the connection was closed");
	return ret == 1 ? 0 : -1;
}

void sent_tell(const struct endpoint *service, const char *queue_id, const char *login,
	       const char *recipients)
{
	char *error = NULL;
	int connection = endpoint_connect(service, SOCK_SEQPACKET, SENT_TIMEOUT_MS, &error);
	int ret = -1;

	if (connection >= 0) {
		endpoint_set_timeout(connection, SENT_TIMEOUT_MS / 1000);
		ret = ask(connection, login, recipients, &error);
		close(connection);
	}
	metric_add(ret == 0 ? &told : &lost, 1);
	if (ret < 0)
		msg_warn("%s: the recipients of %s are not noted: %s", queue_id, login,
			 error != NULL ? error : "unknown error");
	free(error);
}
