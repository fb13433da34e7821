#include "spamtrain/daemon/digest.h"

#include "lib/action_link.h"
#include "lib/xalloc.h"
#include "spamtrain/daemon/own_mail.h"

#include <stdlib.h>

#define TEXT_MAX      100 /* bytes of a sender or subject that are shown */
#define NEARLY_FULL   90  /* per cent */
#define DATE_SIZE     48
#define BOUNDARY_SIZE 48

void digest_items_free(struct digest *digest)
{
	for (size_t i = 0; i < digest->count; i++) {
		free(digest->items[i].from);
		free(digest->items[i].subject);
	}
	digest->count = 0;
}

bool digest_is_full(const struct spamtraind *service, const struct digest *digest)
{
	return service->quarantine_max > 0 &&
	       digest->bytes >= service->quarantine_max / 100 * NEARLY_FULL;
}

/* One at the user's own domain, else the first: all of them train the filter of who signed in. */
const char *digest_address(const struct spamtraind *service, const char *user)
{
	const char *domain = strrchr(user, '@');

	for (char **address = service->innocent_addresses; *address != NULL; address++) {
		const char *at = strrchr(*address, '@');

		if (at != NULL && domain != NULL && strcasecmp(at, domain) == 0)
			return *address;
	}
	return service->innocent_addresses[0];
}

void digest_link(struct strbuf *out, const struct spamtraind *service, const struct digest *digest,
		 char action, const struct digest_item *item, time_t now)
{
	struct action_link link = {
		.action = (enum action_link_action)action,
		.until = now,
		.expires = now + (time_t)service->link_seconds,
	};
	size_t start = out->size;

	if (service->web_url[0] == '\0' || strlen(digest->user) > ACTION_LINK_USER_MAX)
		return;
	strcpy(link.user, digest->user);
	if (item != NULL)
		strcpy(link.signature, item->signature);
	strbuf_printf(out, "%s/link?t=", service->web_url);
	if (action_link_make(out, &service->link_secret, &link) < 0)
		out->size = start;
}

void digest_times(enum training_language language, const struct digest_item *item, char **when_r,
		  char **until_r)
{
	char received[DATE_SIZE], expires[DATE_SIZE], size[DATE_SIZE];

	digest_date(received, sizeof(received), language, item->received, true);
	digest_date(expires, sizeof(expires), language, item->expires, false);
	digest_size(size, sizeof(size), item->size);
	*when_r = digest_say(language, WORD_RECEIVED, received, size);
	*until_r = digest_say(language, WORD_EXPIRES, expires);
}

size_t digest_shown(const char *text, size_t max)
{
	size_t size = strlen(text);

	if (size > max) {
		for (size = max; ((unsigned char)text[size] & 0xc0) == 0x80; size--)
			;
	}
	return size;
}

void digest_summary(struct strbuf *out, const struct spamtraind *service,
		    const struct digest *digest, void (*put)(struct strbuf *out, char *text))
{
	char size[DATE_SIZE], max[DATE_SIZE];

	digest_size(size, sizeof(size), digest->bytes);
	digest_size(max, sizeof(max), service->quarantine_max);
	if (digest->news > digest->count)
		put(out, digest_say(digest->language, WORD_MORE,
				    (unsigned long long)(digest->news - digest->count)));
	put(out,
	    digest_say(digest->language, WORD_ALL, (unsigned long long)digest->messages, size));
	if (digest_is_full(service, digest))
		put(out, digest_say(digest->language, WORD_FULL, size, max));
}

/* ---- plain text ---- */

/* Shortened between characters. */
static void put_shortened(struct strbuf *out, const char *text, const char *missing)
{
	size_t size = digest_shown(text, TEXT_MAX);

	strbuf_append(out, text, size);
	if (size == 0)
		strbuf_append_text(out, missing);
	if (text[size] != '\0')
		strbuf_append_text(out, "...");
}

/* Consumes the text. */
static void put_line(struct strbuf *out, char *text)
{
	strbuf_printf(out, "%s\n", text);
	free(text);
}

static void put_item_links(struct strbuf *out, const struct spamtraind *service,
			   const struct digest *digest, const struct digest_item *item, time_t now)
{
	static const struct {
		char action;
		enum digest_word word;
	} links[] = {{ACTION_LINK_RELEASE, WORD_RELEASE}, {ACTION_LINK_SPAM, WORD_SPAM}};

	for (size_t i = item->damaged ? 1 : 0; i < 2 && service->web_url[0] != '\0'; i++) {
		strbuf_printf(out, "    %s:\n    ", digest_word(digest->language, links[i].word));
		digest_link(out, service, digest, links[i].action, item, now);
		strbuf_append_char(out, '\n');
	}
}

