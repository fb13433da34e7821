/*
 * shoveler-web - what users see of their filter: history, quarantine, sharing, preferences...
 *
 *	browser --TLS--> nginx or Apache --HTTP, Unix socket--> http.c --> routes.c --> page_*.c
 *	                                                                      |             |
 *	              Dovecot's auth socket (sign in) <----- dovecot_auth.c --+             ask.c
 *	                                                                                    |
 *	              Dovecot's IMAP, as the user <---- imap.c, mail_session.c -----+
 *	              root's report, and requests to it <---- host_report.c --------+
 *	                                                                                    |
 *	                                                     spamtraind's socket <----------+
 *
 * Who owns what. Nothing of a user is here: each page asks spamtraind, in the name of the user who
 * is signed in, and there is no other way to name one (ask_begin()). This process runs as web_user,
 * who can read neither mail nor stores. Its state folder holds the key that signs cookies, and
 * notes of sessions that were ended early (session.h); without it everybody signs in again.
 *
 * What keeps users apart: the cookie is signed and names its user; a signature of another user is
 * "unknown" to spamtraind. What keeps strangers out of forms: a token bound to the session and a
 * look at Origin, before any page sees a POST (routes.c). What keeps foreign text from being
 * markup: markup.h, where there is no way to write it raw, and a Content-Security-Policy without
 * inline script.
 *
 * On errors. spamtraind or Dovecot away: 503 and a page that says so. A malformed request: 400. A
 * configuration error: nothing starts, and a reload changes nothing.
 *
 * A thread a connection; each asks and waits. SIGHUP takes over what make_site() reads.
 * SIGTERM ends after the requests in work.
 */
#include "web/ask.h"
#include "web/host_report.h"
#include "web/http.h"
#include "web/routes.h"
#include "web/site.h"

#include "lib/daemon.h"
#include "lib/listener.h"
#include "lib/msg.h"
#include "lib/watchdog.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct site *current; /* under lock */
static struct session_keeper *keeper;
static struct limiter *limiter;
static struct asker *asker;
static struct mail_key *mail_key;
static struct host_report *report;
static struct http *http;

static struct site *hold_current(void)
{
	struct site *site;

	pthread_mutex_lock(&lock);
	site = site_hold(current);
	pthread_mutex_unlock(&lock);
	return site;
}

/* ---- checks ---- */

static const struct passwd *find_user(const struct conf *conf, char **error_r)
{
	const struct passwd *user = getpwnam(conf_text(conf, P_WEB_USER));

	if (user == NULL)
		*error_r = xasprintf("web_user: there is no system user \"%s\"",
				     conf_text(conf, P_WEB_USER));
	return user;
}

/* gid_t -1: everybody. */
static int find_group(const struct conf *conf, gid_t *group_r, char **error_r)
{
	const char *name = conf_text(conf, P_WEB_LISTEN_GROUP);
	const struct group *group;

	*group_r = (gid_t)-1;
	if (name[0] == '\0')
		return 0;
	group = getgrnam(name);
	if (group == NULL) {
		*error_r = xasprintf("web_listen_group: there is no system group \"%s\"", name);
		return -1;
	}
	*group_r = group->gr_gid;
	return 0;
}

static bool is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	       strcmp(host, "localhost") == 0;
}

static int check(const struct conf *conf, char **error_r)
{
	struct endpoint endpoint;
	struct site *site;
	gid_t group;

	if (conf_text(conf, P_WEB_LISTEN)[0] == '\0') {
		*error_r = xstrdup("web_listen must not be empty");
		return -1;
	}
	if (endpoint_parse(conf_text(conf, P_WEB_LISTEN), &endpoint, error_r) < 0)
		return -1;
	if (!endpoint.is_unix && !is_loopback(endpoint.host)) {
		*error_r =
			xstrdup("web_listen must be a Unix socket, or a port on 127.0.0.1 or ::1: "
				"a proxy in front of it speaks TLS");
		return -1;
	}
	if (find_user(conf, error_r) == NULL ||
	    (endpoint.is_unix && find_group(conf, &group, error_r) < 0))
		return -1;
	site = site_new(conf, error_r);
	if (site == NULL)
		return -1;
	site_drop(&site);
	return 0;
}

/* ---- start, reload, stop ---- */

static bool is_full(void)
{
	return http_is_full(http);
}

