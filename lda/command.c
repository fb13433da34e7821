#include "lda/command.h"

#include "lda/account.h"
#include "lda/judge.h"
#include "lda/site.h"
#include "lib/address.h"
#include "lib/clock.h"
#include "lib/lmtp_content.h"
#include "lib/msg.h"
#include "lib/packet.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define READ_SIZE 65536

/* One message, from request=deliver to request=done. */
struct command {
	struct site *site;
	struct lmtp_content content;
	struct lmtp_transaction transaction;
	struct lmtp_recipient recipient;
	struct delivery delivery;
	bool known;   /* Dovecot knows the user, says the peer */
	bool pending; /* judged; the delivery command runs */
};

static bool peer_may_ask(int fd, const struct site *site)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid() || peer.uid == site->mail_uid)
		return true;
	msg_warn("refused a connection of uid %u, pid %d: it is not mail_user", (unsigned)peer.uid,
		 (int)peer.pid);
	return false;
}

static void put_refusal(struct strbuf *reply, const char *status, const char *reason)
{
	packet_put(reply, "status", status);
	packet_put(reply, "reason", reason);
}

/* ---- the message ---- */

/*
 * Copied: what the peer does to his file meanwhile is then his trouble. Returns 0, or -1 with
 * errno.
 */
static int copy_file(int fd, struct lmtp_content *content, uint64_t size_max)
{
	char *buffer = xmalloc(READ_SIZE);
	ssize_t size = 1;

	while (size > 0) {
		size = pread(fd, buffer, READ_SIZE, (off_t)content->size);
		if (size > 0 && size_max > 0 && content->size + (uint64_t)size > size_max) {
			errno = EFBIG;
			size = -1;
		}
		if (size > 0 &&
		    lmtp_content_append(content, (struct span){buffer, (size_t)size}) < 0)
			size = -1;
	}
	free(buffer);
	return (int)size;
}

/* False when it is refused or put off, as reply says then. */
static bool read_message(struct command *command, int fd, struct strbuf *reply)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		put_refusal(reply, "refused", "5.3.0 No message came with the request");
		return false;
	}
	if (copy_file(fd, &command->content, command->site->lmtp.size_max) == 0 &&
	    lmtp_content_finish(&command->content, &command->transaction.content) == 0)
		return true;
	if (errno == EFBIG) {
		put_refusal(reply, "refused", "5.3.4 Message is too large");
		return false;
	}
	msg_error("cannot spool a message in %s: %s", command->content.directory, strerror(errno));
	put_refusal(reply, "deferred", "4.3.1 Cannot spool the message");
	return false;
}

/* ---- the verdict ---- */

static void begin(struct command *command, struct site *site, const struct packet *packet)
{
	*command = (struct command){
		.site = site,
		.transaction = {.sender = xstrdup(packet_text(packet, "sender")),
				.sender_parameters = xstrdup(""),
				.count = 1},
		.recipient = {.address = xstrdup(packet_text(packet, "recipient")),
			      .parameters = xstrdup(""),
			      .reply = {451, "4.3.0 Not delivered"}},
		.known = strcmp(packet_text(packet, "known"), "yes") == 0,
	};
	lmtp_content_init(&command->content, site->temporary_directory);
}

static void end(struct command *command)
{
	delivery_handler.reset(command->site, &command->transaction);
	free(command->transaction.sender);
	free(command->transaction.sender_parameters);
	free(command->recipient.address);
	free(command->recipient.parameters);
	lmtp_content_reset(&command->content);
	*command = (struct command){0};
}

/* The reply is known. */
static void finish(struct command *command)
{
	account_delivery(&command->delivery);
	delivery_settle(&command->delivery);
	end(command);
}

/* Nobody gets a store, or mail put into one, of whom only a stranger says that he exists. */
static bool has_store(struct command *command)
{
	struct classifier *classifier = NULL;
	char *error = NULL;
	bool found;

	/* What is wrong with it is judge()'s to say. */
	found = classifier_open(command->site->classifiers, strbuf_text(&command->delivery.user),
				false, &classifier, &error) != CLASSIFIER_OK ||
		classifier != NULL;
	classifier_close(&classifier);
	free(error);
	return found;
}

