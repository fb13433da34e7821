#include "server.h"

#include "clock.h"
#include "endpoint.h"
#include "msg.h"
#include "watchdog.h"
#include "xalloc.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* 512 KiB: deep enough for SQLite and the sanitizers, small enough for hundreds. */
#define SESSION_STACK_SIZE (512 * 1024)
#define ACCEPT_PAUSE_MS	   100
#define TURN_MS		   5000 /* how often the acceptor comes round when nobody connects */
#define PULSE_S		   60
#define BEGINNING_MS	   2000 /* when we stop: who connected before may say what he wants */
#define FULL_PULSE_S	   1800 /* not one session ended in that time: they hang */

struct session {
	struct server *server;
	int fd; /* -1: this place is free */
	enum server_moment moment;
};

struct server {
	struct server_settings settings;
	pthread_t acceptor;
	struct pulse pulse; /* the acceptor's */
	int wake_fd;	    /* eventfd: written at stop */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned running;
	bool stopping;
	struct session *sessions; /* max_sessions places */
};

static _Thread_local struct session *own; /* of the thread of a session */

static void end_session(struct session *session)
{
	struct server *server = session->server;

	pthread_mutex_lock(&server->lock);
	close(session->fd);
	session->fd = -1;
	server->running--;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
}

static void *session_thread(void *argument)
{
	struct session *session = argument;
	const struct server_settings *settings = &session->server->settings;

	own = session;
	settings->session(session->fd, settings->context);
	end_session(session);
	return NULL;
}

static struct session *take_place(struct server *server, int fd)
{
	struct session *session = server->sessions;

	pthread_mutex_lock(&server->lock);
	while (session->fd >= 0)
		session++;
	session->fd = fd;
	session->moment = SERVER_BEGINNING;
	server->running++;
	pthread_mutex_unlock(&server->lock);
	return session;
}

static void start_session(struct server *server, int fd)
{
	struct session *session = take_place(server, fd);
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	endpoint_set_timeout(fd, server->settings.io_timeout_s);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, SESSION_STACK_SIZE);
	error = pthread_create(&thread, &attributes, session_thread, session);
	pthread_attr_destroy(&attributes);
	if (error != 0) {
		msg_error("%s: cannot start a session: %s", server->settings.name, strerror(error));
		end_session(session);
	}
}

/* Returns false when the server is to stop. */
static bool wait_for_place(struct server *server)
{
	bool go_on;

	pthread_mutex_lock(&server->lock);
	if (server->running >= server->settings.max_sessions)
		pulse_beat(&server->pulse, FULL_PULSE_S);
	while (!server->stopping && server->running >= server->settings.max_sessions)
		pthread_cond_wait(&server->changed, &server->lock);
	go_on = !server->stopping;
	pthread_mutex_unlock(&server->lock);
	return go_on;
}

static void *accept_thread(void *argument)
{
	struct server *server = argument;
	struct pollfd wait[2] = {{.fd = server->settings.listen_fd, .events = POLLIN},
				 {.fd = server->wake_fd, .events = POLLIN}};
	int fd;

	while (wait_for_place(server)) {
		pulse_beat(&server->pulse, PULSE_S);
		if (poll(wait, 2, TURN_MS) <= 0 || wait[1].revents != 0)
			continue;
		fd = accept4(server->settings.listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			start_session(server, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			msg_warn("%s: cannot accept: %s", server->settings.name, strerror(errno));
			poll(NULL, 0, ACCEPT_PAUSE_MS);
		}
	}
	return NULL;
}

bool server_session_is(enum server_moment moment)
{
	bool go_on;

	if (own == NULL)
		return true;
	pthread_mutex_lock(&own->server->lock);
	own->moment = moment;
	go_on = moment != SERVER_BETWEEN || !own->server->stopping;
	pthread_mutex_unlock(&own->server->lock);
	return go_on;
}

static void free_server(struct server *server)
{
	close(server->wake_fd);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
	free(server->sessions);
	free(server);
}

int server_start(const struct server_settings *settings, struct server **server_r, char **error_r)
{
	struct server *server = xcalloc(1, sizeof(*server));
	int error;

	server->settings = *settings;
	server->sessions = xcalloc(settings->max_sessions, sizeof(*server->sessions));
	for (unsigned i = 0; i < settings->max_sessions; i++)
		server->sessions[i] = (struct session){server, -1, SERVER_BEGINNING};
	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&server->lock, NULL);
	clock_init_condition(&server->changed);
	pulse_start(&server->pulse, settings->name, PULSE_S);
	error = server->wake_fd < 0
			? errno
			: pthread_create(&server->acceptor, NULL, accept_thread, server);
	if (error != 0) {
		*error_r = xasprintf("%s: cannot start: %s", settings->name, strerror(error));
		pulse_stop(&server->pulse);
		free_server(server);
		return -1;
	}
	*server_r = server;
	return 0;
}

bool server_is_full(struct server *server)
{
	bool is_full;

	pthread_mutex_lock(&server->lock);
	is_full = server->running >= server->settings.max_sessions;
	pthread_mutex_unlock(&server->lock);
	return is_full;
}

/* Under the lock. */
static void shut_down(struct server *server, enum server_moment moment)
{
	for (unsigned i = 0; i < server->settings.max_sessions; i++) {
		struct session *session = &server->sessions[i];

		if (session->fd >= 0 && session->moment == moment)
			shutdown(session->fd, SHUT_RD);
	}
}

static void stop_accepting(struct server *server)
{
	uint64_t one = 1;

	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
	if (write(server->wake_fd, &one, sizeof(one)) < 0)
		msg_panic("cannot write to an eventfd: %s", strerror(errno));
}

/* Under the lock. Returns how many are left. */
static unsigned wait_for_ends(struct server *server, int64_t ms)
{
	struct timespec deadline;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += (time_t)(ms / 1000);
	deadline.tv_nsec += (long)(ms % 1000) * 1000000;
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_nsec -= 1000000000;
		deadline.tv_sec++;
	}
	while (server->running > 0 && error == 0)
		error = pthread_cond_timedwait(&server->changed, &server->lock, &deadline);
	return server->running;
}

/* Returns how many did not end in time. */
static unsigned drain(struct server *server)
{
	int64_t left_ms = server->settings.drain_timeout_s * INT64_C(1000);
	int64_t beginning_ms = left_ms < BEGINNING_MS ? left_ms : BEGINNING_MS;
	unsigned left;

	pthread_mutex_lock(&server->lock);
	shut_down(server, SERVER_BETWEEN);
	left = wait_for_ends(server, beginning_ms);
	shut_down(server, SERVER_BEGINNING);
	if (left > 0)
		left = wait_for_ends(server, left_ms - beginning_ms);
	pthread_mutex_unlock(&server->lock);
	return left;
}

void server_stop(struct server **server_p)
{
	struct server *server = *server_p;
	unsigned left;

	if (server == NULL)
		return;
	*server_p = NULL;
	stop_accepting(server);
	pthread_join(server->acceptor, NULL);
	pulse_stop(&server->pulse);
	close(server->settings.listen_fd);
	left = drain(server);
	if (left > 0) {
		/* Their threads still use it; the process ends right after this. */
		msg_warn("%s: %u sessions did not end in time", server->settings.name, left);
		return;
	}
	free_server(server);
}
