/*
 * digest_html.c - the digest as HTML: no style sheet, no picture and no script from anywhere.
 */
#include "spamtrain/daemon/digest.h"

#include "lib/action_link.h"

#include <stdlib.h>

#define TEXT_MAX  160 /* bytes of a sender or subject that are shown */
#define DATE_SIZE 48

static void put_escaped(struct strbuf *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		switch (text[i]) {
		case '&':
			strbuf_append_text(out, "&amp;");
			break;
		case '<':
			strbuf_append_text(out, "&lt;");
			break;
		case '>':
			strbuf_append_text(out, "&gt;");
			break;
		case '"':
			strbuf_append_text(out, "&quot;");
			break;
		default:
			strbuf_append_char(out, text[i]);
		}
	}
}

static void put_text(struct strbuf *out, const char *text)
{
	put_escaped(out, text, strlen(text));
}

/* Shortened between characters; isolated, so that its direction stays its own. */
static void put_foreign(struct strbuf *out, const char *text, const char *missing)
{
	size_t size = digest_shown(text, TEXT_MAX);

	strbuf_append_text(out, "<bdi>");
	if (size == 0)
		put_text(out, missing);
	put_escaped(out, text, size);
	strbuf_append_text(out, text[size] != '\0' ? "...</bdi>" : "</bdi>");
}

/* Consumes the text. */
static void put_paragraph(struct strbuf *out, char *text)
{
	strbuf_append_text(out, "<p>");
	put_text(out, text);
	strbuf_append_text(out, "</p>\n");
	free(text);
}

static void put_link(struct strbuf *out, const struct spamtraind *service,
		     const struct digest *digest, char action, const struct digest_item *item,
		     const char *label, time_t now)
{
	struct strbuf url = STRBUF_INIT;

	digest_link(&url, service, digest, action, item, now);
	strbuf_append_text(out, "<a href=\"");
	put_text(out, strbuf_text(&url));
	strbuf_append_text(out, "\">");
	put_text(out, label);
	strbuf_append_text(out, "</a>");
	strbuf_free(&url);
}

/* A mail with the one line that releases this message. Addresses are checked: nothing to escape. */
static void put_mailto(struct strbuf *out, const char *address, const struct digest_item *item,
		       const char *label)
{
	strbuf_append_text(out, "<a href=\"mailto:");
	put_text(out, address);
	strbuf_printf(out, "?subject=%s&amp;body=X-DSPAM-Signature:%%20%s\">", item->signature,
		      item->signature);
	put_text(out, label);
	strbuf_append_text(out, "</a>");
}

static void put_item_ways(struct strbuf *out, const struct spamtraind *service,
			  const struct digest *digest, const struct digest_item *item, time_t now)
{
	const char *address = digest_address(service, digest->user);
	enum training_language language = digest->language;

	strbuf_append_text(out, "<br>\n");
	if (item->damaged)
		put_text(out, digest_word(language, WORD_DAMAGED));
	else if (service->web_url[0] != '\0')
		put_link(out, service, digest, ACTION_LINK_RELEASE, item,
			 digest_word(language, WORD_RELEASE), now);
	else if (address != NULL)
		put_mailto(out, address, item, digest_word(language, WORD_MAIL_RELEASE));
	else
		put_text(out, item->signature);
	if (service->web_url[0] != '\0') {
		strbuf_append_text(out, " &middot;\n");
		put_link(out, service, digest, ACTION_LINK_SPAM, item,
			 digest_word(language, WORD_SPAM), now);
	}
}

static void put_item(struct strbuf *out, const struct spamtraind *service,
		     const struct digest *digest, const struct digest_item *item, time_t now)
{
	enum training_language language = digest->language;
	char *when, *until;

	digest_times(language, item, &when, &until);
	strbuf_append_text(out, "<li style=\"margin-bottom:1em\"><strong>");
	put_foreign(out, item->subject, digest_word(language, WORD_NO_SUBJECT));
	strbuf_append_text(out, "</strong><br>\n");
	put_foreign(out, item->from, digest_word(language, WORD_NO_SENDER));
	strbuf_append_text(out, "<br>\n");
	put_text(out, when);
	strbuf_append_text(out, "; ");
	put_text(out, until);
	if (item->alert) {
		strbuf_append_text(out, "<br>\n<strong>! ");
		put_text(out, digest_word(language, WORD_ALERT));
		strbuf_append_text(out, "</strong>");
	}
	put_item_ways(out, service, digest, item, now);
	strbuf_append_text(out, "</li>\n");
	free(when);
	free(until);
}

static void put_ways(struct strbuf *out, const struct spamtraind *service,
		     const struct digest *digest, time_t now)
{
	char until[DATE_SIZE];

	if (service->web_url[0] == '\0')
		return;
	digest_date(until, sizeof(until), digest->language, now + (time_t)service->link_seconds,
		    true);
	strbuf_append_text(out, "<p>");
	put_link(out, service, digest, ACTION_LINK_DELETE_ALL, NULL,
		 digest_word(digest->language, WORD_DELETE_ALL), now);
	strbuf_append_text(out, "</p>\n");
	put_paragraph(out, digest_say(digest->language, WORD_LINKS, until));
	put_paragraph(out, digest_say(digest->language, WORD_WEB, service->web_url));
}

void digest_html(struct strbuf *out, const struct spamtraind *service, const struct digest *digest,
		 time_t now)
{
	enum training_language language = digest->language;

	strbuf_printf(out,
		      "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"></head>\n"
		      "<body>\n",
		      language == TRAINING_FRENCH ? "fr" : "en");
	put_paragraph(out, digest_say(language, WORD_INTRO, (unsigned long long)digest->news));
	strbuf_printf(out, "<p>%s</p>\n<ul>\n", digest_word(language, WORD_ORDER));
	for (size_t i = 0; i < digest->count; i++)
		put_item(out, service, digest, &digest->items[i], now);
	strbuf_append_text(out, "</ul>\n");
	digest_summary(out, service, digest, put_paragraph);
	put_ways(out, service, digest, now);
	strbuf_printf(out, "<p><small>%s</small></p>\n</body></html>\n",
		      digest_word(language, WORD_MACHINE));
}
