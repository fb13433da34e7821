/*
 * shoveler-milter - the mail filter that Postfix's smtpd asks about each message.
 *
 * Threads and processes:
 *   main thread          waits for signals (lib/daemon.h)
 *   session threads      sessions of smtpd (milter_server.h, session.c); idle ones have none
 *   scanner keeper       keeps a scanner process alive (scanner_keeper.h)
 *   scanner process      holds the virus signatures, forks the workers (scanner_process.h)
 *   scanner workers      look at hostile bytes, in a sandbox (scanner_worker.h)
 *
 * Who owns what: a session belongs to one thread at a time; the policy is immutable and counted
 * (policy.h); memories that sessions share are in suspects.c, each with a lock.
 *
 * Errors: what is not known defers. A lookup that fails or a scanner that is away is a 4xx for the
 * recipients it concerns. Without memory it begins nothing new, and what is under way has a
 * reserve; when that is used up it exits, and its sessions are put off. If this process dies,
 * Postfix's milter_default_action must be tempfail. A configuration that is wrong stops the start,
 * and leaves a running milter as it was.
 */
#include "milter_server.h"
#include "notices.h"
#include "policy.h"
#include "scanner_keeper.h"
#include "scanner_process.h"
#include "sessions.h"
#include "suspects.h"

#include "lib/daemon.h"
#include "lib/listener.h"
#include "lib/msg.h"
#include "lib/watchdog.h"
#include "lib/xalloc.h"
#include "folder.h"
#include "greylist.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MILTER_SOCKET_MODE  0666 /* the folder it lies in says who may come near */
#define SCANNER_SOCKET_MODE 0666 /* workers look at who asks: scanner_clients */
#define IDLE_TIMEOUT_S	    600	 /* Postfix itself waits at most 300 for its client */
#define MESSAGE_TIMEOUT_S   7200 /* as libmilter; 100 MB at 128 kbit/s take 6500 */
#define DRAIN_MS	    5000 /* messages under way get this long when we stop */
#define BIND_RETRY_MS	    3000 /* workers of a killed milter may hold the socket that long */
#define TICK_MS		    50
#define MEMORY_ARENAS	    2
/* With which sessions get to their ends when there is no other memory: 8 kB for each of 1,000. */
#define MEMORY_RESERVE	    ((size_t)8 * 1024 * 1024)
/* A session's own, its message's, a connection to the scanner, a lookup's pipes. */
#define DESCRIPTORS_EACH  6
#define DESCRIPTORS_OTHER 200

static struct milter_server *server;

/* What Postfix says first, protocol 6 with all that it can do; and that this was all. */
static const char negotiate_and_quit[] = "\0\0\0\15O\0\0\0\6\0\0\1\377\0\37\377\377"
					 "\0\0\0\1Q";

static int open_milter_socket(const struct conf *conf, char **error_r)
{
	const struct listener_access access = {MILTER_SOCKET_MODE, (uid_t)-1, (gid_t)-1};
	struct watchdog_probe probe = {
		.name = "the milter's socket",
		.type = SOCK_STREAM,
		.question = {negotiate_and_quit, sizeof(negotiate_and_quit) - 1},
		/* Beyond milter_max_sessions it is closed at once: an answer, too. */
		.answer = "",
	};

	if (endpoint_parse(conf_text(conf, P_MILTER_LISTEN), &probe.endpoint, error_r) < 0)
		return -1;
	watchdog_add_probe(&probe);
	return listener_open(&probe.endpoint, SOCK_STREAM, access, error_r);
}

static int open_scanner_socket(const struct conf *conf, char **error_r)
{
	const struct listener_access access = {SCANNER_SOCKET_MODE, (uid_t)-1, (gid_t)-1};
	struct endpoint endpoint;
	int fd = -1, tries = BIND_RETRY_MS / TICK_MS;

	if (endpoint_parse(conf_text(conf, P_SCANNER_LISTEN), &endpoint, error_r) < 0)
		return -1;
	while ((fd = listener_open(&endpoint, SOCK_SEQPACKET, access, error_r)) < 0) {
		if (--tries == 0)
			return -1;
		free(*error_r);
		*error_r = NULL;
		poll(NULL, 0, TICK_MS);
	}
	return fd;
}

