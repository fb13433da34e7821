/*
 * spamtraind - the training service: everything that teaches a user's filter from outside the
 * delivery, and what must be done from time to time.
 *
 *	Dovecot plugin ----------------------------------+
 *	spamtrain, web --> local socket, wait -----------+--> spool of files --> spool thread
 *	Postfix --LMTP--> training addresses, wait ------+                            |
 *	                                                                      correction_apply()
 *	purge thread: expired signatures, history, quarantines               /            |
 *	digest thread: daily mail about what is new in quarantine   classifier_correct()  |
 *	                                                                                  |
 *	Dovecot <--LMTP-- outbox threads: releases, answers <-- outbox of files <---------+
 *
 * Who owns what. Users' stores and quarantines belong to lda_user, as which this process runs; it
 * shares them with shoveler-lda by SQLite's locks. The spool belongs to lda_user, and the mail
 * processes (mail_user's group) may write into it. No state is kept that a restart would lose.
 *
 * When is a correction accepted? From the plugin: when the file is in the spool. By the socket:
 * when it is in the spool, synced; only then it is answered. By mail: when the store has
 * committed; until then Postfix keeps it. A file is deleted after the commit, and what is done
 * twice counts once, so kill -9 at any moment loses nothing.
 *
 * On errors. A store in trouble: its user's corrections wait, in order, and are tried again with
 * back-off; mail gets a 4xx. A malformed file: put aside in bad/. A bad user or an unknown
 * signature: one log line, gone. Dovecot down: releases and answers wait in the outbox, and nothing
 * else does. A configuration error: nothing starts, and a reload changes nothing.
 *
 * SIGHUP takes over everything but the addresses to listen on and the place of the spool. SIGTERM
 * ends after the correction in work; Dovecot gets 10 s for what it has in work.
 */
#include "lib/daemon.h"
#include "lib/listener.h"
#include "lib/server.h"
#include "lib/watchdog.h"
#include "lib/xalloc.h"
#include "spamtrain/daemon/spamtraind_digest.h"
#include "spamtrain/daemon/spamtraind_purge.h"
#include "spamtrain/daemon/spamtraind_socket.h"
#include "spamtrain/daemon/training_address.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_SESSIONS_MAX  128
#define SOCKET_TIMEOUT_S     60
#define DRAIN_TIMEOUT_S	     40	  /* longer than a session waits for the spool */
#define SOCKET_MODE	     0666 /* who asks is looked at: spamtraind_clients */
#define TRAINING_SOCKET_MODE 0666 /* only signed mail is believed, whoever brings it */

static struct spool_worker *worker;
static struct ticker *purger, *digester;
static struct server *socket_server, *training_server;

static bool has_training_addresses(const struct conf *conf)
{
	return conf_list(conf, P_TRAINING_SPAM_ADDRESSES)[0] != NULL ||
	       conf_list(conf, P_TRAINING_INNOCENT_ADDRESSES)[0] != NULL ||
	       conf_list(conf, P_SPAM_TRAPS)[0] != NULL;
}

static const struct passwd *find_user(const struct conf *conf, enum conf_param param,
				      char **error_r)
{
	const struct passwd *user = getpwnam(conf_text(conf, param));

	if (user == NULL)
		*error_r = xasprintf("%s: there is no system user \"%s\"", conf_name(param),
				     conf_text(conf, param));
	return user;
}

static int check(const struct conf *conf, char **error_r)
{
	struct spamtraind *service;

	if (conf_text(conf, P_SPAMTRAIND_LISTEN)[0] == '\0' ||
	    (has_training_addresses(conf) && conf_text(conf, P_TRAINING_LISTEN)[0] == '\0')) {
		*error_r = xstrdup("spamtraind_listen, and with training addresses "
				   "or spam traps training_listen, must not be empty");
		return -1;
	}
	if (find_user(conf, P_LDA_USER, error_r) == NULL ||
	    find_user(conf, P_MAIL_USER, error_r) == NULL)
		return -1;
	service = spamtraind_new(conf, error_r);
	if (service == NULL)
		return -1;
	spamtraind_drop(&service);
	return 0;
}

static int prepare(const struct conf *conf, char **error_r)
{
	const struct passwd *user = find_user(conf, P_LDA_USER, error_r);
	char *outbox;
	int prepared;
	uid_t uid;
	gid_t gid;

	if (user == NULL)
		return -1;
	uid = user->pw_uid;
	gid = user->pw_gid;
	user = find_user(conf, P_MAIL_USER, error_r);
	if (user == NULL ||
	    retrain_spool_prepare(conf_text(conf, P_RETRAIN_SPOOL), uid, user->pw_gid, error_r) < 0)
		return -1;
	outbox = xasprintf("%s/" OUTBOX_FOLDER_NAME, conf_text(conf, P_RETRAIN_SPOOL));
	prepared = retrain_spool_prepare(outbox, uid, gid, error_r);
	free(outbox);
	return prepared;
}