static void put_verdict(struct command *command, struct strbuf *reply)
{
	struct delivery *delivery = &command->delivery;

	packet_put(reply, "status", "ok");
	packet_put(reply, "action", account_action(delivery->action));
	packet_put_span(reply, "fields", strbuf_span(&delivery->own));
	if (delivery->action == ACTION_TAG)
		packet_put(reply, "tag", delivery->tag);
	command->pending = true;
}

/* Judged, and nothing is left for the delivery command to do. */
static void conclude(struct command *command, struct strbuf *reply)
{
	if (command->recipient.reply.code < 300) {
		packet_put(reply, "status", "ok");
		packet_put(reply, "action", account_action(command->delivery.action));
		packet_put(reply, "reason", command->recipient.reply.text);
	} else {
		put_refusal(reply, "deferred", command->recipient.reply.text);
	}
	finish(command);
}

static void judge_message(struct command *command, struct strbuf *reply)
{
	struct delivery *delivery = &command->delivery;

	delivery_init(delivery, command->site, &command->transaction, &command->recipient);
	delivery->relay = "command";
	if (!command->known && delivery->user.size > 0 && !has_store(command)) {
		packet_put(reply, "status", "ask");
	} else if (!delivery_judge(delivery)) {
		conclude(command, reply);
		return;
	} else if (delivery->action != ACTION_QUARANTINE) {
		put_verdict(command, reply);
		return;
	} else if (command->known) {
		judge_quarantine(delivery, strbuf_span(&delivery->own));
		conclude(command, reply);
		return;
	} else {
		packet_put(reply, "status", "ask");
	}
	delivery_free(delivery);
	end(command);
}

static void request_deliver(struct command *command, struct site *site, const struct packet *packet,
			    int fd, struct strbuf *reply)
{
	if (command->pending) {
		put_refusal(reply, "refused", "5.5.1 One message a connection");
		return;
	}
	begin(command, site, packet);
	if (!read_message(command, fd, reply)) {
		end(command);
		return;
	}
	delivery_handler.data(site, &command->transaction);
	judge_message(command, reply);
}

/* ---- afterwards ---- */

static void set_reply(struct lmtp_reply *reply, int code)
{
	switch (code) {
	case EX_OK:
		lmtp_reply_set(reply, 250, "2.0.0 Delivered");
		break;
	case EX_TEMPFAIL:
	case EX_OSERR:
		lmtp_reply_set(reply, 451, "4.3.0 The delivery command ended with %d", code);
		break;
	default:
		lmtp_reply_set(reply, 550, "5.3.0 The delivery command ended with %d", code);
		break;
	}
}

static void request_done(struct command *command, const struct packet *packet, struct strbuf *reply)
{
	if (!command->pending) {
		put_refusal(reply, "refused", "5.5.1 There is no message");
		return;
	}
	set_reply(&command->recipient.reply, atoi(packet_text(packet, "code")));
	packet_put(reply, "status", "ok");
	finish(command);
}

static void handle(struct command *command, struct site *site, const struct packet *packet, int fd,
		   struct strbuf *reply)
{
	const char *request = packet_text(packet, "request");

	if (strcmp(request, "deliver") == 0)
		request_deliver(command, site, packet, fd, reply);
	else if (strcmp(request, "done") == 0)
		request_done(command, packet, reply);
	else
		put_refusal(reply, "refused", "5.5.2 There is no such request");
}

void command_session(int fd, struct site *site)
{
	struct command command = {0};
	struct strbuf reply = STRBUF_INIT;
	bool goes_on = peer_may_ask(fd, site);
	char *error = NULL;
	struct packet packet;
	int message;

	while (goes_on && packet_receive(fd, &packet, &message, &error) > 0) {
		strbuf_reset(&reply);
		handle(&command, site, &packet, message, &reply);
		if (message >= 0)
			close(message);
		packet_free(&packet);
		goes_on = packet_send(fd, &reply, -1) == 0;
	}
	if (command.pending) {
		lmtp_reply_set(&command.recipient.reply, 451, "4.3.0 The command did not end");
		finish(&command);
	}
	if (error != NULL)
		msg_debug("delivery by command: %s", error);
	free(error);
	strbuf_free(&reply);
}