/* Within the hard limit, which root may raise. */
static void allow_descriptors(rlim_t sessions)
{
	rlim_t wanted = sessions * DESCRIPTORS_EACH + DESCRIPTORS_OTHER;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		msg_warn("cannot have %llu descriptors for %llu sessions (milter_max_sessions)",
			 (unsigned long long)wanted, (unsigned long long)sessions);
}

static int start_server(const struct conf *conf, int listen_fd, char **error_r)
{
	const struct milter_server_settings settings = {
		.events = &session_events,
		.listen_fd = listen_fd,
		.max_connections = (unsigned)conf_number(conf, P_MILTER_MAX_SESSIONS),
		.idle_timeout_s = IDLE_TIMEOUT_S,
		.message_timeout_s = MESSAGE_TIMEOUT_S,
		.drain_ms = DRAIN_MS,
	};

	return milter_server_start(&settings, &server, error_r);
}

static int start_scanner(const struct conf *conf, int listen_fd, char **error_r)
{
	if (listen_fd < 0)
		return 0;
	return scanner_keeper_start(conf, listen_fd, &session_scanner, error_r);
}

/* Those in folders of others; what lies in its own it makes itself. */
static int milter_prepare(const struct conf *conf, char **error_r)
{
	const char *user = conf_text(conf, P_MILTER_USER);

	if (folder_make(conf_text(conf, P_RUNTIME_DIRECTORY), 0755, NULL, error_r) < 0 ||
	    folder_make(conf_text(conf, P_MILTER_DIRECTORY), 0700, user, error_r) < 0)
		return -1;
	if (conf_bool(conf, P_VIRUS_SCAN) && conf_number(conf, P_VIRUS_KEEP) > 0 &&
	    folder_make(conf_text(conf, P_VIRUS_KEEP_DIRECTORY), 0700, user, error_r) < 0)
		return -1;
	return folder_make(conf_text(conf, P_SCANNER_TEMP_DIRECTORY), 0700, user, error_r);
}

static void open_memories(const struct conf *conf)
{
	greylist_open(conf_text(conf, P_MILTER_DIRECTORY));
	suspects_open(conf_text(conf, P_MILTER_DIRECTORY));
}

static int start_notices(const struct conf *conf, const struct policy *policy, char **error_r)
{
	char *directory = xasprintf("%s/notices", conf_text(conf, P_MILTER_DIRECTORY));
	int ret = folder_make(directory, 0700, NULL, error_r);

	if (ret == 0)
		ret = notices_start(directory, &policy->spamtraind, &session_notices, error_r);

	free(directory);
	return ret;
}

static int milter_start(const struct conf *conf, char **error_r)
{
	struct policy *policy = NULL;
	int scanner_fd = -1, milter_fd;

	mallopt(M_ARENA_MAX, MEMORY_ARENAS);
	xalloc_set_reserve(MEMORY_RESERVE);
	allow_descriptors((rlim_t)conf_number(conf, P_MILTER_MAX_SESSIONS));
	if (policy_create(conf, &policy, error_r) < 0)
		return -1;
	policy_install(policy);
	if (policy->scan && (scanner_fd = open_scanner_socket(conf, error_r)) < 0)
		return -1;
	if ((milter_fd = open_milter_socket(conf, error_r)) < 0 ||
	    daemon_become(conf_text(conf, P_MILTER_USER), error_r) < 0 ||
	    start_scanner(conf, scanner_fd, error_r) < 0 ||
	    start_notices(conf, policy, error_r) < 0)
		return -1;
	open_memories(conf);
	policy_test_maps(policy);
	return start_server(conf, milter_fd, error_r);
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
	notices_set_endpoint(session_notices, &policy->spamtraind);
	policy_install(policy);
	if (session_scanner != NULL)
		scanner_keeper_reload(session_scanner, conf);
	return 0;
}

static void milter_stop(void)
{
	bool is_over = server == NULL || milter_server_stop(&server) == 0;

	scanner_keeper_stop(&session_scanner);
	/* Sessions that did not end in time still hold references. */
	if (is_over) {
		notices_stop(&session_notices);
		policy_install(NULL);
	}
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
		.prepare = milter_prepare,
		.start = milter_start,
		.reload = milter_reload,
		.stop = milter_stop,
		.metrics_listen = P_MILTER_METRICS_LISTEN,
	};

	if (argc == 2 && strcmp(argv[1], SCANNER_OPTION) == 0)
		scanner_process_main();
	return daemon_main(argc, argv, &milter);
}