static bool socket_is_full(void)
{
	return server_is_full(socket_server);
}

static bool training_is_full(void)
{
	return server_is_full(training_server);
}

static const struct watchdog_probe socket_probe = {
	.name = "local socket",
	.type = SOCK_SEQPACKET,
	.question = {"request=ping\n", sizeof("request=ping\n") - 1},
	.answer = "status=ok",
	.is_full = socket_is_full,
};
static const struct watchdog_probe training_probe = {
	.name = "training addresses",
	.type = SOCK_STREAM,
	.answer = "220 ",
	.is_full = training_is_full,
};

/* The socket belongs to lda_user, whose programs may connect. */
static int listen_on(const struct conf *conf, enum conf_param param, mode_t mode,
		     struct watchdog_probe probe, char **error_r)
{
	const struct passwd *user = find_user(conf, P_LDA_USER, error_r);
	struct listener_access access = {mode, (uid_t)-1, (gid_t)-1};

	if (user == NULL || endpoint_parse(conf_text(conf, param), &probe.endpoint, error_r) < 0)
		return -1;
	if (geteuid() == 0) {
		access.owner = user->pw_uid;
		access.group = user->pw_gid;
	}
	watchdog_add_probe(&probe);
	return listener_open(&probe.endpoint, probe.type, access, error_r);
}

static int start_servers(int socket_fd, int training_fd, char **error_r)
{
	const struct server_settings local = {"local socket",
					      socket_fd,
					      SOCKET_SESSIONS_MAX,
					      SOCKET_TIMEOUT_S,
					      DRAIN_TIMEOUT_S,
					      spamtraind_session,
					      worker};
	const struct server_settings training = {"training addresses",
						 training_fd,
						 TRAINING_SESSIONS_MAX,
						 TRAINING_TIMEOUT_S,
						 DRAIN_TIMEOUT_S,
						 training_address_session,
						 worker};

	if (server_start(&local, &socket_server, error_r) < 0)
		return -1;
	return training_fd < 0 ? 0 : server_start(&training, &training_server, error_r);
}

static int start(const struct conf *conf, char **error_r)
{
	int socket_fd, training_fd = -1;
	struct spamtraind *service = spamtraind_new(conf, error_r);

	if (service == NULL)
		return -1;
	spamtraind_set_current(service);
	socket_fd = listen_on(conf, P_SPAMTRAIND_LISTEN, SOCKET_MODE, socket_probe, error_r);
	if (socket_fd < 0)
		return -1;
	if (has_training_addresses(conf)) {
		training_fd = listen_on(conf, P_TRAINING_LISTEN, TRAINING_SOCKET_MODE,
					training_probe, error_r);
		if (training_fd < 0)
			return -1;
	}
	if (daemon_become(conf_text(conf, P_LDA_USER), error_r) < 0)
		return -1;
	correction_time_open(conf_text(conf, P_RETRAIN_SPOOL));
	if (spool_worker_start(conf_text(conf, P_RETRAIN_SPOOL), &worker, error_r) < 0 ||
	    ticker_start(&purger, "purging", purge_loop, error_r) < 0 ||
	    ticker_start(&digester, "digests", digest_loop, error_r) < 0)
		return -1;
	return start_servers(socket_fd, training_fd, error_r);
}

static int reload(const struct conf *conf, char **error_r)
{
	struct spamtraind *service = spamtraind_new(conf, error_r);

	if (service == NULL)
		return -1;
	spamtraind_set_current(service);
	return 0;
}

/* The spool thread last: sessions wait for it. */
static void stop(void)
{
	server_stop(&training_server);
	server_stop(&socket_server);
	ticker_stop(&digester);
	ticker_stop(&purger);
	spool_worker_stop(&worker);
	correction_time_close();
	spamtraind_set_current(NULL);
}

int main(int argc, char **argv)
{
	static const struct daemon daemon = {
		.name = "spamtraind",
		.summary = "Teaches users' filters what they correct; releases; purges.",
		.check = check,
		.prepare = prepare,
		.start = start,
		.reload = reload,
		.stop = stop,
		.metrics_listen = P_SPAMTRAIND_METRICS_LISTEN,
	};

	return daemon_main(argc, argv, &daemon);
}
