/*
 * shoveler-milter - the mail filter that Postfix's smtpd asks about each message.
 *
 * Threads and processes:
 *   main thread          waits for signals (lib/daemon.h)
 *   libmilter's threads  sessions of smtpd (session.c); one asks, waits and answers at a time
 *   scanner keeper       keeps a scanner process alive (scanner_keeper.h)
 *   scanner process      holds the virus signatures, forks the workers (scanner_process.h)
 *   scanner workers      look at hostile bytes, in a sandbox (scanner_worker.h)
 *
 * Who owns what: a session belongs to the thread that libmilter runs it in; the policy is immutable
 * and counted (policy.h); memories that sessions share are in suspects.c, each with a lock.
 *
 * Errors: what is not known defers. A lookup that fails or a scanner that is away is a 4xx for the
 * recipients it concerns. If this process dies, Postfix's milter_default_action must be tempfail.
 * A configuration that is wrong stops the start, and leaves a running milter as it was.
 */
#include "policy.h"
#include "scanner_keeper.h"
#include "scanner_process.h"
#include "sessions.h"

#include "lib/daemon.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "folder.h"

#include <errno.h>
#include <libmilter/mfapi.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MILTER_BACKLOG	    1024
#define MILTER_SOCKET_MODE  0666 /* the folder it lies in says who may come near */
#define SCANNER_SOCKET_MODE 0666 /* workers look at who asks: scanner_clients */
#define COMMAND_TIMEOUT_S   600	 /* Postfix waits at most this long between two commands */
#define DRAIN_MS	    5000 /* running sessions get this long when we stop */
#define BIND_RETRY_MS	    3000 /* workers of a killed milter may hold the socket that long */
#define KNOCK_MS	    5
#define TICK_MS		    50

static pthread_t milter_thread;
static bool milter_running;
static struct endpoint milter_endpoint;

/* "unix:/path" stays, "inet:host:port" becomes libmilter's "inet:port@host". */
static char *libmilter_address(const struct endpoint *endpoint)
{
	if (endpoint->is_unix)
		return xasprintf("unix:%s", endpoint->path);
	return xasprintf("inet%s:%s@%s", strchr(endpoint->host, ':') != NULL ? "6" : "",
			 endpoint->port, endpoint->host);
}

static int open_milter_socket(const struct conf *conf, char **error_r)
{
	const char *address = conf_text(conf, P_MILTER_LISTEN);
	char *connection;
	int ret;

	if (endpoint_parse(address, &milter_endpoint, error_r) < 0)
		return -1;
	connection = libmilter_address(&milter_endpoint);
	ret = smfi_setconn(connection) == MI_SUCCESS && sessions_register() == 0 &&
			      smfi_setbacklog(MILTER_BACKLOG) == MI_SUCCESS &&
			      smfi_settimeout(COMMAND_TIMEOUT_S) == MI_SUCCESS &&
			      smfi_opensocket(true) == MI_SUCCESS
		      ? 0
		      : -1;
	free(connection);
	if (ret == 0 && milter_endpoint.is_unix)
		ret = chmod(milter_endpoint.path, MILTER_SOCKET_MODE);
	if (ret < 0)
		*error_r = xasprintf("cannot listen on milter_listen = %s", address);
	return ret;
}

static int open_scanner_socket(const struct conf *conf, char **error_r)
{
	struct endpoint endpoint;
	int fd = -1, tries = BIND_RETRY_MS / TICK_MS;

	if (endpoint_parse(conf_text(conf, P_SCANNER_LISTEN), &endpoint, error_r) < 0)
		return -1;
	while ((fd = endpoint_listen(&endpoint, SOCK_SEQPACKET, SCANNER_SOCKET_MODE, error_r)) <
	       0) {
		if (--tries == 0)
			return -1;
		free(*error_r);
		*error_r = NULL;
		poll(NULL, 0, TICK_MS);
	}
	return fd;
}

static void *run_libmilter(void *context)
{
	(void)context;
	if (smfi_main() != MI_SUCCESS)
		msg_error("libmilter ended with an error");
	return NULL;
}

static int start_libmilter(char **error_r)
{
	int error = pthread_create(&milter_thread, NULL, run_libmilter, NULL);

	if (error != 0) {
		*error_r = xasprintf("cannot start a thread: %s", strerror(error));
		return -1;
	}
	milter_running = true;
	return 0;
}

static int start_scanner(const struct conf *conf, int listen_fd, char **error_r)
{
	if (listen_fd < 0)
		return 0;
	return scanner_keeper_start(conf, listen_fd, &session_scanner, error_r);
}

static int make_folders(const struct conf *conf, char **error_r)
{
	const char *user = conf_text(conf, P_MILTER_USER);

	if (folder_make(conf_text(conf, P_RUNTIME_DIRECTORY), 0755, user, error_r) < 0)
		return -1;
	if (conf_bool(conf, P_VIRUS_SCAN) && conf_number(conf, P_VIRUS_KEEP) > 0 &&
	    folder_make(conf_text(conf, P_VIRUS_KEEP_DIRECTORY), 0700, user, error_r) < 0)
		return -1;
	return folder_make(conf_text(conf, P_SCANNER_TEMP_DIRECTORY), 0700, user, error_r);
}

