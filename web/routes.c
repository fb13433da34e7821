#include "web/routes.h"

#include "web/pages.h"
#include "web/site.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <stdlib.h>

METRIC_COUNTER(forged, "shoveler_web_forms_refused_total",
	       "Forms without the right token, or from elsewhere");

enum method { GET = 1, POST = 2 };
enum who { ANYBODY, USERS, FILES };

/* FILES: style, script: no session, kept by the browser. */
static const struct route {
	const char *path;
	int methods;
	enum who who;
	void (*page)(struct request *r);
} routes[] = {
	{"", GET, USERS, page_home},
	{"export", GET, USERS, page_export},
	{"fallback", GET | POST, USERS, page_fallback},
	{"folder", GET | POST, USERS, page_folder},
	{"forget", GET | POST, USERS, page_forget},
	{"held", GET, USERS, page_held},
	{"help", GET, ANYBODY, page_help},
	{"history", GET | POST, USERS, page_history},
	{"host", GET | POST, USERS, page_host},
	{"link", GET | POST, ANYBODY, page_link},
	{"logo.svg", GET, FILES, page_logo},
	{"message", GET, USERS, page_message},
	{"picture", GET, FILES, page_picture},
	{"preferences", GET | POST, USERS, page_preferences},
	{"quarantine", GET | POST, USERS, page_quarantine},
	{"script.js", GET, FILES, page_script},
	{"sharing", GET | POST, USERS, page_sharing},
	{"sign-in", GET | POST, ANYBODY, page_sign_in},
	{"sign-out", POST, USERS, page_sign_out},
	{"statistics", GET, USERS, page_statistics},
	{"style.css", GET, FILES, page_style},
	{"trusted", GET | POST, USERS, page_trusted},
};

static const struct route *find(struct span path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (span_equal(path, span_of(routes[i].path)))
			return &routes[i];
	}
	return NULL;
}

bool routes_is_own(const char *location)
{
	const struct route *route = find((struct span){location, strcspn(location, "?")});

	if (route == NULL || route->who != USERS || (route->methods & GET) == 0)
		return false;
	/* What may stand in a query as browsers write it; no line ends, no other host. */
	for (const char *c = location; *c != '\0'; c++) {
		if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\#:/", *c) != NULL)
			return false;
	}
	return true;
}

/* The cookie, or what the proxy says, or a new session of nobody. */
static void find_session(struct request *r)
{
	const struct session_keeper *keeper = r->site->keeper;
	struct strbuf user = STRBUF_INIT;
	bool had = session_read(keeper, span_of(r->cookie), r->now, &r->session);

	if (!had)
		session_begin(keeper, "", false, r->now, &r->session);
	if (r->proxy_user[0] != '\0' && site_user(r->site, r->proxy_user, &user)) {
		if (strcmp(strbuf_text(&user), r->session.user) != 0) {
			session_begin(keeper, strbuf_text(&user), true, r->now, &r->session);
			had = false;
		}
	} else if (r->session.by_proxy) {
		/* He signed out there. */
		session_begin(keeper, "", false, r->now, &r->session);
		had = false;
	}
	strbuf_free(&user);
	if (!had || session_is_stale(keeper, &r->session, r->now))
		request_issue_session(r);
}

/* The form was made for this session, and came from one of our own pages. */
static bool is_genuine(const struct request *r)
{
	char token[MAC_HEX_SIZE];
	const char *host = strstr(r->origin, "://");

	session_form_token(r->site->keeper, &r->session, token);
	if (!mac_equal(token, span_of(form_text(&r->form, "token"))))
		return false;
	if (r->origin[0] == '\0')
		return true;
	if (r->site->origin[0] != '\0')
		return strcasecmp(r->origin, r->site->origin) == 0;
	return host != NULL && strcasecmp(host + 3, r->host) == 0;
}

static void ask_to_sign_in(struct request *r)
{
	struct strbuf location = STRBUF_INIT, wanted = STRBUF_INIT;

	strbuf_append_text(&location, "sign-in");
	strbuf_append_text(&wanted, r->path);
	if (r->raw_query != NULL)
		strbuf_printf(&wanted, "?%s", r->raw_query);
	if (r->path[0] != '\0' && routes_is_own(strbuf_text(&wanted))) {
		strbuf_append_text(&location, "?to=");
		url_component(&location, strbuf_text(&wanted));
	}
	respond_redirect(r, strbuf_text(&location));
	strbuf_free(&location);
	strbuf_free(&wanted);
}

static void refuse_form(struct request *r)
{
	struct html *h = &r->html;

	metric_add(&forged, 1);
	msg_warn("%s: user=<%s>, path=/%s, refused: a form without the right token, or of origin "
		 "%s",
		 r->client, r->session.user, r->path, r->origin);
	frame_fail(r, 403, tr(h, "This form is no longer valid"),
		   tr(h, "Nothing was changed. Perhaps you have signed in or out in another "
			 "window meanwhile: go back, load the page again, and try once more."));
}

static void open_page(struct request *r, const struct route *route)
{
	const struct catalogue *own;

	find_session(r);
	own = catalogue_find(r->session.language);
	if (own != NULL)
		r->html.catalogue = own;
	if (route->who == USERS && !request_has_user(r)) {
		if (r->post)
			frame_fail(r, 403, tr(&r->html, "You are signed out"),
				   tr(&r->html, "Nothing was changed. Sign in and try again."));
		else
			ask_to_sign_in(r);
	} else if (r->post && !is_genuine(r)) {
		refuse_form(r);
	} else {
		route->page(r);
	}
}

void routes_handle(struct request *r)
{
	const struct route *route = find(span_of(r->path));
	struct html *h = &r->html;

	h->catalogue = catalogue_wanted(r->languages);
	r->response.type = "text/html; charset=utf-8";
	if (route == NULL)
		frame_fail(r, 404, tr(h, "There is no such page"),
			   tr(h, "Perhaps the address was cut off."));
	else if ((route->methods & (r->post ? POST : GET)) == 0)
		frame_fail(r, 405, tr(h, "This cannot be done so"),
			   tr(h, "Go back and try again."));
	else if (route->who == FILES)
		route->page(r);
	else
		open_page(r, route);
}
