/*
 * shoveler-lda - takes mail from Postfix by LMTP, gives each recipient his own verdict, hands it to
 * Dovecot's LMTP, where Sieve runs as before.
 *
 *	Postfix --LMTP--> session thread --LMTP--> Dovecot
 *			       |
 *			       +-- the user's store (spamtrain/classifier/classifier.h) and quarantine
 *
 * Once the message is there, for lda_batch_size recipients of it at a time (delivery.c):
 *
 *	1. MAIL and RCPT to Dovecot. What it refuses or puts off is refused or put off by us.
 *	2. For each recipient, several at the same time, the user's preferences and the verdict,
 *	   recorded in one transaction (judge.c). The same message again, as after a delivery that
 *	   failed, gets the recorded verdict and signature and teaches nothing.
 *	3. Spam that a user wants quarantined is written into his quarantine, durably; everything
 *	   else goes to Dovecot, our fields on top, forged ones removed (lib/rewrite.h). Recipients
 *	   whose copy is then the same byte for byte get it in one transaction: all of them, mostly,
 *	   and it is the one of step 1; else there is one for each copy.
 *	4. The replies go to Postfix.
 *
 * Nobody but Postfix keeps the mail: what is not delivered or quarantined when we say 250 is still
 * in its queue. What happens on errors:
 *
 *	Dovecot is down, slow or lost	451, Postfix tries again
 *	Dovecot is lost after the	451; it may have delivered: the one moment in which LMTP
 *	final dot			can deliver twice; counted as ambiguous
 *	the store cannot be opened,	451
 *	is full, damaged, or busy for
 *	too long
 *	the classifier fails		delivered without our fields, counted, logged
 *	the address names no user	the same: Dovecot knows better who that is
 *	no room for a large message	452
 *	we are killed			the kernel removes the temporary file; Postfix tries the
 *					recipients again that had no reply: lda_batch_size of a
 *					message may get it twice
 *
 * Delivery by command (pipe.h) asks for the verdict by a socket of its own (command.h), and hands
 * the message to dovecot-lda itself.
 *
 * Threads: main waits for signals; lib/server.h accepts; one thread a session, blocking. They share
 * a struct site (site.h), which a reload replaces.
 */
#include "lda/account.h"
#include "lda/command.h"
#include "lda/pipe.h"
#include "lda/site.h"
#include "lib/daemon.h"
#include "lib/listener.h"
#include "lib/msg.h"
#include "lib/server.h"
#include "lib/watchdog.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct server *server, *command_server;
static struct site *current; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct site *hold_current(void)
{
	struct site *site;

	pthread_mutex_lock(&lock);
	site = site_hold(current);
	pthread_mutex_unlock(&lock);
	return site;
}

static void session(int fd, void *context)
{
	struct site *site = hold_current();

	(void)context;
	account_session(1);
	lmtp_server_session(fd, &site->lmtp);
	account_session(-1);
	site_release(&site);
}

static void answer_command(int fd, void *context)
{
	struct site *site = hold_current();

	(void)context;
	command_session(fd, site);
	site_release(&site);
}

/* ---- checks ---- */

static int check_directory(const char *name, const char *path, char **error_r)
{
	struct stat st;

	if (stat(path, &st) < 0)
		*error_r = xasprintf("%s: %s: %s", name, path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		*error_r = xasprintf("%s: %s is not a folder", name, path);
	else
		return 0;
	return -1;
}

static int find_group(const struct conf *conf, gid_t *group_r, char **error_r)
{
	const char *name = conf_text(conf, P_LDA_LISTEN_GROUP);
	struct group *group = getgrnam(name);

	if (group == NULL) {
		*error_r = xasprintf("lda_listen_group: there is no system group \"%s\"", name);
		return -1;
	}
	*group_r = group->gr_gid;
	return 0;
}

static int check(const struct conf *conf, char **error_r)
{
	struct endpoint endpoint, command_endpoint;
	struct site *site;
	gid_t group;
	int result;

	if (conf_text(conf, P_LDA_LISTEN)[0] == '\0' || conf_text(conf, P_LDA_NEXTHOP)[0] == '\0') {
		*error_r = xstrdup("lda_listen and lda_nexthop must not be empty");
		return -1;
	}
	if (endpoint_parse(conf_text(conf, P_LDA_LISTEN), &endpoint, error_r) < 0)
		return -1;
	if (endpoint_parse(conf_text(conf, P_LDA_PIPE_LISTEN), &command_endpoint, error_r) < 0)
		return -1;
	if (endpoint.is_unix && conf_text(conf, P_LDA_LISTEN_GROUP)[0] != '\0' &&
	    find_group(conf, &group, error_r) < 0)
		return -1;
	if (getpwnam(conf_text(conf, P_LDA_USER)) == NULL) {
		*error_r = xasprintf("lda_user: there is no system user \"%s\"",
				     conf_text(conf, P_LDA_USER));
		return -1;
	}
	if (check_directory("state_directory", conf_text(conf, P_STATE_DIRECTORY), error_r) < 0 ||
	    check_directory("temporary_directory", conf_text(conf, P_TEMPORARY_DIRECTORY),
			    error_r) < 0 ||
	    site_new(conf, &site, error_r) < 0)
		return -1;
	result = classifier_site_check(site->classifiers, error_r);
	site_release(&site);
	return result;
}

/* ---- start, reload, stop ---- */

static bool is_full(void)
{
	return server_is_full(server);
}

/* A Unix socket is for one group only, that of Postfix: who may connect may bypass the milter. */
static int listen_for_postfix(const struct conf *conf, char **error_r)
{
	const struct passwd *user = getpwnam(conf_text(conf, P_LDA_USER));
	struct listener_access access = {0666, (uid_t)-1, (gid_t)-1};
	struct watchdog_probe probe = {
		.name = "LMTP", .type = SOCK_STREAM, .answer = "220 ", .is_full = is_full};

	if (endpoint_parse(conf_text(conf, P_LDA_LISTEN), &probe.endpoint, error_r) < 0)
		return -1;
	if (probe.endpoint.is_unix && conf_text(conf, P_LDA_LISTEN_GROUP)[0] != '\0') {
		access.mode = 0660;
		if (geteuid() == 0 && user != NULL)
			access.owner = user->pw_uid;
		if (find_group(conf, &access.group, error_r) < 0)
			return -1;
	}
	watchdog_add_probe(&probe);
	return listener_open(&probe.endpoint, SOCK_STREAM, access, error_r);
}

/* As the user we have become: what would put off every delivery is better known now. */
static int check_temporary_directory(const struct conf *conf, char **error_r)
{
	const char *path = conf_text(conf, P_TEMPORARY_DIRECTORY);
	int fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0) {
		*error_r = xasprintf("temporary_directory: cannot write in %s: %s", path,
				     strerror(errno));
		return -1;
	}
	close(fd);
	return 0;
}

