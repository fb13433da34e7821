#include "milter_server.h"

#include "lib/clock.h"
#include "lib/endpoint.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/watchdog.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG		1024
#define THREAD_STACK	(1024 * 1024) /* bytes, of which a session touches a few */
#define SPARE_THREADS	8	      /* that wait for work; more of them end */
#define READ_SIZE	(32 * 1024)
#define SEND_TIMEOUT_S	60
#define HOUSEKEEPING_S	5
#define PULSE_S		60   /* some thread keeps house in that time */
#define QUIET_MS	2000 /* when we stop: so long nothing was heard of an idle session */
#define GRACE_MS	3000 /* when we stop: after that any without a message ends */
#define ACCEPT_PAUSE_NS 100000000L
#define DRAIN_TICK_NS	20000000L
#define DRAIN_LOOK_MS	100

METRIC_GAUGE(open_connections, "shoveler_milter_open_sessions", "SMTP sessions open now");
METRIC_GAUGE(threads_metric, "shoveler_milter_threads", "Threads of sessions");
METRIC_COUNTER(refused, "shoveler_milter_refused_sessions_total",
	       "SMTP sessions beyond milter_max_sessions, or without memory for them");
METRIC_COUNTER(idle_closed, "shoveler_milter_idle_sessions_total",
	       "SMTP sessions that were closed because Postfix was silent");
METRIC_COUNTER(protocol_errors, "shoveler_milter_protocol_errors_total",
	       "Connections that did not speak the milter protocol");

struct connection {
	int fd;
	struct protocol *protocol;
	struct connection *next, **link; /* under the server's lock */
	/* What the housekeeper looks at while some thread may be at work. */
	_Atomic int64_t last_ms; /* 0: a thread is at work */
	atomic_bool in_message;
};

/* What an epoll event is about, beside connections. */
static char about_listener, about_timer, about_stop;

struct milter_server {
	struct milter_server_settings settings;
	int epoll_fd, timer_fd, stop_fd;
	bool is_inet;
	struct pulse pulse;
	pthread_mutex_t lock; /* of what follows */
	struct connection *connections;
	unsigned count, threads, waiting;
	bool accepting, stopping;
	int64_t warned_ms; /* when the limit was last told of */
};

static void *work(void *argument);

static int watch(const struct milter_server *server, int operation, int fd, void *about)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = about};

	return epoll_ctl(server->epoll_fd, operation, fd, &event);
}

/* Under the lock. */
static int start_thread(struct milter_server *server)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	error = pthread_create(&thread, &attributes, work, server);
	pthread_attr_destroy(&attributes);
	if (error == 0) {
		server->threads++;
		metric_set(&threads_metric, server->threads);
	}
	return error;
}

static void end_connection(struct milter_server *server, struct connection *connection)
{
	protocol_free(&connection->protocol);
	pthread_mutex_lock(&server->lock);
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	server->count--;
	metric_set(&open_connections, server->count);
	/* Under the lock: nobody shuts down what has this number next. */
	close(connection->fd);
	pthread_mutex_unlock(&server->lock);
	free(connection);
}

static int send_all(int fd, struct span bytes)
{
	while (bytes.size > 0) {
		ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -1;
		bytes = span_from(bytes, (size_t)sent);
	}
	return 0;
}

/* Returns 0, or -1: the connection is over. */
static int take_bytes(const struct connection *connection, struct span bytes)
{
	struct strbuf *output = protocol_output(connection->protocol);
	char *error = NULL;
	int ret = protocol_feed(connection->protocol, bytes, &error);

	if (ret < 0) {
		metric_add(&protocol_errors, 1);
		msg_error("a connection of Postfix is closed: %s", error);
		free(error);
	}
	if (output->size > 0 && send_all(connection->fd, strbuf_span(output)) < 0)
		ret = -1;
	strbuf_free(output);
	return ret == 0 ? 0 : -1;
}

/*
 * Postfix writes before it waits, in several pieces, and its kernel holds back the second until the
 * first was acknowledged: our delay of 40 ms would be the sender's.
 */
