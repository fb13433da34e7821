#include "server.h"

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
#define FULL_PULSE_S	   1800 /* not one session ended in that time: they hang */

struct session {
	struct server *server;
	int fd; /* -1: this place is free */
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
		server->sessions[i] = (struct session){server, -1};
	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
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

static void wake_sessions(struct server *server)
{
	uint64_t one = 1;

	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	for (unsigned i = 0; i < server->settings.max_sessions; i++) {
		if (server->sessions[i].fd >= 0)
			shutdown(server->sessions[i].fd, SHUT_RD);
	}
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
	if (write(server->wake_fd, &one, sizeof(one)) < 0)
		msg_panic("cannot write to an eventfd: %s", strerror(errno));
}

/* Returns how many did not end in time. */
static unsigned drain(struct server *server)
{
	struct timespec deadline;
	unsigned left;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += server->settings.drain_timeout_s;
	pthread_mutex_lock(&server->lock);
	while (server->running > 0 && error == 0)
		error = pthread_cond_timedwait(&server->changed, &server->lock, &deadline);
	left = server->running;
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
	wake_sessions(server);
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
