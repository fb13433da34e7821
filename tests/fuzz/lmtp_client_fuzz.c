/*
 * libFuzzer: all that a server answers our LMTP client, at once; then it hangs up. What came of the
 * message is said, with a reply that can be given to our own client.
 */
#include "lib/lmtp_client.h"
#include "lib/strbuf.h"
#include "tests/fuzz/utf8.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct strbuf answers; /* set before a connection is made */

static void answer(int fd, struct strbuf *copy)
{
	struct span rest;

	pthread_mutex_lock(&lock);
	strbuf_reset(copy);
	strbuf_append_span(copy, strbuf_span(&answers));
	pthread_mutex_unlock(&lock);
	for (rest = strbuf_span(copy); rest.size > 0;) {
		ssize_t n = send(fd, rest.data, rest.size, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		rest = span_from(rest, (size_t)n);
	}
}

static void *serve(void *context)
{
	int listening = *(int *)context;
	struct strbuf copy = STRBUF_INIT;
	char ignored[4096];

	for (;;) {
		int fd = accept(listening, NULL, NULL);

		if (fd < 0)
			continue;
		answer(fd, &copy);
		shutdown(fd, SHUT_WR);
		while (recv(fd, ignored, sizeof(ignored), 0) > 0)
			continue;
		close(fd);
	}
	return NULL;
}

static const struct endpoint *server(void)
{
	static struct endpoint endpoint = {.is_unix = true};
	static pthread_t thread;
	static int listening;
	char *error = NULL;

	if (listening > 0)
		return &endpoint;
	snprintf(endpoint.path, sizeof(endpoint.path), "/dev/shm/shoveler-fuzz.%d", (int)getpid());
	listening = endpoint_listen(&endpoint, SOCK_STREAM, 0600, &error);
	require(listening > 0 && pthread_create(&thread, NULL, serve, &listening) == 0);
	return &endpoint;
}

struct text {
	struct span_source source;
	bool taken;
};

static bool text_next(struct span_source *source, struct span *piece_r)
{
	struct text *text = (struct text *)source;

	*piece_r = SPAN_LITERAL("Subject: x\r\n\r\n.text\r\n");
	return !text->taken && (text->taken = true);
}

static void check(enum lmtp_result result, const struct lmtp_reply *reply)
{
	require(reply->code >= 200 && reply->code <= 599 && strlen(reply->text) < LMTP_REPLY_MAX);
	require((result == LMTP_ACCEPTED) == (reply->code / 100 == 2));
	for (const char *p = reply->text; *p != '\0'; p++)
		require(*p >= ' ' && *p < 127);
}

/* Is there one that was accepted? */
static bool check_all(const struct lmtp_destination *to, size_t count)
{
	bool accepted = false;

	for (size_t i = 0; i < count; i++) {
		check(to[i].result, to[i].reply);
		accepted = accepted || to[i].result == LMTP_ACCEPTED;
	}
	return accepted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct lmtp_envelope envelope = {"a@b.test", "SIZE=5 BODY=8BITMIME"};
	const struct endpoint *endpoint = server();
	struct lmtp_client *client = NULL;
	struct lmtp_reply replies[3] = {0};
	struct lmtp_destination to[3] = {
		{.address = "c@d.test", .parameters = "", .reply = &replies[0]},
		{.address = "e@d.test", .parameters = "", .reply = &replies[1]},
		{.address = "f@d.test", .parameters = "NOTIFY=NEVER", .reply = &replies[2]}};
	struct text text = {{text_next}, false};

	pthread_mutex_lock(&lock);
	strbuf_reset(&answers);
	strbuf_append(&answers, data, size);
	pthread_mutex_unlock(&lock);
	struct lmtp_pool *pool = lmtp_pool_new(endpoint, "fuzz.test", 2);
	lmtp_client_begin(pool, &envelope, to, 3, &client);
	require((client != NULL) == check_all(to, 3));
	if (client != NULL) {
		lmtp_client_send(&client, &text.source);
		require(client == NULL);
		check_all(to, 3);
	}
	lmtp_pool_free(&pool);
	return 0;
}