static void put_item(struct strbuf *out, const struct spamtraind *service,
		     const struct digest *digest, const struct digest_item *item, time_t now)
{
	enum training_language language = digest->language;
	char *when, *until;

	digest_times(language, item, &when, &until);
	strbuf_printf(out, "\n  * %s: ", digest_word(language, WORD_SUBJECT_FIELD));
	put_shortened(out, item->subject, digest_word(language, WORD_NO_SUBJECT));
	strbuf_printf(out, "\n    %s: ", digest_word(language, WORD_FROM));
	put_shortened(out, item->from, digest_word(language, WORD_NO_SENDER));
	strbuf_printf(out, "\n    %s; %s\n", when, until);
	if (item->alert)
		strbuf_printf(out, "    ! %s\n", digest_word(language, WORD_ALERT));
	if (item->damaged)
		strbuf_printf(out, "    %s\n", digest_word(language, WORD_DAMAGED));
	strbuf_printf(out, "    X-DSPAM-Signature: %s\n", item->signature);
	put_item_links(out, service, digest, item, now);
	free(when);
	free(until);
}

static void put_ways(struct strbuf *out, const struct spamtraind *service,
		     const struct digest *digest, time_t now)
{
	const char *address = digest_address(service, digest->user);
	enum training_language language = digest->language;
	char until[DATE_SIZE];

	if (service->web_url[0] != '\0') {
		digest_date(until, sizeof(until), language, now + (time_t)service->link_seconds,
			    true);
		strbuf_printf(out, "\n%s:\n", digest_word(language, WORD_DELETE_ALL));
		digest_link(out, service, digest, ACTION_LINK_DELETE_ALL, NULL, now);
		strbuf_append_text(out, "\n\n");
		put_line(out, digest_say(language, WORD_LINKS, until));
		put_line(out, digest_say(language, WORD_WEB, service->web_url));
	}
	strbuf_append_char(out, '\n');
	if (address != NULL)
		put_line(out, digest_say(language, WORD_MAIL, address));
	else if (service->web_url[0] == '\0')
		put_line(out, xstrdup(digest_word(language, WORD_NO_WAY)));
	strbuf_printf(out, "\n%s\n", digest_word(language, WORD_MACHINE));
}

static void put_plain(struct strbuf *out, const struct spamtraind *service,
		      const struct digest *digest, time_t now)
{
	struct strbuf text = STRBUF_INIT;

	put_line(&text, digest_say(digest->language, WORD_INTRO, (unsigned long long)digest->news));
	put_line(&text, xstrdup(digest_word(digest->language, WORD_ORDER)));
	for (size_t i = 0; i < digest->count; i++)
		put_item(&text, service, digest, &digest->items[i], now);
	strbuf_append_char(&text, '\n');
	digest_summary(&text, service, digest, put_line);
	put_ways(&text, service, digest, now);
	own_mail_text(out, strbuf_text(&text));
	strbuf_free(&text);
}

/* ---- the mail ---- */

static void put_subject(struct strbuf *out, const struct digest *digest)
{
	char *text = digest_say(digest->language, WORD_SUBJECT, (unsigned long long)digest->news);

	strbuf_printf(out, "Subject: %s\r\n", text);
	free(text);
}

static void put_part(struct strbuf *out, const char *boundary, const char *type)
{
	strbuf_printf(out,
		      "--%s\r\nContent-Type: %s; charset=utf-8\r\n"
		      "Content-Transfer-Encoding: 8bit\r\n\r\n",
		      boundary, type);
}

void digest_format(struct strbuf *out, const struct spamtraind *service,
		   const struct digest *digest, time_t now)
{
	struct strbuf html = STRBUF_INIT;
	char boundary[BOUNDARY_SIZE];

	snprintf(boundary, sizeof(boundary), "=_shoveler_%llx_%llx", (unsigned long long)now,
		 (unsigned long long)digest->messages);
	own_mail_header(out, service, digest->user, "digest", now);
	put_subject(out, digest);
	strbuf_printf(out,
		      "Auto-Submitted: auto-generated\r\n"
		      "Precedence: bulk\r\n"
		      "Content-Language: %s\r\n"
		      "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n",
		      digest->language == TRAINING_FRENCH ? "fr" : "en", boundary);
	put_part(out, boundary, "text/plain");
	put_plain(out, service, digest, now);
	strbuf_append_text(out, "\r\n");
	put_part(out, boundary, "text/html");
	digest_html(&html, service, digest, now);
	own_mail_text(out, strbuf_text(&html));
	strbuf_free(&html);
	strbuf_printf(out, "\r\n--%s--\r\n", boundary);
}
