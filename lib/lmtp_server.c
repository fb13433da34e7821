#include "lmtp_server.h"

#include "clock.h"
#include "lmtp_command.h"
#include "lmtp_content.h"
#include "lmtp_dot.h"
#include "lmtp_io.h"
#include "msg.h"
#include "server.h"
#include "xalloc.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define RECIPIENTS_STEP 8

enum phase {
	PHASE_NEW,   /* no LHLO yet */
	PHASE_READY, /* no transaction */
	PHASE_MAIL,  /* MAIL was accepted */
	PHASE_END,   /* the session is over */
};

struct session {
	const struct lmtp_server_settings *settings;
	struct lmtp_io io;
	enum phase phase;
	unsigned errors, junk;
	bool between; /* a message is done, and nothing was said since */
	struct lmtp_transaction transaction;
	struct lmtp_content content;
};

/* ---- replies ---- */

static void check_io(struct session *session, enum lmtp_io_status status)
{
	if (status != LMTP_IO_OK)
		session->phase = PHASE_END;
}

static void send_text(struct session *session, const char *text)
{
	lmtp_io_set_timeout(&session->io, session->settings->timeout_s * 1000);
	check_io(session, lmtp_io_write(&session->io, span_of(text)));
}

static void send_flush(struct session *session)
{
	lmtp_io_set_timeout(&session->io, session->settings->timeout_s * 1000);
	check_io(session, lmtp_io_flush(&session->io));
}

static void send_reply(struct session *session, const struct lmtp_reply *reply)
{
	char line[LMTP_REPLY_MAX + 16];

	snprintf(line, sizeof(line), "%d %s\r\n", reply->code, reply->text);
	send_text(session, line);
}

/* Refuses a command; too many of these end the session. */
static void refuse(struct session *session, const char *text)
{
	send_text(session, text);
	if (++session->errors >= LMTP_ERRORS_MAX) {
		send_text(session, "421 4.7.0 Too many errors\r\n");
		session->phase = PHASE_END;
	}
}

static void answer_junk(struct session *session, const char *text)
{
	if (++session->junk > LMTP_JUNK_MAX) {
		send_text(session, "421 4.7.0 Too many commands without a message\r\n");
		session->phase = PHASE_END;
		return;
	}
	send_text(session, text);
}

/* ---- the transaction ---- */

static void end_transaction(struct session *session)
{
	struct lmtp_transaction *transaction = &session->transaction;
	const struct lmtp_handler *handler = &session->settings->handler;

	if (transaction->sender != NULL && handler->reset != NULL)
		handler->reset(handler->context, transaction);
	for (size_t i = 0; i < transaction->count; i++) {
		free(transaction->recipients[i].address);
		free(transaction->recipients[i].parameters);
	}
	free(transaction->recipients);
	free(transaction->sender);
	free(transaction->sender_parameters);
	*transaction = (struct lmtp_transaction){0};
	lmtp_content_reset(&session->content);
	if (session->phase == PHASE_MAIL)
		session->phase = PHASE_READY;
}

static void command_lhlo(struct session *session)
{
	char text[512];

	end_transaction(session);
	session->phase = PHASE_READY;
	snprintf(text, sizeof(text),
		 "250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
		 "250-ENHANCEDSTATUSCODES\r\n250 SIZE %" PRIu64 "\r\n",
		 session->settings->hostname, session->settings->size_max);
	answer_junk(session, text);
}

/* The declared size in bytes, 0 if there is none; false if it is malformed. */
static bool declared_size(struct span parameters, uint64_t *size_r)
{
	struct span value;

	*size_r = 0;
	if (!lmtp_parameter(parameters, "SIZE", &value))
		return true;
	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] < '0' || value.data[i] > '9' || i >= 18)
			return false;
		*size_r = *size_r * 10 + (uint64_t)(value.data[i] - '0');
	}
	return value.size > 0;
}

static void begin_transaction(struct session *session, const struct lmtp_command *command)
{
	struct lmtp_transaction *transaction = &session->transaction;
	const struct lmtp_handler *handler = &session->settings->handler;
	struct lmtp_reply reply = {250, "2.1.0 Ok"};

	transaction->sender = xstrndup(command->address.data, command->address.size);
	transaction->sender_parameters =
		xstrndup(command->parameters.data, command->parameters.size);
	session->phase = PHASE_MAIL;
	if (handler->mail != NULL)
		handler->mail(handler->context, transaction, &reply);
	if (reply.code >= 400)
		end_transaction(session);
	send_reply(session, &reply);
}

static void command_mail(struct session *session, const struct lmtp_command *command)
{
	uint64_t size, size_max = session->settings->size_max;

	if (session->phase == PHASE_NEW)
		refuse(session, "503 5.5.1 Send LHLO first\r\n");
	else if (session->phase == PHASE_MAIL)
		refuse(session, "503 5.5.1 Nested MAIL command\r\n");
	else if (!declared_size(command->parameters, &size))
		refuse(session, "501 5.5.4 Malformed SIZE\r\n");
	else if (size_max > 0 && size > size_max)
		refuse(session, "552 5.3.4 Message is too large\r\n");
	else
		begin_transaction(session, command);
}

