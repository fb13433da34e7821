/* Sharing: my folders and who sees them, what others share with me, public folders. */
#include "web/folders.h"
#include "web/pages.h"
#include "web/show_folder.h"

#include "lib/msg.h"
#include "lib/xalloc.h"

#define SEEN_BY_MAX 6 /* people who are named in a row */

static void show_seen_by(struct request *r, const struct folder *folder)
{
	struct html *h = &r->html;
	size_t shown = folder->grant_count < SEEN_BY_MAX ? folder->grant_count : SEEN_BY_MAX;

	html(h, "<span class=\"from\">");
	if (folder->grant_count == 0)
		html(h, "%s", tr(h, "Only you"));
	for (size_t i = 0; i < shown; i++) {
		html(h, "%s", i > 0 ? ", " : "");
		show_grantee(r, folder->grants[i].who);
		html(h, " (");
		show_rights(r, folder->grants[i].rights);
		html(h, ")");
	}
	if (folder->grant_count > shown) {
		html(h, " ");
		text(h, trn(h, "and %lu more", "and %lu more", folder->grant_count - shown),
		     (unsigned long)(folder->grant_count - shown));
	}
	html(h, "</span>");
}

static void show_manage_link(struct request *r, const struct folder *folder, const char *label)
{
	struct strbuf link = STRBUF_INIT, name = STRBUF_INIT;
	struct html *h = &r->html;

	folder_link(&link, folder->name);
	imap_name_text(&name, span_of(folder->name));
	html(h, "<a class=\"button small\" href=\"%s\" aria-label=\"%s: %s\">%s</a>",
	     strbuf_text(&link), label, strbuf_text(&name), label);
	strbuf_free(&link);
	strbuf_free(&name);
}

static void show_subscription(struct request *r, const struct folder *folder)
{
	struct html *h = &r->html;
	struct strbuf name = STRBUF_INIT;
	const char *label = folder->subscribed ? tr(h, "Unsubscribe") : tr(h, "Subscribe");

	imap_name_text(&name, span_of(folder->name));
	html(h,
	     "<button class=\"small\" name=\"%s\" value=\"%s\" aria-label=\"%s: %s\">%s</button>",
	     folder->subscribed ? "unsubscribe" : "subscribe", folder->name, label,
	     strbuf_text(&name), label);
	strbuf_free(&name);
}

static void show_row(struct request *r, const struct folder *folder)
{
	struct html *h = &r->html;

	html(h, "<li class=\"message sender folder\"><div class=\"what\"><span class=\"subject\">");
	show_folder_name(r, folder->name);
	html(h, "</span>");
	if (folder->kind == FOLDER_OWN) {
		show_seen_by(r, folder);
	} else {
		html(h, "<span class=\"from\">");
		show_rights(r, folder->rights);
		html(h, "</span>");
	}
	html(h, "</div><div class=\"act\">");
	if (folder->kind != FOLDER_OWN)
		show_subscription(r, folder);
	if (folder_may(folder, 'a'))
		show_manage_link(r, folder,
				 folder->kind == FOLDER_OWN ? tr(h, "Share") : tr(h, "Manage"));
	html(h, "</div></li>");
}

static void show_section(struct request *r, const struct folders *folders, enum folder_kind kind,
			 const char *title, const char *advice, const char *nothing)
{
	struct html *h = &r->html;
	size_t shown = 0;

	html(h, "<section><h2>%s</h2><p class=\"hint\">%s</p>", title, advice);
	html(h, "<form method=\"post\" action=\"sharing\">");
	form_token_field(r);
	html(h, "<ul class=\"messages\">");
	for (size_t i = 0; i < folders->count; i++) {
		if (folders->list[i].kind == kind) {
			show_row(r, &folders->list[i]);
			shown++;
		}
	}
	if (shown == 0)
		html(h, "<li class=\"empty\">%s</li>", nothing);
	html(h, "</ul></form></section>");
}

static void show_page(struct request *r, const struct folders *folders)
{
	struct html *h = &r->html;

	frame_begin(r, tr(h, "Sharing"), "sharing");
	show_section(r, folders, FOLDER_OWN, tr(h, "My folders"),
		     tr(h, "Who sees them, and what they may do there."),
		     tr(h, "You have no folders yet."));
	show_section(r, folders, FOLDER_SHARED, tr(h, "Shared with me"),
		     tr(h, "Folders of others that you may see. Mail programs show those that you "
			   "subscribe to."),
		     tr(h, "Nobody shares a folder with you."));
	show_section(r, folders, FOLDER_PUBLIC, tr(h, "Public folders"),
		     tr(h, "Folders that belong to nobody in particular."),
		     tr(h, "There are none that you may see."));
	if (folders->cut)
		html(h, "<p class=\"notice\">%s</p>",
		     tr(h, "You have more folders than fit on this page."));
	frame_end(r);
}

static void show(struct request *r, struct imap *imap, const char *login)
{
	struct folders folders;
	char *error = NULL;

	if (folders_load(imap, login, &folders, &error))
		show_page(r, &folders);
	else
		mail_session_fail(r, error);
	folders_free(&folders);
}

static void subscribe(struct request *r, struct imap *imap, const char *name, bool on)
{
	struct imap_command command = {.text = STRBUF_INIT};
	char *error = NULL;

	strbuf_append_text(&command.text, on ? "SUBSCRIBE " : "UNSUBSCRIBE ");
	/* Forms have no NULs. */
	(void)imap_put_string(&command.text, span_of(name));
	if (!imap_run(imap, &command, 1, NULL, NULL, &error))
		mail_session_fail(r, error);
	else if (command.ok)
		notice_redirect(r, "", "sharing", on ? "subscribed" : "left", 0);
	else
		show_refusal(r, command.refusal, "sharing");
	imap_command_free(&command, 1);
}

void page_sharing(struct request *r)
{
	const char *on = form_get(&r->form, "subscribe"), *off = form_get(&r->form, "unsubscribe");
	char login[DOVECOT_AUTH_LOGIN_MAX + 1];
	struct imap *imap;

	if (r->post && mail_session_unlock(r))
		return;
	if (!mail_session_open(r, &imap, login))
		return;
	if (!r->post)
		show(r, imap, login);
	else if (on != NULL || off != NULL)
		subscribe(r, imap, on != NULL ? on : off, on != NULL);
	else
		frame_fail(r, 400, tr(&r->html, "This cannot be done so"),
			   tr(&r->html, "Go back and try again."));
	imap_close(&imap);
}