static void acknowledge(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

/* As long as something is there. Returns 0, or -1: the connection is over. */
static int read_connection(const struct milter_server *server, const struct connection *connection)
{
	char bytes[READ_SIZE];
	ssize_t size;

	do {
		size = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (size < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		if (size == 0)
			return -1;
		if (server->is_inet)
			acknowledge(connection->fd);
		if (take_bytes(connection, (struct span){bytes, (size_t)size}) < 0)
			return -1;
	} while ((size_t)size == sizeof(bytes));
	return 0;
}

static void serve(struct milter_server *server, struct connection *connection, int operation)
{
	int fd = connection->fd;

	/* An exchange: sees all that the thread did which had it before. */
	(void)atomic_exchange(&connection->last_ms, 0);
	if (read_connection(server, connection) < 0) {
		end_connection(server, connection);
		return;
	}
	atomic_store(&connection->in_message, protocol_is_busy(connection->protocol));
	atomic_store(&connection->last_ms, clock_ms());
	/* From here on it may be another thread's. */
	if (watch(server, operation, fd, connection) < 0) {
		msg_error("a connection of Postfix is closed: epoll: %s", strerror(errno));
		end_connection(server, connection);
	}
}

/* Returns NULL: there are too many, or no memory for it. */
static struct connection *new_connection(struct milter_server *server, int fd)
{
	struct connection *connection = NULL;
	int64_t now = clock_ms();
	bool tell = false, is_short = xalloc_is_short();

	pthread_mutex_lock(&server->lock);
	if (server->count < server->settings.max_connections && !server->stopping && !is_short) {
		connection = xcalloc(1, sizeof(*connection));
		connection->fd = fd;
		connection->next = server->connections;
		connection->link = &server->connections;
		if (connection->next != NULL)
			connection->next->link = &connection->next;
		server->connections = connection;
		metric_set(&open_connections, ++server->count);
	} else if (!server->stopping && now - server->warned_ms > 60000) {
		tell = true;
		server->warned_ms = now;
	}
	pthread_mutex_unlock(&server->lock);
	if (tell && is_short)
		msg_warn("no memory: new sessions of Postfix are put off");
	else if (tell)
		msg_warn("more than %u sessions of Postfix, milter_max_sessions: "
			 "those beyond are put off",
			 server->settings.max_connections);
	return connection;
}

/* Never after stop_accepting(): who comes then waits in the queue, for whoever listens next. */
static int accept_one(struct milter_server *server)
{
	int fd = -1;

	errno = EAGAIN;
	pthread_mutex_lock(&server->lock);
	if (server->accepting)
		fd = accept4(server->settings.listen_fd, NULL, NULL, SOCK_CLOEXEC);
	pthread_mutex_unlock(&server->lock);
	return fd;
}

static void stop_accepting(struct milter_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->accepting = false;
	(void)epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, server->settings.listen_fd, NULL);
	pthread_mutex_unlock(&server->lock);
}

static void accept_connection(struct milter_server *server)
{
	int fd = accept_one(server), on = 1;
	struct connection *connection = NULL;

	if (fd >= 0 && (connection = new_connection(server, fd)) == NULL) {
		metric_add(&refused, 1);
		close(fd);
	} else if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
		const struct timespec pause = {.tv_nsec = ACCEPT_PAUSE_NS};

		msg_warn("cannot accept a connection of Postfix: %s", strerror(errno));
		nanosleep(&pause, NULL);
	}
	/* Fails after stop_accepting(), which has taken it out. */
	(void)watch(server, EPOLL_CTL_MOD, server->settings.listen_fd, &about_listener);
	if (connection == NULL)
		return;
	endpoint_set_timeout(fd, SEND_TIMEOUT_S);
	if (server->is_inet) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	connection->protocol = protocol_new(server->settings.events);
	/* Its first packet is mostly there already. */
	serve(server, connection, EPOLL_CTL_ADD);
}

static bool is_silent(const struct milter_server *server, struct connection *connection,
		      int64_t now)
{
	int64_t last = atomic_load(&connection->last_ms);
	int limit_s = atomic_load(&connection->in_message) ? server->settings.message_timeout_s
							   : server->settings.idle_timeout_s;

	return last != 0 && now - last > limit_s * INT64_C(1000);
}