static struct lmtp_recipient *add_recipient(struct lmtp_transaction *transaction,
					    const struct lmtp_command *command)
{
	struct lmtp_recipient *recipient;

	if (transaction->count % RECIPIENTS_STEP == 0)
		transaction->recipients =
			xrealloc(transaction->recipients, (transaction->count + RECIPIENTS_STEP) *
								  sizeof(*transaction->recipients));
	recipient = &transaction->recipients[transaction->count++];
	*recipient = (struct lmtp_recipient){
		.address = xstrndup(command->address.data, command->address.size),
		.parameters = xstrndup(command->parameters.data, command->parameters.size),
		.reply = {451, "4.3.0 Not delivered"},
	};
	return recipient;
}

static void command_rcpt(struct session *session, const struct lmtp_command *command)
{
	struct lmtp_transaction *transaction = &session->transaction;
	const struct lmtp_handler *handler = &session->settings->handler;
	struct lmtp_reply reply = {250, "2.1.5 Ok"};
	struct lmtp_recipient *recipient;

	if (session->phase != PHASE_MAIL) {
		refuse(session, "503 5.5.1 Send MAIL first\r\n");
		return;
	}
	if (command->address.size == 0) {
		refuse(session, "501 5.1.3 Empty recipient\r\n");
		return;
	}
	if (transaction->count >= LMTP_RECIPIENTS_MAX) {
		refuse(session, "452 4.5.3 Too many recipients\r\n");
		return;
	}
	recipient = add_recipient(transaction, command);
	if (handler->rcpt != NULL)
		handler->rcpt(handler->context, transaction, recipient, &reply);
	if (reply.code >= 400) {
		free(recipient->address);
		free(recipient->parameters);
		transaction->count--;
	}
	send_reply(session, &reply);
}

/* ---- DATA ---- */

/* Appends what is pending; problem_r stays NULL while all is well. */
static void take_content(struct session *session, enum lmtp_dot_state *state,
			 const char **problem_r)
{
	struct span pending = lmtp_io_pending(&session->io), input = pending, piece;
	uint64_t size_max = session->settings->size_max;

	while (lmtp_dot_decode(state, &input, &piece)) {
		if (*problem_r != NULL || piece.size == 0)
			continue;
		if (size_max > 0 && session->content.size + piece.size > size_max) {
			*problem_r = "552 5.3.4 Message is too large\r\n";
		} else if (lmtp_content_append(&session->content, piece) < 0) {
			msg_error("cannot spool a message in %s: %s", session->content.directory,
				  strerror(errno));
			*problem_r = "452 4.3.1 Cannot spool the message\r\n";
		}
		if (*problem_r != NULL)
			lmtp_content_reset(&session->content);
	}
	lmtp_io_take(&session->io, pending.size - input.size);
}

/* Reads the content to its end; false when the connection is lost or too slow. */
static bool read_content(struct session *session, const char **problem_r)
{
	int64_t end_ms = clock_ms() + (int64_t)LMTP_DATA_SECONDS * 1000;
	enum lmtp_dot_state state = LMTP_DOT_LINE_START;
	enum lmtp_io_status status;

	for (;;) {
		lmtp_io_set_timeout(&session->io, session->settings->timeout_s * 1000);
		if (session->io.deadline_ms > end_ms)
			session->io.deadline_ms = end_ms;
		status = lmtp_io_read(&session->io);
		if (status != LMTP_IO_OK)
			return false;
		take_content(session, &state, problem_r);
		if (state == LMTP_DOT_END)
			return true;
	}
}

static bool client_is_gone(const struct session *session)
{
	struct pollfd peer = {.fd = session->io.fd, .events = 0};

	return poll(&peer, 1, 0) > 0 && (peer.revents & (POLLHUP | POLLERR)) != 0;
}

/* Delivers to the recipients that come together, and answers. */
static void deliver_some(struct session *session, struct lmtp_recipient *recipients, size_t count)
{
	struct lmtp_transaction *transaction = &session->transaction;
	const struct lmtp_handler *handler = &session->settings->handler;

	handler->deliver(handler->context, transaction, recipients, count);
	for (size_t i = 0; i < count && session->phase != PHASE_END; i++)
		send_reply(session, &recipients[i].reply);
	if (session->phase != PHASE_END)
		send_flush(session);
	if (handler->settled != NULL)
		handler->settled(handler->context, transaction, recipients, count);
}

static void deliver_all(struct session *session)
{
	struct lmtp_transaction *transaction = &session->transaction;
	const struct lmtp_handler *handler = &session->settings->handler;
	size_t together = session->settings->together, count;

	if (handler->data != NULL)
		handler->data(handler->context, transaction);
	for (size_t i = 0; i < transaction->count && session->phase != PHASE_END; i += count) {
		if (client_is_gone(session)) {
			session->phase = PHASE_END;
			break;
		}
		count = transaction->count - i;
		if (count > together)
			count = together > 0 ? together : 1;
		deliver_some(session, &transaction->recipients[i], count);
	}
}

