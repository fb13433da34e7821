#include "web/site.h"

#include "lib/address.h"
#include "lib/text_list.h"
#include "lib/xalloc.h"

#include <stdlib.h>

/* "https://host[:port]" of an URL: what browsers send as Origin. */
static int read_origin(const char *url, char **origin_r, char **error_r)
{
	const char *host = strstr(url, "://");

	*origin_r = NULL;
	if (url[0] == '\0') {
		*origin_r = xstrdup("");
		return 0;
	}
	if (strncmp(url, "https://", 8) != 0 || host[3] == '\0' || host[3] == '/') {
		*error_r = xstrdup("web_url must be https://HOST/..., or empty");
		return -1;
	}
	host += 3;
	*origin_r = xstrndup(url, (size_t)(host - url) + strcspn(host, "/"));
	return 0;
}

/* Everybody on the host may connect to a port, and could say that he is the proxy. */
static int check_sign_on(const struct conf *conf, char **error_r)
{
	struct endpoint listen;

	if (conf_text(conf, P_WEB_SIGN_ON_HEADER)[0] == '\0')
		return 0;
	if (endpoint_parse(conf_text(conf, P_WEB_LISTEN), &listen, error_r) < 0)
		return -1;
	if (listen.is_unix && conf_text(conf, P_WEB_LISTEN_GROUP)[0] != '\0')
		return 0;
	*error_r = xstrdup("web_sign_on_header needs a web_listen that only the proxy can reach: "
			   "unix:/path with web_listen_group");
	return -1;
}

/* Empty: no pages about folders. Passwords go there in clear text: no further than this host. */
static int read_imap(const struct conf *conf, struct site *site, char **error_r)
{
	const char *server = conf_text(conf, P_WEB_IMAP_SERVER);

	site->has_imap = server[0] != '\0';
	if (!site->has_imap)
		return 0;
	if (endpoint_parse(server, &site->imap, error_r) < 0)
		return -1;
	if (site->imap.is_unix || strncmp(site->imap.host, "127.", 4) == 0 ||
	    strcmp(site->imap.host, "::1") == 0 || strcmp(site->imap.host, "localhost") == 0)
		return 0;
	*error_r = xstrdup("web_imap_server must be on this host: unix:/path, or a port on "
			   "127.0.0.1 or ::1");
	return -1;
}

struct site *site_new(const struct conf *conf, char **error_r)
{
	struct site *site = xcalloc(1, sizeof(*site));

	atomic_init(&site->users, 1);
	site->delimiters = xstrdup(conf_text(conf, P_RECIPIENT_DELIMITER));
	site->login_domain = xstrdup(conf_text(conf, P_TRAINING_LOGIN_DOMAIN));
	site->host_admins = text_list_copy(conf_list(conf, P_WEB_HOST_ADMINS));
	site->domain_admins = text_list_copy(conf_list(conf, P_WEB_DOMAIN_ADMINS));
	site->sign_on_header = xstrdup(conf_text(conf, P_WEB_SIGN_ON_HEADER));
	if (endpoint_parse(conf_text(conf, P_WEB_AUTH_SOCKET), &site->auth, error_r) < 0 ||
	    read_imap(conf, site, error_r) < 0 ||
	    read_origin(conf_text(conf, P_WEB_URL), &site->origin, error_r) < 0 ||
	    check_sign_on(conf, error_r) < 0)
		site_drop(&site);
	return site;
}

struct site *site_hold(struct site *site)
{
	atomic_fetch_add(&site->users, 1);
	return site;
}

void site_drop(struct site **site_p)
{
	struct site *site = *site_p;

	*site_p = NULL;
	if (site == NULL || atomic_fetch_sub(&site->users, 1) > 1)
		return;
	free(site->delimiters);
	free(site->login_domain);
	text_list_free(site->host_admins);
	text_list_free(site->domain_admins);
	free(site->sign_on_header);
	free(site->origin);
	free(site);
}

bool site_user(const struct site *site, const char *login, struct strbuf *out)
{
	struct strbuf address = STRBUF_INIT;
	bool ok;

	strbuf_append_text(&address, login);
	if (strchr(login, '@') == NULL && site->login_domain[0] != '\0')
		strbuf_printf(&address, "@%s", site->login_domain);
	ok = address_user(strbuf_span(&address), site->delimiters, out);
	strbuf_free(&address);
	return ok;
}
