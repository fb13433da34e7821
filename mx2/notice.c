#include "notice.h"

#include "lib/child.h"
#include "lib/xalloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define SEND_TIMEOUT_MS 60000

char *notice_date(int64_t when)
{
	time_t seconds = (time_t)when;
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", localtime_r(&seconds, &tm));
	return xstrdup(text);
}

char *notice_span(int64_t seconds)
{
	long long minutes = seconds / 60;

	if (minutes < 120)
		return xasprintf("%lld min", minutes);
	if (minutes < 2 * 1440)
		return xasprintf("%lld h", minutes / 60);
	return xasprintf("%lld d %lld h", minutes / 1440, minutes % 1440 / 60);
}

char *notice_size(uint64_t bytes)
{
	if (bytes < 10 * 1024)
		return xasprintf("%" PRIu64 " bytes", bytes);
	if (bytes < 10 * 1024 * 1024)
		return xasprintf("%" PRIu64 " KB", bytes / 1024);
	return xasprintf("%" PRIu64 " MB", bytes / 1024 / 1024);
}

static void append_header(struct strbuf *out, const struct mx2_domain *domain,
			  const char *myhostname, int64_t now)
{
	time_t seconds = (time_t)now;
	char date[64];
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S %z", localtime_r(&seconds, &tm));
	strbuf_printf(out, "From: Fallback MX <postmaster@%s>\n", myhostname);
	strbuf_printf(out, "To: %s\n", domain->mx2.contact);
	strbuf_printf(out, "Subject: %" PRIu64 " messages for %s wait on %s\n",
		      domain->waiting.messages, domain->mx2.domain, myhostname);
	strbuf_printf(out, "Date: %s\n", date);
	strbuf_append_text(out, "Auto-Submitted: auto-generated\n"
				"MIME-Version: 1.0\n"
				"Content-Type: text/plain; charset=utf-8\n"
				"Content-Transfer-Encoding: 8bit\n\n");
}

/* What other hosts said, as one line of harmless characters. */
static void append_foreign(struct strbuf *out, const char *text)
{
	for (; *text != '\0'; text++)
		strbuf_append_char(out, (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text);
}

static void append_refused(struct strbuf *out, const struct mx2_domain *domain)
{
	if (domain->waiting.refused == 0)
		return;
	strbuf_printf(out,
		      "\nYour server answered, and refused %" PRIu64 " of them for good. "
		      "They are not sent back, as their\nsenders may be forged: ",
		      domain->waiting.refused);
	if (strcmp(domain->mx2.refused, "hold") == 0)
		strbuf_append_text(out, "they are held until they expire and can be let go before "
					"that.\n");
	else
		strbuf_append_text(out, "they are dropped.\n");
}

void notice_format(struct strbuf *out, const struct mx2_domain *domain, const char *myhostname,
		   int64_t now)
{
	const struct mx2_waiting *waiting = &domain->waiting;
	char *size = notice_size(waiting->bytes), *oldest = notice_date(waiting->oldest);
	char *expires = notice_date(waiting->expires), *left = notice_span(waiting->expires - now);

	append_header(out, domain, myhostname, now);
	strbuf_printf(out,
		      "%s holds mail for %s, because your server does not take it.\n\n"
		      "  waiting     %" PRIu64 " messages, %s\n"
		      "  the oldest  came %s\n"
		      "  it expires  %s (in %s), and goes back to its sender then\n",
		      myhostname, domain->mx2.domain, waiting->messages, size, oldest, expires,
		      left);
	if (waiting->reason[0] != '\0') {
		strbuf_append_text(out, "  last error  ");
		append_foreign(out, waiting->reason);
		strbuf_append_char(out, '\n');
	}
	append_refused(out, domain);
	strbuf_append_text(out, "\nAs soon as your server answers again, all of it is delivered at "
				"once. If that takes longer,\nask us to keep it longer: what waits "
				"already is kept then, too.\n\n"
				"This mail comes at most once a day.\n");
	free(size);
	free(oldest);
	free(expires);
	free(left);
}

int notice_send(const struct mx2_domain *domain, const char *postfix_directory,
		const char *myhostname, int64_t now, char **error_r)
{
	const char *const arguments[] = {"sendmail", "-C", postfix_directory,	"-i", "-f",
					 "",	     "--", domain->mx2.contact, NULL};
	struct strbuf mail = STRBUF_INIT, out = STRBUF_INIT;
	int code;

	notice_format(&mail, domain, myhostname, now);
	code = child_run(arguments, strbuf_span(&mail), SEND_TIMEOUT_MS, &out, &out, error_r);
	if (code > 0)
		*error_r = xasprintf("sendmail: %s", strbuf_text(&out));
	strbuf_free(&mail);
	strbuf_free(&out);
	return code == 0 ? 0 : -1;
}
