#include "dns.h"

#include "clock.h"
#include "strbuf.h"
#include "xalloc.h"

#include <ares.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS		1024
#define TRY_TIMEOUT_MS	1500 /* the first try; c-ares doubles it for the second */
#define TRIES		2
#define MAX_SOCKETS	64
#define LONGEST_WAIT_MS 1000
#define CLASS_IN	1

/* All fields but those that never change are under the lock of dns. */
struct dns_query {
	struct dns *dns;
	char *name;
	enum dns_type type;
	struct dns_query *next;	   /* in its bucket */
	struct dns_query *waiting; /* not handed to c-ares yet */
	unsigned references;	   /* of sessions */
	bool done;
	int64_t until_ms; /* done: the answer is good until then */
	struct dns_answer answer;
};

struct dns {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	size_t count;
	struct dns_query *buckets[BUCKETS];
	struct dns_query *waiting;
	bool stopping;
	int wake_fd;

	/* the thread's own */
	ares_channel channel;
	size_t socket_count;
	struct pollfd sockets[MAX_SOCKETS];
};

static void free_query(struct dns_query *query)
{
	dns_answer_free(&query->answer);
	free(query->name);
	free(query);
}

static struct dns_query **bucket_of(struct dns *dns, const char *name, enum dns_type type)
{
	unsigned hash = 2166136261u + (unsigned)type;

	/* FNV-1a */
	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return &dns->buckets[hash % BUCKETS];
}

static void forget_in(struct dns *dns, struct dns_query **place, int64_t now, bool all)
{
	struct dns_query *query;

	while ((query = *place) != NULL) {
		if (query->references > 0 || !query->done || (!all && query->until_ms > now)) {
			place = &query->next;
			continue;
		}
		*place = query->next;
		dns->count--;
		free_query(query);
	}
}

/* Forgets answers that nobody holds: those that are over, or all of them. */
static void forget(struct dns *dns, int64_t now, bool all)
{
	for (size_t i = 0; i < BUCKETS; i++)
		forget_in(dns, &dns->buckets[i], now, all);
}

static void on_answer(void *argument, int status, int timeouts, unsigned char *message, int size)
{
	struct dns_query *query = argument;
	struct dns *dns = query->dns;
	struct dns_answer answer = {.status = DNS_FAILED, .ttl = DNS_FAILURE_TTL};

	(void)timeouts;
	if (message != NULL &&
	    (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND))
		dns_message_read(message, (size_t)size, query->type, &answer);
	pthread_mutex_lock(&dns->lock);
	query->answer = answer;
	query->done = true;
	query->until_ms = clock_ms() + (int64_t)answer.ttl * 1000;
	pthread_cond_broadcast(&dns->answered);
	pthread_mutex_unlock(&dns->lock);
}

static void on_socket(void *context, ares_socket_t socket, int readable, int writable)
{
	struct dns *dns = context;
	short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
	size_t i = 0;

	while (i < dns->socket_count && dns->sockets[i].fd != socket)
		i++;
	if (events == 0) {
		if (i < dns->socket_count)
			dns->sockets[i] = dns->sockets[--dns->socket_count];
		return;
	}
	if (i == MAX_SOCKETS)
		return;
	if (i == dns->socket_count)
		dns->socket_count++;
	dns->sockets[i] = (struct pollfd){.fd = socket, .events = events};
}

static bool hand_over(struct dns *dns)
{
	struct dns_query *query, *next;
	bool go_on;

	pthread_mutex_lock(&dns->lock);
	query = dns->waiting;
	dns->waiting = NULL;
	go_on = !dns->stopping;
	pthread_mutex_unlock(&dns->lock);
	for (; query != NULL; query = next) {
		next = query->waiting;
		ares_query(dns->channel, query->name, CLASS_IN, (int)query->type, on_answer, query);
	}
	return go_on;
}

