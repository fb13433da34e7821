/* Help: docs/user.md in the reader's language. */
#include "web/help.h"
#include "web/pages.h"

/* In the language of the page; English is the first. */
static const struct help_page *find_page(const char *language)
{
	for (const struct help_page *page = help_pages; page->language != NULL; page++) {
		if (strcmp(page->language, language) == 0)
			return page;
	}
	return help_pages;
}

/* For those who are not signed in, too: who cannot sign in looks here. */
void page_help(struct request *r)
{
	const struct catalogue *wanted = catalogue_find(form_text(&r->query, "language"));
	struct html *h = &r->html;

	if (wanted != NULL)
		h->catalogue = wanted;
	frame_begin(r, tr(h, "Help"), "help");
	strbuf_append_text(&h->out, find_page(h->catalogue->language)->html);
	frame_end(r);
}

/* The query is the picture's hash, so that browsers may keep it. */
void page_picture(struct request *r)
{
	struct html *h = &r->html;

	for (const struct help_picture *each = help_pictures; each->address != NULL; each++) {
		if (r->raw_query != NULL && strcmp(r->raw_query, each->address) == 0) {
			send_asset(r, &each->asset);
			return;
		}
	}
	frame_fail(r, 404, tr(h, "There is no such page"),
		   tr(h, "Perhaps the address was cut off."));
}
