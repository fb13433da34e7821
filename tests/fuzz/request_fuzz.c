/*
 * libFuzzer: a request by spamtraind's local socket, and the token of a link. The first byte says
 * which request; the rest are its attributes. Each is answered once, in a packet that can be read;
 * what is passed is what the reply says; nothing is found of another user.
 */
#include "lib/action_link.h"
#include "spamtrain/daemon/spamtraind_request.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ALICE "alice@example.test"
#define MAIL  "From: Eve <eve@client.test>\r\nSubject: secret\r\nMessage-ID: <1@x>\r\n\r\nBuy\r\n"

static void (*const handlers[])(struct request *request) = {
	request_history,
	request_message,
	request_quarantine,
	request_quarantine_message,
	request_quarantine_delete,
	request_quarantine_flush,
	request_preferences,
	request_preference_set,
	request_preview,
	request_sender_trust,
	request_trusted,
	request_stats,
	request_forget,
	request_export,
	request_link_show,
	request_link_use,
};

static char *no_addresses[] = {NULL};
static struct spamtraind service = {
	.innocent_addresses = no_addresses,
	.link_secret = {16, "0123456789abcdef"},
	.link_seconds = 60,
	.quarantine_seconds = 86400,
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* A user who has a message, whom the requests do not name. */
static void set_up(void)
{
	static char folder[] = "/tmp/request-fuzz-XXXXXX";
	struct classifier_settings settings;
	struct classifier_message *message;
	struct classifier_verdict verdict;
	struct classifier *classifier = NULL;
	char *error = NULL;

	require(mkdtemp(folder) != NULL);
	classifier_settings_init(&settings);
	settings.users_directory = folder;
	settings.quick = true;
	service.site = classifier_site_create(&settings);
	require(classifier_open(service.site, ALICE, true, &classifier, &error) == CLASSIFIER_OK);
	message = classifier_message_read(SPAN_LITERAL(MAIL), sizeof(MAIL) - 1);
	require(classifier_process(classifier, message, NULL, &verdict, &error) == CLASSIFIER_OK);
	classifier_verdict_free(&verdict);
	classifier_message_free(&message);
	classifier_close(&classifier);
}

static void check_content(const struct packet *reply, int fd)
{
	const char *size = packet_get(reply, "size");
	struct stat st;

	require((fd >= 0) == (packet_get(reply, "content") != NULL));
	if (fd < 0)
		return;
	require(fstat(fd, &st) == 0 && size != NULL && strtoll(size, NULL, 10) == st.st_size);
	require(ftruncate(fd, 0) < 0);
	close(fd);
}

static void check_reply(const struct request *request)
{
	struct packet reply;
	char *error = NULL;
	const char *status;

	require(request->reply.size > 0 && request->reply.size <= PACKET_MAX_SIZE);
	require(packet_parse(&reply, strbuf_span(&request->reply), NULL, &error) == 0);
	status = packet_get(&reply, "status");
	require(status != NULL &&
		(strcmp(status, "ok") == 0 || packet_get(&reply, "outcome") != NULL));
	require(packet_get(&reply, "subject") == NULL);
	check_content(&reply, request->reply_fd);
	packet_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request = {.fd = -1, .service = &service, .reply_fd = -1};
	struct action_link link;
	struct packet packet;
	char *error = NULL;

	if (service.site == NULL)
		set_up();
	require(action_link_check(&link, &service.link_secret,
				  (struct span){(const char *)data, size},
				  0) == ACTION_LINK_INVALID);
	if (size < 2 || packet_parse(&packet, (struct span){(const char *)data + 1, size - 1}, NULL,
				     &error) < 0) {
		free(error);
		return 0;
	}
	request.packet = &packet;
	strbuf_append_text(&request.user, "bob@example.test");
	handlers[data[0] % (sizeof(handlers) / sizeof(handlers[0]))](&request);
	check_reply(&request);
	strbuf_free(&request.reply);
	strbuf_free(&request.user);
	packet_free(&packet);
	return 0;
}
