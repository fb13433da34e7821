#include "scanner_worker.h"

#include "lib/clock.h"
#include "lib/endpoint.h"
#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "scanner_sandbox.h"
#include "scanner_shortage.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_TIMEOUT_S 5

static volatile sig_atomic_t listen_descriptor, stopping;

/* The one safe moment to stop is between two requests: accept() then fails. */
static void stop_accepting(int signal_number)
{
	(void)signal_number;
	stopping = 1;
	close(listen_descriptor);
}

static bool may_ask(const struct scanner_settings *settings, int connection)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	for (size_t i = 0; i < settings->client_count; i++) {
		if (settings->clients[i] == peer.uid)
			return true;
	}
	return false;
}

/* Returns SCAN_CLEAN if it can be scanned, else what to answer and *reason_r. */
static enum scan_status check_request(const struct scanner_settings *settings,
				      const struct packet *request, int fd, const char **reason_r)
{
	const char *what = packet_get(request, "request");
	struct stat st;

	if (what == NULL || strcmp(what, "scan") != 0) {
		*reason_r = "the request is not \"scan\"";
		return SCAN_ERROR;
	}
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		*reason_r = "the request came without a file";
		return SCAN_ERROR;
	}
	*reason_r = "larger than scanner_max_file_size";
	return st.st_size > settings->max_file_size ? SCAN_LIMIT : SCAN_CLEAN;
}

static void answer(const struct scanner_worker *worker, const struct packet *request, int fd,
		   struct strbuf *reply)
{
	const char *name = NULL;
	enum scan_status status = check_request(worker->settings, request, fd, &name);

	if (status == SCAN_CLEAN) {
		atomic_store(worker->busy_since, clock_ms());
		status = scanner_engine_scan(worker->engine, fd, &name);
		/* It counts as a crash, so that a message that always needs too much is held. */
		if (status == SCAN_ERROR && scanner_shortage() == ENOMEM)
			_exit(SCANNER_WORKER_NO_MEMORY);
		atomic_store(worker->busy_since, 0);
	}
	packet_put(reply, "status", scan_status_name(status));
	packet_put(reply, "database", worker->database);
	if (name != NULL)
		packet_put(reply, status == SCAN_INFECTED ? "signature" : "reason", name);
}

static void serve(const struct scanner_worker *worker, int connection)
{
	struct packet request;
	struct strbuf reply = STRBUF_INIT;
	char *error = NULL;
	int fd = -1;

	endpoint_set_timeout(connection, REQUEST_TIMEOUT_S);
	if (packet_receive(connection, &request, &fd, &error) == 1) {
		answer(worker, &request, fd, &reply);
		/* A client that went away is nobody's loss. */
		(void)packet_send(connection, &reply, -1);
		strbuf_free(&reply);
		packet_free(&request);
		if (fd >= 0)
			close(fd);
	}
	free(error);
}

static void prepare_signals(int listen_fd)
{
	struct sigaction action = {.sa_handler = stop_accepting};
	sigset_t none;

	listen_descriptor = listen_fd;
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void enter(const struct scanner_worker *worker)
{
	char *error = NULL;
	int ret = scanner_engine_set_temp(worker->engine, worker->temp_directory);

	if (ret < 0)
		error = xstrdup("cannot set the temporary folder");
	else
		ret = scanner_sandbox_enter(worker->settings, worker->temp_directory, &error);
	if (ret == 0)
		return;
	fprintf(stderr, "shoveler-milter: scanner worker: %s\n", error);
	free(error);
	_exit(EX_OSERR);
}

void scanner_worker_run(const struct scanner_worker *worker)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "scanner-worker");
	prepare_signals(worker->listen_fd);
	enter(worker);
	while (!stopping) {
		int connection = accept4(worker->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (connection < 0)
			continue;
		if (may_ask(worker->settings, connection))
			serve(worker, connection);
		close(connection);
	}
	_exit(EX_OK);
}
