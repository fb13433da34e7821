/* After a POST: a redirect that names what was done, and the page that says it. */
#include "web/pages.h"
#include "web/routes.h"

#include <stdio.h>

static const struct notice {
	const char *code, *one, *many; /* a text with %lu, or (many NULL) without number */
	bool is_trouble;
} notices[] = {
	{"asked", N_("You asked for it: it will be done within a minute or so."), NULL, false},
	{"deleted", NN_("%lu message was deleted.", "%lu messages were deleted."), false},
	{"forgotten",
	 NN_("What was learned of %lu message is forgotten.",
	     "What was learned of %lu messages is forgotten."),
	 false},
	{"left", N_("You do not follow this folder any more."), NULL, false},
	{"none", N_("Choose at least one message first."), NULL, true},
	{"out", N_("You are signed out."), NULL, false},
	{"gone", N_("These messages are not there any more."), NULL, true},
	{"innocent",
	 NN_("Your filter learned that %lu message is good.",
	     "Your filter learned that %lu messages are good."),
	 false},
	{"released",
	 NN_("%lu message is on its way to your inbox.",
	     "%lu messages are on their way to your inbox."),
	 false},
	{"saved", N_("Your preferences are saved."), NULL, false},
	{"shared", N_("The folder is shared."), NULL, false},
	{"spam",
	 NN_("Your filter learned that %lu message is spam.",
	     "Your filter learned that %lu messages are spam."),
	 false},
	{"subscribed", N_("Your mail programs show this folder from now on."), NULL, false},
	{"trusted", N_("Mail from this sender always gets through from now on."), NULL, false},
	{"undone", NN_("%lu correction was taken back.", "%lu corrections were taken back."),
	 false},
	{"unknown", N_("Nothing was changed: these messages are too old to be learned."), NULL,
	 true},
	{"unlocked", N_("Here are your folders."), NULL, false},
	{"unshared", N_("The folder is no longer shared with them."), NULL, false},
	{"untrusted", N_("Mail from this sender is judged like any other again."), NULL, false},
	{"waiting",
	 NN_("%lu message will be dealt with in a moment.",
	     "%lu messages will be dealt with in a moment."),
	 false},
};

static const struct notice *find(const char *code)
{
	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++) {
		if (strcmp(notices[i].code, code) == 0)
			return &notices[i];
	}
	return NULL;
}

/* Without a notice of before. */
static void put_location(struct strbuf *out, const char *back)
{
	const char *old = strstr(back, "done=");

	if (old != NULL && old > back && (old[-1] == '?' || old[-1] == '&'))
		strbuf_append(out, back, (size_t)(old - back));
	else
		strbuf_printf(out, "%s%c", back, strchr(back, '?') != NULL ? '&' : '?');
}

void notice_redirect(struct request *r, const char *back, const char *fallback, const char *code,
		     unsigned long count)
{
	struct strbuf location = STRBUF_INIT;

	put_location(&location, back[0] != '\0' && routes_is_own(back) ? back : fallback);
	strbuf_printf(&location, "done=%s&n=%lu", code, count);
	respond_redirect(r, strbuf_text(&location));
	strbuf_free(&location);
}

void notice_show(struct request *r)
{
	const struct notice *notice = find(form_text(&r->query, "done"));
	unsigned long count = (unsigned long)form_number(&r->query, "n", 0);
	struct html *h = &r->html;

	if (notice == NULL || r->response.status != 200)
		return;
	html(h, "<p class=\"notice%s\" role=\"status\">", notice->is_trouble ? " trouble" : "");
	if (notice->many == NULL)
		text(h, "%s", catalogue_text(h->catalogue, notice->one, 1));
	else
		text_counted(h, notice->one, notice->many, count);
	html(h, "</p>");
}
