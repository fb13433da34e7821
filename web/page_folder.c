/* One folder: who may do what in it, and the form that changes it. */
#include "web/folders.h"
#include "web/pages.h"
#include "web/show_folder.h"

#include "lib/address.h"
#include "lib/msg.h"
#include "web/site.h"

#include <ctype.h>

/* What the user wants for somebody, as his form says it. */
struct wish {
	const char *who, *kind, *level, *letters;
};

static struct wish read_wish(const struct form *form)
{
	return (struct wish){form_text(form, "who"), form_text(form, "kind"),
			     form_text(form, "level"), form_text(form, "letters")};
}

static void show_grants(struct request *r, const struct folder *folder)
{
	struct html *h = &r->html;

	if (folder->grant_count == 0) {
		html(h, "<p class=\"empty\">%s</p>",
		     folder->kind == FOLDER_OWN ? tr(h, "Only you see this folder.")
						: tr(h, "Nobody else has rights here."));
		return;
	}
	html(h, "<form method=\"post\" action=\"folder\">");
	form_token_field(r);
	html(h, "<input type=\"hidden\" name=\"f\" value=\"%s\"><ul class=\"messages\">",
	     folder->name);
	for (size_t i = 0; i < folder->grant_count; i++) {
		const struct folder_grant *grant = &folder->grants[i];

		html(h,
		     "<li class=\"message sender\"><div class=\"what\"><span class=\"subject\">");
		show_grantee(r, grant->who);
		html(h, "</span><span class=\"from\">");
		show_rights(r, grant->rights);
		html(h,
		     "</span></div><div class=\"act\"><button class=\"small\" name=\"remove\" "
		     "value=\"%s\" aria-label=\"%s: %s\">%s</button></div></li>",
		     grant->who, tr(h, "Stop sharing"), grant->who, tr(h, "Stop sharing"));
	}
	html(h, "</ul></form>");
}

static void show_level(struct request *r, const char *value, const char *label, const char *hint,
		       const char *chosen)
{
	struct html *h = &r->html;

	html(h,
	     "<p class=\"choice\"><input type=\"radio\" name=\"level\" value=\"%s\" "
	     "id=\"level-%s\" aria-describedby=\"level-%s-hint\"%s>",
	     value, value, value, strcmp(value, chosen) == 0 ? " checked" : "");
	html(h,
	     "<label for=\"level-%s\">%s</label><span class=\"hint\" id=\"level-%s-hint\">%s</span></p>",
	     value, label, value, hint);
}

static void show_levels(struct request *r, const struct wish *wish)
{
	const char *chosen = wish->level[0] != '\0' ? wish->level : "read";
	struct html *h = &r->html;

	html(h, "<fieldset><legend>%s</legend>", tr(h, "What they may do"));
	show_level(r, "read", tr(h, "Read"), tr(h, "see the folder and its messages"), chosen);
	show_level(r, "write", tr(h, "Read and write"),
		   tr(h, "also put messages there, mark and delete them"), chosen);
	show_level(r, "manage", tr(h, "Manage"),
		   tr(h, "also make folders below, delete it, and share it with others"), chosen);
	show_level(r, "letters", tr(h, "Exactly these rights"),
		   tr(h, "by the letters of IMAP: l r s w i p k x t e a"), chosen);
	html(h,
	     "<p><label for=\"letters\">%s</label><input type=\"text\" id=\"letters\" name=\"letters\" "
	     "value=\"%s\" maxlength=\"%d\" autocapitalize=\"none\" autocomplete=\"off\" "
	     "spellcheck=\"false\"></p></fieldset>",
	     tr(h, "Letters"), wish->letters, FOLDERS_RIGHT_SIZE - 1);
}

static void show_form(struct request *r, const struct folder *folder, const struct wish *wish,
		      const char *problem)
{
	struct html *h = &r->html;

	html(h, "<section class=\"card\"><h2>%s</h2><form method=\"post\" action=\"folder\">",
	     tr(h, "Share with"));
	form_token_field(r);
	html(h, "<input type=\"hidden\" name=\"f\" value=\"%s\">", folder->name);
	if (problem != NULL)
		html(h, "<p class=\"notice trouble\" role=\"alert\" id=\"problem\">%s</p>",
		     problem);
	html(h, "<p><label for=\"kind\">%s</label><select id=\"kind\" name=\"kind\">",
	     tr(h, "A person or a group"));
	show_option(r, "person", tr(h, "Person"), wish->kind);
	show_option(r, "group", tr(h, "Group"), wish->kind);
	html(h, "</select></p>");
	html(h,
	     "<p><label for=\"who\">%s</label><input id=\"who\" name=\"who\" value=\"%s\" "
	     "type=\"text\" inputmode=\"email\" autocapitalize=\"none\" autocomplete=\"off\" "
	     "spellcheck=\"false\" maxlength=\"%d\" required",
	     tr(h, "Mail address, or name of the group"), wish->who, DOVECOT_AUTH_LOGIN_MAX);
	if (problem != NULL)
		html(h, " aria-invalid=\"true\" aria-describedby=\"problem\"");
	html(h, "></p>");
	show_levels(r, wish);
	html(h, "<p><button class=\"primary\">%s</button></p></form></section>", tr(h, "Share"));
}