static int listen_for_proxy(const struct conf *conf, char **error_r)
{
	static const char question[] = "GET /" HTTP_WATCHDOG_PATH " HTTP/1.0\r\n\r\n";
	const struct passwd *user = getpwnam(conf_text(conf, P_WEB_USER));
	struct listener_access access = {0666, (uid_t)-1, (gid_t)-1};
	struct watchdog_probe probe = {
		.name = "HTTP",
		.type = SOCK_STREAM,
		.question = {question, sizeof(question) - 1},
		.answer = "HTTP/1",
		.is_full = is_full,
	};

	if (endpoint_parse(conf_text(conf, P_WEB_LISTEN), &probe.endpoint, error_r) < 0 ||
	    (probe.endpoint.is_unix && find_group(conf, &access.group, error_r) < 0))
		return -1;
	if (access.group != (gid_t)-1) {
		access.mode = 0660;
		if (geteuid() == 0 && user != NULL)
			access.owner = user->pw_uid;
	}
	watchdog_add_probe(&probe);
	return listener_open(&probe.endpoint, SOCK_STREAM, access, error_r);
}

/* As root we make it; else it has to be there. */
static int make_state_directory(const struct conf *conf, char **error_r)
{
	const char *path = conf_text(conf, P_WEB_STATE_DIRECTORY);
	const struct passwd *user = find_user(conf, error_r);

	if (user == NULL)
		return -1;
	if (mkdir(path, 0700) == 0) {
		if (geteuid() != 0 || lchown(path, user->pw_uid, user->pw_gid) == 0)
			return 0;
	} else if (errno == EEXIST) {
		return 0;
	}
	*error_r = xasprintf("web_state_directory: cannot make %s: %s", path, strerror(errno));
	return -1;
}

/* As web_user. */
static int open_state(const struct conf *conf, char **error_r)
{
	char *folder;

	if (daemon_become(conf_text(conf, P_WEB_USER), error_r) < 0 ||
	    session_keeper_open(conf_text(conf, P_WEB_STATE_DIRECTORY),
				(time_t)conf_number(conf, P_WEB_SESSION_IDLE_TIME),
				(time_t)conf_number(conf, P_WEB_SESSION_LIFETIME), &keeper,
				error_r) < 0)
		return -1;
	session_sweep(keeper, time(NULL));
	limiter = limiter_new();
	mail_key = mail_key_new();
	folder = xasprintf("%s/report", conf_text(conf, P_STATE_DIRECTORY));
	report = host_report_new(folder);
	free(folder);
	asker = asker_new(conf_text(conf, P_SPAMTRAIND_LISTEN));
	return 0;
}

static struct site *make_site(const struct conf *conf, char **error_r)
{
	struct site *site = site_new(conf, error_r);

	if (site != NULL) {
		site->keeper = keeper;
		site->limiter = limiter;
		site->asker = asker;
		site->mail_key = mail_key;
		site->report = report;
	}
	return site;
}

static int start(const struct conf *conf, char **error_r)
{
	struct http_settings settings = {
		.max_connections = (unsigned)conf_number(conf, P_WEB_MAX_CONNECTIONS),
		.hold_site = hold_current,
		.handle = routes_handle,
	};

	settings.listen_fd = listen_for_proxy(conf, error_r);
	if (settings.listen_fd < 0)
		return -1;
	if (open_state(conf, error_r) < 0 || (current = make_site(conf, error_r)) == NULL ||
	    http_start(&settings, &http, error_r) < 0) {
		close(settings.listen_fd);
		return -1;
	}
	return 0;
}

static int reload(const struct conf *conf, char **error_r)
{
	struct site *fresh = make_site(conf, error_r), *old;

	if (fresh == NULL)
		return -1;
	session_sweep(keeper, time(NULL));
	pthread_mutex_lock(&lock);
	old = current;
	current = fresh;
	pthread_mutex_unlock(&lock);
	site_drop(&old);
	return 0;
}

static void stop(void)
{
	http_stop(&http);
	site_drop(&current);
	asker_free(&asker);
	limiter_free(&limiter);
	mail_key_free(&mail_key);
	host_report_free(&report);
	session_keeper_close(&keeper);
}

int main(int argc, char **argv)
{
	static const struct daemon daemon = {
		.name = "shoveler-web",
		.summary = "The web page: history, quarantine, preferences, statistics.",
		.check = check,
		.prepare = make_state_directory,
		.start = start,
		.reload = reload,
		.stop = stop,
		.metrics_listen = P_WEB_METRICS_LISTEN,
	};

	return daemon_main(argc, argv, &daemon);
}