/* Mail waits until they can; that need not keep us from starting. */
static void warn_of_maps(const struct site *site)
{
	char *error = NULL;

	if (classifier_site_check(site->classifiers, &error) < 0)
		msg_warn("mail will wait: %s", error);
	free(error);
}

/* Everybody may connect: command.c looks who it is. */
static int listen_for_commands(const struct conf *conf, char **error_r)
{
	const struct listener_access access = {0666, (uid_t)-1, (gid_t)-1};
	struct endpoint endpoint;

	if (endpoint_parse(conf_text(conf, P_LDA_PIPE_LISTEN), &endpoint, error_r) < 0)
		return -1;
	return listener_open(&endpoint, SOCK_SEQPACKET, access, error_r);
}

/* Closes the sockets when it fails. */
static int start_servers(const struct conf *conf, int lmtp_fd, int command_fd, char **error_r)
{
	struct server_settings settings = {
		.name = "shoveler-lda",
		.listen_fd = lmtp_fd,
		.max_sessions = (unsigned)conf_number(conf, P_LDA_MAX_SESSIONS),
		.io_timeout_s = (int)conf_number(conf, P_LDA_TIMEOUT),
		.drain_timeout_s = (int)conf_number(conf, P_LDA_DRAIN_TIMEOUT),
		.session = session,
	};

	if (server_start(&settings, &server, error_r) < 0) {
		close(lmtp_fd);
		close(command_fd);
		return -1;
	}
	settings.listen_fd = command_fd;
	settings.session = answer_command;
	/* It is silent while the delivery command runs. */
	settings.io_timeout_s = (int)conf_number(conf, P_LDA_NEXTHOP_TIMEOUT);
	if (server_start(&settings, &command_server, error_r) == 0)
		return 0;
	close(command_fd);
	server_stop(&server);
	return -1;
}

static int start(const struct conf *conf, char **error_r)
{
	int lmtp_fd, command_fd;

	if (site_new(conf, &current, error_r) < 0)
		return -1;
	lmtp_fd = listen_for_postfix(conf, error_r);
	if (lmtp_fd < 0)
		return -1;
	command_fd = listen_for_commands(conf, error_r);
	if (command_fd < 0) {
		close(lmtp_fd);
		return -1;
	}
	if (daemon_become(conf_text(conf, P_LDA_USER), error_r) < 0 ||
	    check_temporary_directory(conf, error_r) < 0) {
		close(lmtp_fd);
		close(command_fd);
		return -1;
	}
	if (start_servers(conf, lmtp_fd, command_fd, error_r) < 0)
		return -1;
	warn_of_maps(current);
	return 0;
}

/* Running sessions keep the old site; lda_listen and the limits of the server need a restart. */
static int reload(const struct conf *conf, char **error_r)
{
	struct site *fresh, *old;

	if (site_new(conf, &fresh, error_r) < 0)
		return -1;
	warn_of_maps(fresh);
	pthread_mutex_lock(&lock);
	old = current;
	current = fresh;
	pthread_mutex_unlock(&lock);
	site_release(&old);
	return 0;
}

static void stop(void)
{
	server_stop(&server);
	server_stop(&command_server);
	site_release(&current);
}

int main(int argc, char **argv)
{
	static const struct daemon daemon = {
		.name = "shoveler-lda",
		.summary =
			"Delivers mail from Postfix to Dovecot with a verdict for each recipient.",
		.check = check,
		.start = start,
		.reload = reload,
		.stop = stop,
		.metrics_listen = P_LDA_METRICS_LISTEN,
	};

	if (pipe_is_wanted(argc, argv))
		return pipe_main(argc, argv);
	return daemon_main(argc, argv, &daemon);
}