static int milter_start(const struct conf *conf, char **error_r)
{
	struct policy *policy = NULL;
	int scanner_fd = -1;

	if (make_folders(conf, error_r) < 0 || policy_create(conf, &policy, error_r) < 0)
		return -1;
	policy_install(policy);
	if (policy->scan && (scanner_fd = open_scanner_socket(conf, error_r)) < 0)
		return -1;
	if (open_milter_socket(conf, error_r) < 0 ||
	    daemon_become(conf_text(conf, P_MILTER_USER), error_r) < 0 ||
	    start_scanner(conf, scanner_fd, error_r) < 0)
		return -1;
	policy_test_maps(policy);
	return start_libmilter(error_r);
}

static int milter_reload(const struct conf *conf, char **error_r)
{
	struct policy *policy = NULL;

	if (policy_create(conf, &policy, error_r) < 0)
		return -1;
	if (policy->scan && session_scanner == NULL) {
		*error_r = xstrdup("virus_scan = yes needs a restart");
		policy_release(&policy);
		return -1;
	}
	policy_test_maps(policy);
	policy_install(policy);
	if (session_scanner != NULL)
		scanner_keeper_reload(session_scanner, conf);
	return 0;
}

static void *tell_libmilter(void *context)
{
	(void)context;
	smfi_stop();
	return NULL;
}

static void knock(void)
{
	char *error = NULL;
	int fd = endpoint_connect(&milter_endpoint, SOCK_STREAM, TICK_MS, &error);

	if (fd >= 0)
		close(fd);
	free(error);
}

/*
 * libmilter looks whether it is to stop only when somebody connects, or after 5 seconds, and
 * smfi_stop() waits for it: so another thread tells it, and we knock until it opens.
 */
static void stop_libmilter(void)
{
	pthread_t teller;
	bool told = pthread_create(&teller, NULL, tell_libmilter, NULL) == 0;

	while (pthread_tryjoin_np(milter_thread, NULL) == EBUSY) {
		knock();
		poll(NULL, 0, KNOCK_MS);
	}
	if (told)
		pthread_join(teller, NULL);
}

static void milter_stop(void)
{
	int ticks = DRAIN_MS / TICK_MS;

	if (milter_running) {
		stop_libmilter();
		while (sessions_open() > 0 && ticks-- > 0)
			poll(NULL, 0, TICK_MS);
	}
	scanner_keeper_stop(&session_scanner);
	if (milter_endpoint.is_unix)
		unlink(milter_endpoint.path);
	/* Sessions that did not end in time still hold references. */
	if (sessions_open() == 0)
		policy_install(NULL);
}

/* An address of a listening socket, that its user could also be reached at. */
static int check_address(const struct conf *conf, enum conf_param param, bool must_be_unix,
			 char **error_r)
{
	struct endpoint endpoint;
	char *problem = NULL;

	if (endpoint_parse(conf_text(conf, param), &endpoint, &problem) == 0) {
		if (!must_be_unix || endpoint.is_unix)
			return 0;
		problem = xstrdup("expected unix:/path");
	}
	*error_r = xasprintf("%s = %s: %s", conf_name(param), conf_text(conf, param), problem);
	free(problem);
	return -1;
}

static int check_scanner(const struct conf *conf, char **error_r)
{
	const char *directory = conf_text(conf, P_SCANNER_DATABASE_DIRECTORY);
	uint64_t fingerprint = 0;
	time_t newest;

	if (!conf_bool(conf, P_VIRUS_SCAN))
		return 0;
	if (folder_fingerprint(directory, &fingerprint, &newest, error_r) < 0)
		return -1;
	if (fingerprint != 0)
		return 0;
	*error_r =
		xasprintf("there are no virus signatures in %s; freshclam brings them", directory);
	return -1;
}

static int milter_check(const struct conf *conf, char **error_r)
{
	const char *user = conf_text(conf, P_MILTER_USER);

	if (check_address(conf, P_MILTER_LISTEN, false, error_r) < 0 ||
	    check_address(conf, P_SCANNER_LISTEN, true, error_r) < 0 ||
	    check_scanner(conf, error_r) < 0)
		return -1;
	if (getpwnam(user) == NULL) {
		*error_r = xasprintf("there is no system user \"%s\"", user);
		return -1;
	}
	return policy_check(conf, error_r);
}

int main(int argc, char **argv)
{
	static const struct daemon milter = {
		.name = "shoveler-milter",
		.summary =
			"The mail filter of Shoveler: viruses, client scores, training addresses",
		.check = milter_check,
		.start = milter_start,
		.reload = milter_reload,
		.stop = milter_stop,
		.metrics_listen = P_MILTER_METRICS_LISTEN,
	};

	if (argc == 2 && strcmp(argv[1], SCANNER_OPTION) == 0)
		scanner_process_main();
	return daemon_main(argc, argv, &milter);
}
