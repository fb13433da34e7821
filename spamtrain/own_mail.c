#include "spamtrain/own_mail.h"

#include "lib/span_source.h"

#include <unistd.h>

static const char *const kinds[] = {"training", "digest"};

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

void own_mail_header(struct strbuf *out, const struct spamtraind *service, const char *user,
		     const char *kind, time_t now)
{
	static atomic_uint sequence;

	put_date(out, now);
	if (service->answer_from[0] != '\0')
		strbuf_printf(out, "From: %s\r\n", service->answer_from);
	else
		strbuf_printf(out, "From: postmaster@%s\r\n", domain_of(user));
	strbuf_printf(out, "To: %s\r\n", user);
	strbuf_printf(out, "Message-ID: <%s.%lld.%ld.%u@%s>\r\n", kind, (long long)now,
		      (long)getpid(), atomic_fetch_add(&sequence, 1), service->hostname);
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

bool own_mail_is(const struct spamtraind *service, const char *message_id)
{
	const char *at = strrchr(message_id, '@');
	size_t size = strlen(service->hostname);

	if (at == NULL || strncmp(at + 1, service->hostname, size) != 0 || at[1 + size] != '>')
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size = strlen(kinds[i]);
		if (message_id[0] == '<' && strncmp(message_id + 1, kinds[i], size) == 0 &&
		    message_id[1 + size] == '.')
			return true;
	}
	return false;
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
	const struct lmtp_envelope envelope = {"", "BODY=8BITMIME", user, ""};
	struct one_piece content = {{next_piece}, message};
	struct lmtp_client *client = NULL;
	enum lmtp_result result = lmtp_client_begin(service->nexthop, &envelope, &client, reply);

	if (result == LMTP_ACCEPTED)
		result = lmtp_client_send(&client, &content.source, reply);
	return result;
}
