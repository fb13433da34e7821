/*
 * The callbacks of libmilter: they keep the state of a session, and leave the decisions to
 * session_rcpt.c (who may be a recipient) and session_end.c (what becomes of the message).
 *
 * libmilter runs a session's callbacks one after the other, in threads of its own, so a session
 * belongs to one thread at a time and needs no lock.
 */
#include "session.h"
#include "sessions.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where there is nothing to say Postfix need not wait for it: half of the packets are saved. */
#define NEEDED_STEPS                                                                               \
	(SMFIP_SKIP | SMFIP_HDR_LEADSPC | SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_CONN |         \
	 SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_EOH)
#define MAX_REPLY 400 /* bytes of text; RFC 5321 4.5.3.1.5 allows 512 with the codes */

METRIC_COUNTER(sessions, "shoveler_milter_sessions_total", "SMTP sessions");
METRIC_COUNTER(messages, "shoveler_milter_transactions_total", "Mail transactions begun");
METRIC_GAUGE(open_sessions, "shoveler_milter_open_sessions", "SMTP sessions open now");

struct scanner_keeper *session_scanner;

sfsistat session_reply(struct session *session, const char *code, const char *status,
		       const char *format, ...)
{
	struct strbuf text = STRBUF_INIT, safe = STRBUF_INIT;
	char code_copy[4], status_copy[16];
	va_list args;

	va_start(args, format);
	strbuf_vprintf(&text, format, args);
	va_end(args);
	for (size_t i = 0; i < text.size && safe.size < MAX_REPLY; i++) {
		unsigned char c = (unsigned char)text.data[i];

		/* libmilter sends it through printf. */
		if (c == '%')
			strbuf_append_char(&safe, '%');
		strbuf_append_char(&safe, c < ' ' || c > '~' ? '?' : (char)c);
	}
	snprintf(code_copy, sizeof(code_copy), "%s", code);
	snprintf(status_copy, sizeof(status_copy), "%s", status);
	(void)smfi_setreply(session->context, code_copy, status_copy, safe.data);
	strbuf_free(&text);
	strbuf_free(&safe);
	return code[0] == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

const char *session_queue_id(const struct session *session)
{
	char macro[] = "i";
	const char *id = smfi_getsymval(session->context, macro);

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

/* Returns 0, or -1: it came by other means than IP. */
static int client_ip(const struct sockaddr *address, struct ip *ip_r)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address != NULL && address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		*ip_r = ip_from_bytes((const unsigned char *)&v4.sin_addr, sizeof(v4.sin_addr));
		return 0;
	}
	if (address != NULL && address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		*ip_r = ip_from_bytes((const unsigned char *)&v6.sin6_addr, sizeof(v6.sin6_addr));
		return 0;
	}
	return -1;
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
	char macro[] = "{daemon_addr}";
	const char *text = smfi_getsymval(session->context, macro);
	struct ip server;
	bool has_server = text != NULL && ip_parse(text, &server) == 0;

	if (!policy_is_exempt(session->policy, client))
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

static sfsistat on_connect(SMFICTX *context, char *host, _SOCK_ADDR *address)
{
	struct session *session = xcalloc(1, sizeof(*session));
	struct ip client;

	(void)host;
	session->context = context;
	session->policy = policy_take();
	/* The main thread then reads all configuration again. */
	if (policy_is_outdated(session->policy)) {
		msg_info("the configuration of Postfix has changed: action=reload");
		kill(getpid(), SIGHUP);
	}
	if (client_ip(address, &client) == 0) {
		session->has_ip = true;
		session->ip = client;
		session->client = ip_text(&client);
		begin_lookups(session, &client);
	} else {
		session->client = xstrdup("local");
	}
	metric_add(&sessions, 1);
	atomic_fetch_add(&open_sessions.value, 1);
	smfi_setpriv(context, session);
	return SMFIS_NOREPLY;
}

static sfsistat on_helo(SMFICTX *context, char *helo)
{
	struct session *session = smfi_getpriv(context);

	free(session->helo);
	session->helo = xstrdup(helo);
	if (session->lookups != NULL)
		lookups_helo(session->lookups, helo);
	return SMFIS_NOREPLY;
}

static sfsistat on_mail(SMFICTX *context, char **arguments)
{
	struct session *session = smfi_getpriv(context);
	char macro[] = "{auth_authen}";
	const char *login = smfi_getsymval(context, macro);

	end_transaction(session);
	session->transaction = xcalloc(1, sizeof(*session->transaction));
	session->transaction->sender = bare_address(arguments[0]);
	if (login != NULL && login[0] != '\0')
		session->transaction->login = xstrdup(login);
	if (session->lookups != NULL && session->transaction->login == NULL)
		lookups_sender(session->lookups, session->transaction->sender);
	metric_add(&messages, 1);
	return SMFIS_NOREPLY;
}

static sfsistat on_rcpt(SMFICTX *context, char **arguments)
{
	struct session *session = smfi_getpriv(context);
	struct transaction *transaction = session->transaction;
	sfsistat verdict;

	if (transaction->recipients == NULL)
		transaction->recipients =
			xcalloc(SESSION_MAX_RECIPIENTS, sizeof(*transaction->recipients));
	if (transaction->recipient_count == SESSION_MAX_RECIPIENTS)
		return session_reply(session, "452", "4.5.3", "Too many recipients");
	transaction->recipients[transaction->recipient_count].address = bare_address(arguments[0]);
	transaction->recipients[transaction->recipient_count].given = xstrdup(arguments[0]);
	verdict = session_recipient(session);
	if (verdict == SMFIS_CONTINUE) {
		transaction->recipient_count++;
	} else {
		free(transaction->recipients[transaction->recipient_count].address);
		free(transaction->recipients[transaction->recipient_count].given);
		rcpt_class_free(&transaction->recipients[transaction->recipient_count].class);
	}
	return verdict;
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
	session_header(smfi_getpriv(context), name, value);
	return SMFIS_NOREPLY;
}

static sfsistat on_end_of_header(SMFICTX *context)
{
	session_body(smfi_getpriv(context), "\r\n", 2);
	return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *context, unsigned char *data, size_t size)
{
	struct session *session = smfi_getpriv(context);

	session_body(session, data, size);
	return session->transaction->spool == NULL ? SMFIS_SKIP : SMFIS_CONTINUE;
}

static sfsistat on_end_of_message(SMFICTX *context)
{
	struct session *session = smfi_getpriv(context);
	sfsistat verdict = session_end_of_message(session);

	end_transaction(session);
	return verdict;
}

static sfsistat on_abort(SMFICTX *context)
{
	struct session *session = smfi_getpriv(context);

	if (session != NULL)
		end_transaction(session);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *context)
{
	struct session *session = smfi_getpriv(context);

	if (session == NULL)
		return SMFIS_CONTINUE;
	end_transaction(session);
	lookups_free(&session->lookups);
	policy_release(&session->policy);
	free(session->client);
	free(session->helo);
	free(session);
	smfi_setpriv(context, NULL);
	atomic_fetch_sub(&open_sessions.value, 1);
	return SMFIS_CONTINUE;
}

/* Asks Postfix for exactly the macros that are used, whatever its main.cf says. */
static void ask_for_macros(SMFICTX *context)
{
	static const struct {
		int stage;
		const char *macros;
	} wanted[] = {
		{SMFIM_CONNECT, "j {daemon_addr}"},
		{SMFIM_ENVFROM, "i {auth_authen}"},
		{SMFIM_ENVRCPT, "i {rcpt_mailer} {rcpt_host} {rcpt_addr}"},
		{SMFIM_EOM, "i"},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		char *macros = xstrdup(wanted[i].macros);

		(void)smfi_setsymlist(context, wanted[i].stage, macros);
		free(macros);
	}
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
			     unsigned long unused1, unsigned long unused2, unsigned long *actions_r,
			     unsigned long *steps_r, unsigned long *unused1_r,
			     unsigned long *unused2_r)
{
	const unsigned long needed =
		SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_ADDRCPT | SMFIF_DELRCPT | SMFIF_QUARANTINE;

	(void)unused1, (void)unused2;
	if ((actions & needed) != needed || (steps & NEEDED_STEPS) != NEEDED_STEPS) {
		msg_error("Postfix does not speak version 6 of the milter protocol: "
			  "milter_protocol in its main.cf must be 6");
		return SMFIS_REJECT;
	}
	if (actions & SMFIF_SETSYMLIST)
		ask_for_macros(context);
	*actions_r = needed | (actions & SMFIF_SETSYMLIST);
	*steps_r = NEEDED_STEPS;
	*unused1_r = *unused2_r = 0;
	return SMFIS_CONTINUE;
}

int sessions_register(void)
{
	static char name[] = "shoveler-milter";
	const struct smfiDesc description = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_ADDRCPT | SMFIF_DELRCPT |
			      SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_eoh = on_end_of_header,
		.xxfi_body = on_body,
		.xxfi_eom = on_end_of_message,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};

	return smfi_register(description) == MI_SUCCESS ? 0 : -1;
}

int64_t sessions_open(void)
{
	return atomic_load(&open_sessions.value);
}
