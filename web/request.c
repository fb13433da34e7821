#include "web/request.h"

#include "web/site.h"

#include "lib/xalloc.h"

#include <stdlib.h>

void request_issue_session(struct request *r)
{
	struct strbuf token = STRBUF_INIT;

	session_issue(r->site->keeper, &r->session, r->now, &token);
	free(r->response.cookie);
	r->response.cookie = strbuf_steal(&token);
}

void respond_redirect(struct request *r, const char *location)
{
	r->response.status = 303;
	r->response.type = "text/plain; charset=utf-8";
	free(r->response.location);
	r->response.location = xstrdup(location);
	strbuf_reset(&r->html.out);
}

void request_free(struct request *r)
{
	form_free(&r->query);
	form_free(&r->form);
	free(r->raw_query);
	strbuf_free(&r->html.out);
	free(r->response.location);
	free(r->response.cookie);
	free(r->response.mail_cookie);
	site_drop(&r->site);
}
