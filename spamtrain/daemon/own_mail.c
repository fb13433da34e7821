#include "spamtrain/daemon/own_mail.h"

#include "lib/mac.h"
#include "lib/span_source.h"

#include <openssl/crypto.h>
#include <unistd.h>

#define ID_MAC_SIZE 16 /* hex digits; nobody can try many: each try is a mail to a user */

static const char *domain_of(const char *user)
{
	const char *at = strrchr(user, '@');

	return at != NULL ? at + 1 : "localhost";
}

static void put_date(struct strbuf *out, time_t now)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm utc;

	gmtime_r(&now, &utc);
	strbuf_printf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n",
		      days + 3 * utc.tm_wday, utc.tm_mday, months + 3 * utc.tm_mon,
		      utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/* Proves that we wrote the first part of a Message-ID, for that user. In hex, no NUL. */
static void id_mac(const struct spamtraind *service, const char *user, struct span first,
		   char hex[ID_MAC_SIZE])
{
	char mac[MAC_HEX_SIZE];
	struct strbuf text = STRBUF_INIT;

	/* Another start than that of lib/submitter.h, which uses the same secret. */
	strbuf_printf(&text, "own-mail;%s;", user);
	strbuf_append_span(&text, first);
	mac_make_hex(submitter_secret_span(&service->secret), strbuf_span(&text), mac);
	memcpy(hex, mac, ID_MAC_SIZE);
	strbuf_free(&text);
}

static void put_message_id(struct strbuf *out, const struct spamtraind *service, const char *user,
			   const char *kind, time_t now)
{
	static atomic_uint sequence;
	struct strbuf first = STRBUF_INIT;
	char mac[ID_MAC_SIZE];

	strbuf_printf(&first, "%s.%lld.%ld.%u", kind, (long long)now, (long)getpid(),
		      atomic_fetch_add(&sequence, 1));
	id_mac(service, user, strbuf_span(&first), mac);
	strbuf_printf(out, "Message-ID: <%s.%.*s@%s>\r\n", strbuf_text(&first), ID_MAC_SIZE, mac,
		      service->hostname);
	strbuf_free(&first);
}

void own_mail_header(struct strbuf *out, const struct spamtraind *service, const char *user,
		     const char *kind, time_t now)
{
	put_date(out, now);
	if (service->answer_from[0] != '\0')
		strbuf_printf(out, "From: %s\r\n", service->answer_from);
	else
		strbuf_printf(out, "From: postmaster@%s\r\n", domain_of(user));
	strbuf_printf(out, "To: %s\r\n", user);
	put_message_id(out, service, user, kind, now);
	strbuf_append_text(out, "X-Auto-Response-Suppress: All\r\n"
				"MIME-Version: 1.0\r\n");
}

void own_mail_text(struct strbuf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			strbuf_append_char(out, '\r');
		strbuf_append_char(out, *text);
	}
}

bool own_mail_is(const struct spamtraind *service, const char *user, struct span message_id)
{
	struct span id = span_trim(message_id), host = span_of(service->hostname);
	size_t tail = 1 + ID_MAC_SIZE + 1 + host.size + 1; /* .MAC@host> */
	const char *end;
	char mac[ID_MAC_SIZE];

	/* Without training addresses there is no secret. */
	if (service->secret.size == 0 || id.size <= 1 + tail || id.data[0] != '<')
		return false;
	end = id.data + id.size - tail;
	if (end[0] != '.' || end[1 + ID_MAC_SIZE] != '@' || id.data[id.size - 1] != '>' ||
	    memcmp(end + 2 + ID_MAC_SIZE, host.data, host.size) != 0)
		return false;
	id_mac(service, user, (struct span){id.data + 1, (size_t)(end - id.data) - 1}, mac);
	return CRYPTO_memcmp(mac, end + 1, ID_MAC_SIZE) == 0;
}

struct one_piece {
	struct span_source source;
	struct span piece;
};

static bool next_piece(struct span_source *source, struct span *piece_r)
{
	struct one_piece *one = (struct one_piece *)source;

	*piece_r = one->piece;
	one->piece = (struct span){NULL, 0};
	return piece_r->size > 0;
}

enum lmtp_result own_mail_deliver(struct spamtraind *service, const char *user, struct span message,
				  struct lmtp_reply *reply)
{
	const struct lmtp_envelope envelope = {"", "BODY=8BITMIME"};
	struct lmtp_destination to = {.address = user, .parameters = "", .reply = reply};
	struct one_piece content = {{next_piece}, message};

	return lmtp_client_deliver(service->nexthop, &envelope, &to, &content.source);
}
