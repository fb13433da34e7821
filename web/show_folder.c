#include "web/show_folder.h"

#include "web/folders.h"
#include "web/pages.h"

void show_folder_name(struct request *r, const char *name)
{
	struct strbuf readable = STRBUF_INIT;

	imap_name_text(&readable, span_of(name));
	html_span(&r->html, strbuf_span(&readable));
	strbuf_free(&readable);
}

void folder_link(struct strbuf *out, const char *name)
{
	strbuf_append_text(out, "folder?f=");
	url_component(out, name);
}

void show_grantee(struct request *r, const char *who)
{
	struct html *h = &r->html;
	bool taken = who[0] == '-';

	who += taken ? 1 : 0;
	if (taken) {
		text(h, tr(h, "not for:"));
		html(h, " ");
	}
	if (who[0] == '$')
		text(h, tr(h, "group %s"), who + 1);
	else if (strcasecmp(who, "anyone") == 0 || strcasecmp(who, "authenticated") == 0)
		html(h, "%s", tr(h, "everybody"));
	else
		html(h, "%s", who);
}

void show_rights(struct request *r, const char *rights)
{
	struct html *h = &r->html;

	switch (folder_level(rights)) {
	case LEVEL_NONE:
		html(h, "%s", tr(h, "may nothing"));
		break;
	case LEVEL_READ:
		html(h, "%s", tr(h, "may read"));
		break;
	case LEVEL_WRITE:
		html(h, "%s", tr(h, "may read and write"));
		break;
	case LEVEL_MANAGE:
		html(h, "%s", tr(h, "may manage"));
		break;
	case LEVEL_OTHER:
		html(h, "<code>%s</code>", rights);
		break;
	}
}

static const struct {
	const char *said, *meaning;
} refusals[] = {
	{"No such user", N_("There is no such user here.")},
	{"No such group", N_("There is no such group here.")},
	{"Sharing with everybody is not allowed",
	 N_("Sharing with everybody is not allowed here.")},
	{"Sharing with users of other domains",
	 N_("Sharing with users of other domains is not allowed here.")},
	{"Users are not known now",
	 N_("The mail server cannot say just now who its users are. Try again in a moment.")},
	{"Users and groups are not known",
	 N_("The mail server cannot say just now who its users are. Try again in a moment.")},
	{"Permission denied", N_("You may not change this folder.")},
	{"You lack administrator privileges", N_("You may not change this folder.")},
	{"Mailbox doesn't exist", N_("There is no such folder any more.")},
};

const char *refusal_text(struct request *r, const char *refusal)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (strncmp(refusal, refusals[i].said, strlen(refusals[i].said)) == 0)
			return catalogue_text(r->html.catalogue, refusals[i].meaning, 1);
	}
	return refusal;
}

void show_refusal(struct request *r, const char *refusal, const char *back)
{
	struct html *h = &r->html;

	r->response.status = 422;
	frame_begin(r, tr(h, "Your mail server refused that"), "sharing");
	html(h, "<p class=\"lead\">%s</p><p><a class=\"button\" href=\"%s\">%s</a></p>",
	     refusal_text(r, refusal), back, tr(h, "Back"));
	frame_end(r);
}
