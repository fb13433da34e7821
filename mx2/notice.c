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

static void append_header(struct strbuf *out, const struct mx2_domain *domain, const char *subject,
			  const char *myhostname, int64_t now)
{
	time_t seconds = (time_t)now;
	char date[64];
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S %z", localtime_r(&seconds, &tm));
	strbuf_printf(out, "From: Fallback MX <postmaster@%s>\n", myhostname);
	strbuf_printf(out, "To: %s\n", domain->mx2.contact);
	strbuf_printf(out, "Subject: %s\n", subject);
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

	char *subject = xasprintf("%" PRIu64 " message%s for %s wait%s on %s", waiting->messages,
				  waiting->messages == 1 ? "" : "s", domain->mx2.domain,
				  waiting->messages == 1 ? "s" : "", myhostname);

	append_header(out, domain, subject, myhostname, now);
	free(subject);
	strbuf_printf(out,
		      "%s holds mail for %s, because your server does not take it.\n\n"
		      "  waiting     %" PRIu64 " message(s), %s\n"
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

void notice_stale_format(struct strbuf *out, const struct mx2_domain *domain,
			 const char *myhostname, int64_t now)
{
	int64_t signed_at = domain->mx2.list_serial / 1000;
	char *subject = xasprintf("The recipients of %s are not known on %s any more",
				  domain->mx2.domain, myhostname);
	char *date = notice_date(signed_at), *age = notice_span(now - signed_at);

	append_header(out, domain, subject, myhostname, now);
	strbuf_printf(
		out,
		"%s takes mail for %s while your server is down, and refuses\n"
		"mail for whom is not on your list of recipients. The last list was signed %s "
		"(%s ago).\n"
		"Who is new since then gets no mail from here.\n\n",
		myhostname, domain->mx2.domain, date, age);
	if (domain->mx2.list_url[0] != '\0')
		strbuf_printf(out, "It is fetched from %s\n", domain->mx2.list_url);
	else
		strbuf_printf(out,
			      "Your server sends it by: shoveler mx2 push %s %s\n"
			      "What is refused here comes back to postmaster@%s.\n",
			      domain->mx2.domain, myhostname, domain->mx2.domain);
	strbuf_append_text(out, "\nThis mail comes at most once a week.\n");
	free(subject);
	free(date);
	free(age);
}

int notice_send(const struct mx2_domain *domain, const char *postfix_directory, struct span mail,
		char **error_r)
{
	const char *const arguments[] = {"sendmail", "-C", postfix_directory,	"-i", "-f",
					 "",	     "--", domain->mx2.contact, NULL};
	struct strbuf out = STRBUF_INIT;
	int code;

	code = child_run(arguments, mail, SEND_TIMEOUT_MS, &out, &out, error_r);
	if (code > 0)
		*error_r = xasprintf("sendmail: %.*s", SPAN_ARG(span_trim(strbuf_span(&out))));
	strbuf_free(&out);
	return code == 0 ? 0 : -1;
}