static void finish_content(struct session *session, const char *problem)
{
	if (problem == NULL &&
	    lmtp_content_finish(&session->content, &session->transaction.content) < 0) {
		msg_error("cannot spool a message in %s: %s", session->content.directory,
			  strerror(errno));
		problem = "452 4.3.1 Cannot spool the message\r\n";
	}
	if (problem == NULL) {
		deliver_all(session);
		return;
	}
	for (size_t i = 0; i < session->transaction.count; i++)
		send_text(session, problem);
}

static void command_data(struct session *session)
{
	const char *problem = NULL;

	if (session->phase == PHASE_MAIL && lmtp_io_pending(&session->io).size > 0) {
		send_text(session, "421 4.7.0 Content was sent before it was asked for\r\n");
		session->phase = PHASE_END;
		return;
	}
	if (session->phase != PHASE_MAIL || session->transaction.count == 0) {
		refuse(session, "503 5.5.1 No valid recipients\r\n");
		return;
	}
	send_text(session, "354 End with <CR><LF>.<CR><LF>\r\n");
	send_flush(session);
	if (session->phase == PHASE_END || !read_content(session, &problem)) {
		session->phase = PHASE_END;
		return;
	}
	finish_content(session, problem);
	session->junk = 0;
	session->between = true;
	end_transaction(session);
}

/* ---- the session ---- */

static void run_command(struct session *session, const struct lmtp_command *command)
{
	switch (command->verb) {
	case LMTP_LHLO:
		command_lhlo(session);
		break;
	case LMTP_MAIL:
		command_mail(session, command);
		break;
	case LMTP_RCPT:
		command_rcpt(session, command);
		break;
	case LMTP_DATA:
		command_data(session);
		break;
	case LMTP_RSET:
		end_transaction(session);
		answer_junk(session, "250 2.0.0 Ok\r\n");
		break;
	case LMTP_NOOP:
		answer_junk(session, "250 2.0.0 Ok\r\n");
		break;
	case LMTP_VRFY:
		answer_junk(session, "252 2.5.2 Send some mail, I will try\r\n");
		break;
	case LMTP_QUIT:
		send_text(session, "221 2.0.0 Bye\r\n");
		session->phase = PHASE_END;
		break;
	case LMTP_HELO:
		refuse(session, "500 5.5.1 This is LMTP: send LHLO\r\n");
		break;
	case LMTP_UNKNOWN:
		refuse(session, "500 5.5.2 Unknown command\r\n");
		break;
	}
}

static void handle_line(struct session *session, struct span line)
{
	struct lmtp_command command;
	char text[128];
	const char *problem = lmtp_command_parse(line, &command);

	if (problem == NULL) {
		run_command(session, &command);
		return;
	}
	snprintf(text, sizeof(text), "501 5.5.4 Syntax: %s\r\n", problem);
	refuse(session, text);
}

/*
 * Postfix asks by RSET whether a session still lives before it uses it again: after a message it
 * can be ended. After that RSET, as after LHLO, a message comes.
 */
static enum server_moment moment_of(const struct session *session)
{
	if (session->phase == PHASE_MAIL)
		return SERVER_IN_WORK;
	return session->between ? SERVER_BETWEEN : SERVER_BEGINNING;
}

static void read_command(struct session *session)
{
	struct span line;

	/* Replies to pipelined commands go out together (RFC 2920 section 3.2). */
	if (lmtp_io_pending(&session->io).size == 0) {
		send_flush(session);
		if (!server_session_is(moment_of(session))) {
			session->phase = PHASE_END;
			return;
		}
	}
	lmtp_io_set_timeout(&session->io, session->settings->timeout_s * 1000);
	switch (lmtp_io_read_line(&session->io, LMTP_LINE_MAX, &line)) {
	case LMTP_IO_OK:
		session->between = false;
		(void)server_session_is(SERVER_IN_WORK);
		handle_line(session, line);
		break;
	case LMTP_IO_TOO_LONG:
		refuse(session, "500 5.5.2 Line is too long\r\n");
		break;
	case LMTP_IO_TIMEOUT:
		send_text(session, "421 4.4.2 Timeout\r\n");
		session->phase = PHASE_END;
		break;
	case LMTP_IO_CLOSED:
		session->phase = PHASE_END;
		break;
	}
}

void lmtp_server_session(int fd, const struct lmtp_server_settings *settings)
{
	struct session *session = xcalloc(1, sizeof(*session));
	char greeting[512];

	session->settings = settings;
	lmtp_io_init(&session->io, fd);
	lmtp_content_init(&session->content, settings->temporary_directory);
	snprintf(greeting, sizeof(greeting), "220 %s LMTP Shoveler\r\n", settings->hostname);
	send_text(session, greeting);
	while (session->phase != PHASE_END)
		read_command(session);
	send_flush(session);
	end_transaction(session);
	lmtp_io_free(&session->io);
	free(session);
}
