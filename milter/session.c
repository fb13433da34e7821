/*
 * The events of an SMTP session: they keep its state, and leave the decisions to session_rcpt.c
 * (who may be a recipient) and session_end.c (what becomes of the message).
 *
 * A session belongs to one thread at a time (milter_server.h) and needs no lock.
 */
#include "session.h"
#include "sessions.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_REPLY 400 /* bytes of text; RFC 5321 4.5.3.1.5 allows 512 with the codes */

METRIC_COUNTER(sessions, "shoveler_milter_sessions_total", "SMTP sessions");
METRIC_COUNTER(messages, "shoveler_milter_transactions_total", "Mail transactions begun");

struct scanner_keeper *session_scanner;
struct notices *session_notices;

enum protocol_answer session_reply(struct session *session, const char *code, const char *status,
				   const char *format, ...)
{
	struct strbuf text = STRBUF_INIT, safe = STRBUF_INIT;
	va_list args;

	va_start(args, format);
	strbuf_vprintf(&text, format, args);
	va_end(args);
	strbuf_printf(&safe, "%s %s ", code, status);
	for (size_t i = 0; i < text.size && safe.size < MAX_REPLY; i++) {
		unsigned char c = (unsigned char)text.data[i];

		strbuf_append_char(&safe, c < ' ' || c > '~' ? '?' : (char)c);
	}
	protocol_reply(session->protocol, strbuf_text(&safe));
	strbuf_free(&text);
	strbuf_free(&safe);
	return ANSWER_REPLY;
}

const char *session_queue_id(const struct session *session)
{
	const char *id = protocol_macro(session->protocol, MACRO_QUEUE_ID);

	return id != NULL && id[0] != '\0' ? id : "NOQUEUE";
}

char *session_describe(const struct session *session)
{
	const struct transaction *transaction = session->transaction;

	return xasprintf("client=[%s], helo=<%s>, from=<%s>%s%s", session->client,
			 session->helo != NULL ? session->helo : "",
			 transaction != NULL ? transaction->sender : "",
			 transaction != NULL && transaction->login != NULL ? ", login=" : "",
			 transaction != NULL && transaction->login != NULL ? transaction->login
									   : "");
}

static void end_transaction(struct session *session)
{
	struct transaction *transaction = session->transaction;

	if (transaction == NULL)
		return;
	for (size_t i = 0; i < transaction->recipient_count; i++) {
		free(transaction->recipients[i].address);
		free(transaction->recipients[i].given);
		rcpt_class_free(&transaction->recipients[i].class);
	}
	for (size_t i = 0; i < transaction->forged_count; i++)
		free(transaction->forged[i].name);
	spool_free(&transaction->spool);
	XXH3_freeState(transaction->digest);
	free(transaction->recipients);
	free(transaction->sender);
	free(transaction->login);
	free(transaction);
	session->transaction = NULL;
}

static char *ip_text(const struct ip *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (ip_is_v4(ip))
		inet_ntop(AF_INET, ip->bytes + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, ip->bytes, text, sizeof(text));
	return xstrdup(text);
}

static void begin_lookups(struct session *session, const struct ip *client)
{
	const char *text = protocol_macro(session->protocol, MACRO_DAEMON_ADDR);
	struct ip server;
	bool has_server = text != NULL && ip_parse(text, &server) == 0;

	if (score_table_is_used(&session->policy->score_table) &&
	    !policy_is_exempt(session->policy, client))
		session->lookups =
			lookups_new(&session->policy->lookups, client, has_server ? &server : NULL);
}

/* Without <> around it. */
static char *bare_address(const char *given)
{
	size_t size = strlen(given);

	if (size >= 2 && given[0] == '<' && given[size - 1] == '>')
		return xstrndup(given + 1, size - 2);
	return xstrdup(given);
}

static void *on_open(struct protocol *protocol)
{
	struct session *session = xcalloc(1, sizeof(*session));

	session->protocol = protocol;
	session->policy = policy_take();
	session->client = xstrdup("local");
	/* The main thread then reads all configuration again. */
	if (policy_is_outdated(session->policy)) {
		msg_info("the configuration of Postfix has changed: action=reload");
		kill(getpid(), SIGHUP);
	}
	metric_add(&sessions, 1);
	return session;
}

static bool on_wants_body(void *context)
{
	const struct session *session = context;

	return session->policy->scan;
}

static void on_connect(void *context, const struct ip *client)
{
	struct session *session = context;

	if (client == NULL)
		return;
	session->has_ip = true;
	session->ip = *client;
	free(session->client);
	session->client = ip_text(client);
	begin_lookups(session, client);
}

static void on_helo(void *context, const char *name)
{
	struct session *session = context;

	free(session->helo);
	session->helo = xstrdup(name);
	if (session->lookups != NULL)
		lookups_helo(session->lookups, name);
}

static void on_mail(void *context, const char *sender)
{
	struct session *session = context;
	const char *login = protocol_macro(session->protocol, MACRO_LOGIN);

	session->transaction = xcalloc(1, sizeof(*session->transaction));
	session->transaction->sender = bare_address(sender);
	if (login != NULL && login[0] != '\0')
		session->transaction->login = xstrdup(login);
	if (session->lookups != NULL && session->transaction->login == NULL)
		lookups_sender(session->lookups, session->transaction->sender);
	metric_add(&messages, 1);
}

static struct recipient *next_recipient(struct transaction *transaction)
{
	if (transaction->recipient_count == transaction->recipient_room) {
		transaction->recipient_room = transaction->recipient_room * 2 + 2;
		transaction->recipients =
			xrealloc(transaction->recipients,
				 transaction->recipient_room * sizeof(*transaction->recipients));
	}
	transaction->recipients[transaction->recipient_count] = (struct recipient){0};
	return &transaction->recipients[transaction->recipient_count];
}

static enum protocol_answer on_recipient(void *context, const char *address)
{
	struct session *session = context;
	struct transaction *transaction = session->transaction;
	struct recipient *recipient;
	enum protocol_answer verdict;

	if (transaction->recipient_count == SESSION_MAX_RECIPIENTS)
		return session_reply(session, "452", "4.5.3", "Too many recipients");
	recipient = next_recipient(transaction);
	recipient->address = bare_address(address);
	recipient->given = xstrdup(address);
	verdict = session_recipient(session);
	if (verdict == ANSWER_CONTINUE) {
		transaction->recipient_count++;
	} else {
		free(recipient->address);
		free(recipient->given);
		rcpt_class_free(&recipient->class);
	}
	return verdict;
}

static void on_header(void *context, const char *name, const char *value)
{
	session_header(context, name, value);
}

static enum protocol_answer on_end_of_header(void *context)
{
	return session_end_of_header(context);
}

static void on_body(void *context, struct span data)
{
	session_body(context, data);
}

static enum protocol_answer on_end_of_message(void *context)
{
	return session_end_of_message(context);
}

static void on_message_over(void *context)
{
	end_transaction(context);
}

static void on_close(void *context)
{
	struct session *session = context;

	lookups_free(&session->lookups);
	policy_release(&session->policy);
	free(session->client);
	free(session->helo);
	free(session);
}

const struct protocol_events session_events = {
	.open = on_open,
	.wants_body = on_wants_body,
	.connect = on_connect,
	.helo = on_helo,
	.mail = on_mail,
	.recipient = on_recipient,
	.header = on_header,
	.end_of_header = on_end_of_header,
	.body = on_body,
	.end_of_message = on_end_of_message,
	.message_over = on_message_over,
	.close = on_close,
};