static int time_to_wait(struct dns *dns)
{
	struct timeval most = {LONGEST_WAIT_MS / 1000, 0}, left;
	const struct timeval *wait = ares_timeout(dns->channel, &most, &left);

	return (int)(wait->tv_sec * 1000 + wait->tv_usec / 1000) + 1;
}

static void *serve(void *argument)
{
	struct dns *dns = argument;
	struct pollfd wait[MAX_SOCKETS + 1];
	uint64_t ignored;

	while (hand_over(dns)) {
		size_t count = dns->socket_count;

		memcpy(wait, dns->sockets, count * sizeof(*wait));
		wait[count] = (struct pollfd){.fd = dns->wake_fd, .events = POLLIN};
		if (poll(wait, count + 1, time_to_wait(dns)) < 0)
			continue;
		if (wait[count].revents != 0 && read(dns->wake_fd, &ignored, sizeof(ignored)) < 0)
			continue;
		for (size_t i = 0; i < count; i++) {
			short events = wait[i].revents;

			if (events != 0)
				ares_process_fd(dns->channel,
						events & ~POLLOUT ? wait[i].fd : ARES_SOCKET_BAD,
						events & POLLOUT ? wait[i].fd : ARES_SOCKET_BAD);
		}
		ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	/* Ends what still runs: each of them gets its answer. */
	ares_cancel(dns->channel);
	return NULL;
}

static int set_servers(struct dns *dns, const char *const *servers, char **error_r)
{
	struct strbuf list = STRBUF_INIT;
	int code = ARES_SUCCESS;

	for (; *servers != NULL; servers++)
		strbuf_printf(&list, "%s%s", list.size > 0 ? "," : "", *servers);
	if (list.size > 0)
		code = ares_set_servers_ports_csv(dns->channel, strbuf_text(&list));
	if (code != ARES_SUCCESS)
		*error_r =
			xasprintf("dns_servers = %s: %s", strbuf_text(&list), ares_strerror(code));
	strbuf_free(&list);
	return code == ARES_SUCCESS ? 0 : -1;
}

static int open_channel(struct dns *dns, const char *const *servers, char **error_r)
{
	struct ares_options options = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
				       .timeout = TRY_TIMEOUT_MS,
				       .tries = TRIES,
				       .sock_state_cb = on_socket,
				       .sock_state_cb_data = dns};
	/* c-ares 1.34.5 crashes when it gets no memory. */
	int code = ares_library_init_mem(ARES_LIB_INIT_ALL, xmalloc, free, xrealloc);

	if (code == ARES_SUCCESS)
		code = ares_init_options(&dns->channel, &options,
					 ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
						 ARES_OPT_SOCK_STATE_CB);
	if (code != ARES_SUCCESS) {
		*error_r = xasprintf("c-ares does not start: %s", ares_strerror(code));
		return -1;
	}
	if (set_servers(dns, servers, error_r) == 0)
		return 0;
	ares_destroy(dns->channel);
	return -1;
}

static void free_dns(struct dns *dns)
{
	forget(dns, 0, true);
	close(dns->wake_fd);
	pthread_cond_destroy(&dns->answered);
	pthread_mutex_destroy(&dns->lock);
	free(dns);
}

int dns_open(const char *const *servers, struct dns **dns_r, char **error_r)
{
	struct dns *dns = xcalloc(1, sizeof(*dns));
	int error;

	pthread_mutex_init(&dns->lock, NULL);
	clock_init_condition(&dns->answered);
	dns->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (open_channel(dns, servers, error_r) < 0) {
		free_dns(dns);
		return -1;
	}
	error = pthread_create(&dns->thread, NULL, serve, dns);
	if (error != 0) {
		*error_r = xasprintf("cannot start a thread: %s", strerror(error));
		ares_destroy(dns->channel);
		free_dns(dns);
		return -1;
	}
	*dns_r = dns;
	return 0;
}

static void wake(struct dns *dns)
{
	uint64_t one = 1;

	/* It can only be full, and then the thread wakes up anyway. */
	(void)!write(dns->wake_fd, &one, sizeof(one));
}