static void show_page(struct request *r, const struct folder *folder, const struct wish *wish,
		      const char *problem)
{
	struct html *h = &r->html;
	struct strbuf name = STRBUF_INIT;

	if (problem != NULL)
		r->response.status = 422;
	imap_name_text(&name, span_of(folder->name));
	frame_begin(r, strbuf_text(&name), "sharing");
	strbuf_free(&name);
	if (folder->kind != FOLDER_OWN) {
		html(h, "<p class=\"lead\">%s ", tr(h, "Your own rights here: you"));
		show_rights(r, folder->rights);
		html(h, "</p>");
	}
	show_grants(r, folder);
	if (folder_may(folder, 'a'))
		show_form(r, folder, wish, problem);
	html(h, "<p><a href=\"sharing\">%s</a></p>", tr(h, "Back to all folders"));
	frame_end(r);
}

/* problem: what went wrong with the wish, or NULL. */
static void show(struct request *r, struct imap *imap, const char *login, const char *name,
		 const struct wish *wish, const char *problem)
{
	struct folders folders;
	char *error = NULL;

	if (!folders_load_one(imap, login, name, &folders, &error))
		mail_session_fail(r, error);
	else if (folders.count == 0)
		frame_fail(r, 404, tr(&r->html, "There is no such folder"),
			   tr(&r->html, "It is not yours to see, or no longer there."));
	else
		show_page(r, &folders.list[0], wish, problem);
	folders_free(&folders);
}

/* ---- changes ---- */

/* Whom IMAP calls so; or what is wrong with the name. */
static const char *put_grantee(struct request *r, const struct wish *wish, struct strbuf *out)
{
	struct html *h = &r->html;
	struct span who = span_trim(span_of(wish->who));

	if (strcmp(wish->kind, "group") == 0) {
		if (who.size > 0 && who.data[0] == '$')
			who = span_from(who, 1);
		strbuf_append_char(out, '$');
		for (size_t i = 0; i < who.size; i++)
			strbuf_append_char(out, (char)tolower((unsigned char)who.data[i]));
		return who.size > 0 ? NULL : tr(h, "Say with which group.");
	}
	strbuf_append_span(out, who);
	if (who.size == 0)
		return tr(h, "Say with whom.");
	/* "-bob@...", "$group" and "anyone" mean something else to the server. */
	if (strchr("-$!#", who.data[0]) == NULL && address_is_user(who))
		return NULL;
	strbuf_reset(out);
	return strchr("-$!#", who.data[0]) == NULL && site_user(r->site, wish->who, out)
		       ? NULL
		       : tr(h, "This is no mail address.");
}

static const char *put_rights(struct request *r, const struct wish *wish, struct strbuf *out)
{
	static const struct {
		const char *name;
		enum folder_level level;
	} levels[] = {{"read", LEVEL_READ}, {"write", LEVEL_WRITE}, {"manage", LEVEL_MANAGE}};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(wish->level, levels[i].name) == 0)
			strbuf_append_text(out, folder_level_rights(levels[i].level));
	}
	if (out->size == 0)
		strbuf_append_text(out, wish->letters);
	return folder_rights_valid(strbuf_text(out))
		       ? NULL
		       : tr(&r->html, "Rights are letters of l r s w i p k x t e a.");
}

/* SETACL or DELETEACL; rights: NULL for the latter. */
static void change(struct request *r, struct imap *imap, const char *login, const char *name,
		   const char *who, const char *rights)
{
	struct imap_command command = {.text = STRBUF_INIT};
	struct wish wish = read_wish(&r->form);
	struct strbuf back = STRBUF_INIT;
	char *error = NULL;

	strbuf_append_text(&command.text, rights != NULL ? "SETACL " : "DELETEACL ");
	/* Forms have no NULs. */
	(void)imap_put_string(&command.text, span_of(name));
	strbuf_append_char(&command.text, ' ');
	(void)imap_put_string(&command.text, span_of(who));
	if (rights != NULL)
		strbuf_printf(&command.text, " %s", rights);
	folder_link(&back, name);
	if (!imap_run(imap, &command, 1, NULL, NULL, &error)) {
		mail_session_fail(r, error);
	} else if (command.ok) {
		msg_info("%s: user=<%s>, action=%s, folder=<%s>, who=<%s>, rights=%s", r->client,
			 r->session.user, rights != NULL ? "share" : "unshare", name, who,
			 rights != NULL ? rights : "");
		notice_redirect(r, strbuf_text(&back), "sharing",
				rights != NULL ? "shared" : "unshared", 0);
	} else {
		show(r, imap, login, name, &wish, refusal_text(r, command.refusal));
	}
	strbuf_free(&back);
	imap_command_free(&command, 1);
}

static void share(struct request *r, struct imap *imap, const char *login, const char *name)
{
	struct wish wish = read_wish(&r->form);
	struct strbuf who = STRBUF_INIT, rights = STRBUF_INIT;
	const char *problem = put_grantee(r, &wish, &who);

	if (problem == NULL)
		problem = put_rights(r, &wish, &rights);
	if (problem == NULL)
		change(r, imap, login, name, strbuf_text(&who), strbuf_text(&rights));
	else
		show(r, imap, login, name, &wish, problem);
	strbuf_free(&who);
	strbuf_free(&rights);
}

void page_folder(struct request *r)
{
	static const struct wish none = {"", "", "", ""};
	const char *name = form_text(r->post ? &r->form : &r->query, "f");
	const char *remove = form_get(&r->form, "remove");
	char login[DOVECOT_AUTH_LOGIN_MAX + 1];
	struct imap *imap;

	if (!mail_session_open(r, &imap, login))
		return;
	if (!r->post)
		show(r, imap, login, name, &none, NULL);
	else if (remove != NULL)
		change(r, imap, login, name, remove, NULL);
	else
		share(r, imap, login, name);
	imap_close(&imap);
}