/* What is shut down shows as end of file to the thread that takes it next. */
static void keep_house(struct milter_server *server)
{
	uint64_t expirations;
	int64_t now = clock_ms();

	if (read(server->timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		msg_panic("timerfd: %s", strerror(errno));
	pulse_beat(&server->pulse, PULSE_S);
	pthread_mutex_lock(&server->lock);
	for (struct connection *each = server->connections; each != NULL; each = each->next) {
		if (is_silent(server, each, now) && shutdown(each->fd, SHUT_RDWR) == 0)
			metric_add(&idle_closed, 1);
	}
	pthread_mutex_unlock(&server->lock);
	(void)watch(server, EPOLL_CTL_MOD, server->timer_fd, &about_timer);
}

/* Returns false when this thread is one too many. */
static bool begin_waiting(struct milter_server *server)
{
	bool is_needed;

	pthread_mutex_lock(&server->lock);
	is_needed = server->waiting < SPARE_THREADS && !server->stopping;
	if (is_needed)
		server->waiting++;
	else
		metric_set(&threads_metric, --server->threads);
	pthread_mutex_unlock(&server->lock);
	return is_needed;
}

static void end_waiting(struct milter_server *server)
{
	int error = 0;

	pthread_mutex_lock(&server->lock);
	if (--server->waiting == 0 && !server->stopping)
		error = start_thread(server);
	pthread_mutex_unlock(&server->lock);
	if (error != 0)
		msg_warn("cannot start a thread for sessions of Postfix: %s", strerror(error));
}

static void *work(void *argument)
{
	struct milter_server *server = argument;
	struct epoll_event event;

	while (begin_waiting(server)) {
		int count = epoll_wait(server->epoll_fd, &event, 1, -1);

		end_waiting(server);
		if (count <= 0 || event.data.ptr == &about_stop)
			continue;
		if (event.data.ptr == &about_listener)
			accept_connection(server);
		else if (event.data.ptr == &about_timer)
			keep_house(server);
		else
			serve(server, event.data.ptr, EPOLL_CTL_MOD);
	}
	return NULL;
}

static int open_descriptors(struct milter_server *server)
{
	const struct itimerspec every = {{HOUSEKEEPING_S, 0}, {HOUSEKEEPING_S, 0}};
	struct epoll_event stop = {.events = EPOLLIN, .data.ptr = &about_stop};
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->epoll_fd < 0 || server->timer_fd < 0 || server->stop_fd < 0 ||
	    getsockname(server->settings.listen_fd, (struct sockaddr *)&address, &size) < 0)
		return -1;
	if (fcntl(server->settings.listen_fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	server->is_inet = address.ss_family != AF_UNIX;
	if (listen(server->settings.listen_fd, BACKLOG) < 0 ||
	    timerfd_settime(server->timer_fd, 0, &every, NULL) < 0 ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->stop_fd, &stop) < 0)
		return -1;
	if (watch(server, EPOLL_CTL_ADD, server->timer_fd, &about_timer) < 0)
		return -1;
	return watch(server, EPOLL_CTL_ADD, server->settings.listen_fd, &about_listener);
}

static void free_server(struct milter_server *server)
{
	close(server->epoll_fd);
	close(server->timer_fd);
	close(server->stop_fd);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

int milter_server_start(const struct milter_server_settings *settings,
			struct milter_server **server_r, char **error_r)
{
	struct milter_server *server = xcalloc(1, sizeof(*server));
	int error;

	server->settings = *settings;
	server->accepting = true;
	pthread_mutex_init(&server->lock, NULL);
	pthread_mutex_lock(&server->lock);
	error = open_descriptors(server) < 0 ? errno : start_thread(server);
	pthread_mutex_unlock(&server->lock);
	if (error != 0) {
		*error_r = xasprintf("cannot serve Postfix: %s", strerror(error));
		free_server(server);
		return -1;
	}
	pulse_start(&server->pulse, "the threads of sessions", PULSE_S);
	*server_r = server;
	return 0;
}

/* Ends those without a message from which nothing was heard for so long; -1: all. */
static void shut_down(struct milter_server *server, int64_t quiet_ms)
{
	int64_t now = clock_ms();

	pthread_mutex_lock(&server->lock);
	for (struct connection *each = server->connections; each != NULL; each = each->next) {
		int64_t last_ms = atomic_load(&each->last_ms);
		bool is_idle = last_ms != 0 && now - last_ms >= quiet_ms &&
			       !atomic_load(&each->in_message);

		if (quiet_ms < 0 || is_idle)
			shutdown(each->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->lock);
}

static unsigned connections_left(struct milter_server *server)
{
	unsigned count;

	pthread_mutex_lock(&server->lock);
	count = server->count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

static unsigned threads_left(struct milter_server *server)
{
	unsigned count;

	pthread_mutex_lock(&server->lock);
	count = server->threads;
	pthread_mutex_unlock(&server->lock);
	return count;
}

static void wait_until_none(struct milter_server *server,
			    unsigned (*left)(struct milter_server *server), int64_t until_ms)
{
	const struct timespec tick = {.tv_nsec = DRAIN_TICK_NS};

	while (left(server) > 0 && clock_ms() < until_ms)
		nanosleep(&tick, NULL);
}

/* Who is about to send a message may; then each connection ends with its message. */
static void drain(struct milter_server *server)
{
	int64_t now = clock_ms(), grace_ms = now + GRACE_MS;
	int64_t until_ms = now + server->settings.drain_ms;

	do {
		shut_down(server, clock_ms() < grace_ms ? QUIET_MS : 0);
		wait_until_none(server, connections_left, clock_ms() + DRAIN_LOOK_MS);
	} while (connections_left(server) > 0 && clock_ms() < until_ms);
}

int milter_server_stop(struct milter_server **server_p)
{
	struct milter_server *server = *server_p;
	uint64_t one = 1;

	*server_p = NULL;
	pulse_stop(&server->pulse);
	stop_accepting(server);
	drain(server);
	shut_down(server, -1);
	wait_until_none(server, connections_left, clock_ms() + 100);
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	pthread_mutex_unlock(&server->lock);
	if (write(server->stop_fd, &one, sizeof(one)) < 0)
		msg_panic("cannot write to an eventfd: %s", strerror(errno));
	wait_until_none(server, threads_left, clock_ms() + 1000);
	if (threads_left(server) > 0 || connections_left(server) > 0)
		return -1;
	close(server->settings.listen_fd);
	free_server(server);
	return 0;
}