void dns_close(struct dns **dns_p)
{
	struct dns *dns = *dns_p;

	if (dns == NULL)
		return;
	*dns_p = NULL;
	pthread_mutex_lock(&dns->lock);
	dns->stopping = true;
	pthread_mutex_unlock(&dns->lock);
	wake(dns);
	pthread_join(dns->thread, NULL);
	ares_destroy(dns->channel);
	ares_library_cleanup();
	free_dns(dns);
}

/* Labels of 1 to 63 bytes, in all not too long; in lower case, without the last dot. */
static char *clean_name(const char *name)
{
	size_t size = strlen(name), label = 0;
	char *copy;

	if (size > 0 && name[size - 1] == '.')
		size--;
	if (size == 0 || size > DNS_MAX_NAME)
		return NULL;
	copy = xstrndup(name, size);
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)copy[i];

		label = c == '.' ? 0 : label + 1;
		if (label > 63 || c <= ' ' || c == 0x7f || c == '\\' ||
		    (c == '.' && (i == 0 || copy[i - 1] == '.'))) {
			free(copy);
			return NULL;
		}
		copy[i] = (char)tolower(c);
	}
	return copy;
}

static struct dns_query *find(struct dns *dns, const char *name, enum dns_type type)
{
	struct dns_query *query = *bucket_of(dns, name, type);
	int64_t now = clock_ms();

	for (; query != NULL; query = query->next) {
		if (query->type == type && strcmp(query->name, name) == 0 &&
		    (!query->done || query->until_ms > now))
			return query;
	}
	return NULL;
}

static struct dns_query *add(struct dns *dns, const char *name, enum dns_type type)
{
	struct dns_query *query = xcalloc(1, sizeof(*query)), **bucket;

	if (dns->count >= DNS_MAX_CACHE)
		forget(dns, clock_ms(), false);
	if (dns->count >= DNS_MAX_CACHE)
		forget(dns, 0, true);
	query->dns = dns;
	query->name = xstrdup(name);
	query->type = type;
	bucket = bucket_of(dns, name, type);
	/* A name that is asked for often would leave a long tail of answers that are over. */
	forget_in(dns, bucket, clock_ms(), false);
	query->next = *bucket;
	*bucket = query;
	dns->count++;
	return query;
}

struct dns_query *dns_start(struct dns *dns, const char *name, enum dns_type type)
{
	char *clean = clean_name(name);
	const char *key = clean != NULL ? clean : "";
	struct dns_query *query;
	bool fresh;

	pthread_mutex_lock(&dns->lock);
	query = find(dns, key, type);
	fresh = query == NULL;
	if (fresh)
		query = add(dns, key, type);
	query->references++;
	if (fresh && clean == NULL) {
		query->done = true;
		query->until_ms = INT64_MAX;
		query->answer = (struct dns_answer){.status = DNS_NONE};
	} else if (fresh) {
		query->waiting = dns->waiting;
		dns->waiting = query;
	}
	pthread_mutex_unlock(&dns->lock);
	if (fresh && clean != NULL)
		wake(dns);
	free(clean);
	return query;
}

void dns_release(struct dns_query **query_p)
{
	struct dns_query *query = *query_p;
	struct dns *dns;

	if (query == NULL)
		return;
	*query_p = NULL;
	dns = query->dns;
	pthread_mutex_lock(&dns->lock);
	/* It stays in the cache until its time is over. */
	query->references--;
	pthread_mutex_unlock(&dns->lock);
}

const struct dns_answer *dns_wait(struct dns_query *query, int64_t deadline_ms)
{
	struct dns *dns = query->dns;
	struct timespec deadline = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};
	int error = 0;
	bool done;

	pthread_mutex_lock(&dns->lock);
	while (!query->done && error == 0)
		error = pthread_cond_timedwait(&dns->answered, &dns->lock, &deadline);
	done = query->done;
	pthread_mutex_unlock(&dns->lock);
	return done ? &query->answer : NULL;
}
