#include "notices.h"

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_S      30 /* of a request; nobody waits for it but this thread */
#define CONNECT_MS     1000
#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS  60000
#define NAME_SIZE      40
#define MAX_FILE       (NOTICES_MAX_HEADER + PACKET_MAX_SIZE)

METRIC_COUNTER(told, "shoveler_milter_virus_notices_total{result=\"told\"}",
	       "Viruses that users were to be told of");
METRIC_COUNTER(unknown, "shoveler_milter_virus_notices_total{result=\"unknown\"}",
	       "Viruses that users were to be told of");
METRIC_COUNTER(dropped, "shoveler_milter_virus_notices_total{result=\"dropped\"}",
	       "Viruses that users were to be told of");
METRIC_GAUGE(waiting, "shoveler_milter_virus_notices_waiting",
	     "Messages with a virus of which spamtraind does not know yet");

struct notices {
	char *directory;
	pthread_t thread;
	atomic_uint sequence;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct endpoint spamtraind; /* under the lock */
	bool stopping, news;	    /* under the lock */
	int64_t retry_ms;	    /* the thread's own; 0: all is told */
};

/* ---- files ---- */

static int write_file(const struct notices *notices, const char *name, struct span content)
{
	char *path = xasprintf("%s/%s", notices->directory, name);
	int ret = file_replace(path, content, 0600, false);

	free(path);
	return ret;
}

static void remove_file(const struct notices *notices, const char *name)
{
	char *path = xasprintf("%s/%s", notices->directory, name);

	if (unlink(path) == 0)
		atomic_fetch_sub(&waiting.value, 1);
	free(path);
}

static void put_notice(struct strbuf *out, const struct notice *notice, const char *size)
{
	char when[24];

	snprintf(when, sizeof(when), "%lld", (long long)notice->time);
	packet_put(out, "users", notice->users);
	packet_put(out, "virus", notice->virus);
	packet_put(out, "id", notice->id);
	packet_put(out, "sender", notice->sender);
	packet_put(out, "time", when);
	packet_put(out, "size", size);
	strbuf_append_char(out, '\n');
}

/* Cut between two addresses. */
static char *some_users(const char *users)
{
	size_t size = strlen(users);

	if (size > NOTICES_MAX_USERS) {
		size = NOTICES_MAX_USERS;
		while (size > 0 && users[size] != ' ')
			size--;
	}
	return xstrndup(users, size);
}

static void put_message(struct strbuf *out, struct notice notice, int message_fd)
{
	char header[NOTICES_MAX_HEADER], size[24], *users = some_users(notice.users);
	struct stat st = {0};
	ssize_t got = pread(message_fd, header, sizeof(header), 0);

	(void)fstat(message_fd, &st);
	snprintf(size, sizeof(size), "%lld", (long long)st.st_size);
	notice.users = users;
	put_notice(out, &notice, size);
	if (got > 0)
		strbuf_append(out, header, (size_t)got);
	free(users);
}

static void drop(const char *id, const char *users, const char *reason)
{
	metric_add(&dropped, 1);
	msg_warn("%s: to=<%s>, action=drop-virus-notice, reason=%s", id, users, reason);
}

void notices_add(struct notices *notices, const struct notice *notice, int message_fd)
{
	struct strbuf content = STRBUF_INIT;
	char name[NAME_SIZE];

	if (notices == NULL || notice->users[0] == '\0')
		return;
	if (atomic_load(&waiting.value) >= NOTICES_MAX_FILES) {
		drop(notice->id, notice->users, "too many wait for spamtraind");
		return;
	}
	snprintf(name, sizeof(name), "%012lld.%010u", (long long)time(NULL),
		 atomic_fetch_add(&notices->sequence, 1));
	put_message(&content, *notice, message_fd);
	atomic_fetch_add(&waiting.value, 1);
	if (write_file(notices, name, strbuf_span(&content)) < 0) {
		atomic_fetch_sub(&waiting.value, 1);
		drop(notice->id, notice->users, strerror(errno));
	}
	strbuf_free(&content);
	pthread_mutex_lock(&notices->lock);
	notices->news = true;
	pthread_cond_signal(&notices->changed);
	pthread_mutex_unlock(&notices->lock);
}

/* ---- asking ---- */

enum answer { ANSWER_TOLD, ANSWER_UNKNOWN, ANSWER_LATER, ANSWER_AWAY };

static enum answer exchange(int connection, const struct strbuf *request, int header,
			    const char *id, const char *user)
{
	enum answer answer = ANSWER_AWAY;
	struct packet reply;
	char *error = NULL;

	if (packet_ask(connection, request, header, &reply, NULL, &error) == 1) {
		const char *outcome = packet_text(&reply, "outcome");

		if (strcmp(packet_text(&reply, "status"), "ok") == 0)
			answer = ANSWER_TOLD;
		else
			answer = strcmp(outcome, "deferred") == 0 ? ANSWER_LATER : ANSWER_UNKNOWN;
		if (answer == ANSWER_UNKNOWN)
			msg_info("%s: to=<%s>, action=no-virus-notice, outcome=%s, reason=%s", id,
				 user, outcome, packet_text(&reply, "reason"));
		packet_free(&reply);
	}
	free(error);
	return answer;
}

static enum answer ask(int connection, const struct packet *notice, const char *user, int header)
{
	static const char *const names[] = {"virus", "id", "sender", "time", "size"};
	struct strbuf request = STRBUF_INIT;
	enum answer answer;

	packet_put(&request, "request", "virus");
	packet_put(&request, "source", "milter");
	packet_put(&request, "user", user);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		packet_put(&request, names[i], packet_text(notice, names[i]));
	answer = exchange(connection, &request, header, packet_text(notice, "id"), user);
	strbuf_free(&request);
	return answer;
}

/* *left_r: who is to be told later. Returns false when spamtraind does not answer. */
static bool tell_users(int connection, const struct packet *notice, int header,
		       struct strbuf *left_r)
{
	char *users = xstrdup(packet_text(notice, "users")), *rest = users, *user;
	bool away = false;

	while ((user = strsep(&rest, " ")) != NULL) {
		enum answer answer = ANSWER_AWAY;

		if (user[0] == '\0')
			continue;
		if (!away)
			answer = ask(connection, notice, user, header);
		away = answer == ANSWER_AWAY;
		if (answer == ANSWER_TOLD || answer == ANSWER_UNKNOWN)
			metric_add(answer == ANSWER_TOLD ? &told : &unknown, 1);
		else
			strbuf_printf(left_r, "%s%s", left_r->size > 0 ? " " : "", user);
	}
	free(users);
	return !away;
}

/* Some were told, others wait: only these are in the file from now on. */
static void write_again(const struct notices *notices, const char *name,
			const struct packet *packet, const char *users, struct span header)
{
	const struct notice notice = {
		.id = packet_text(packet, "id"),
		.users = users,
		.sender = packet_text(packet, "sender"),
		.virus = packet_text(packet, "virus"),
		.time = (time_t)strtoll(packet_text(packet, "time"), NULL, 10),
	};
	struct strbuf content = STRBUF_INIT;

	put_notice(&content, &notice, packet_text(packet, "size"));
	strbuf_append_span(&content, header);
	if (write_file(notices, name, strbuf_span(&content)) < 0)
		msg_warn("%s/%s: %s", notices->directory, name, strerror(errno));
	strbuf_free(&content);
}

static int memory_file(struct span bytes)
{
	int fd = memfd_create("header", MFD_CLOEXEC);

	if (fd >= 0 && file_write_all(fd, bytes) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool is_expired(const struct packet *notice)
{
	return time(NULL) - strtoll(packet_text(notice, "time"), NULL, 10) > NOTICES_MAX_AGE_S;
}

/* Returns false when spamtraind does not answer. *left_r: something is to be told later. */
static bool tell(struct notices *notices, int connection, const char *name,
		 const struct packet *packet, struct span header, bool *left_r)
{
	struct strbuf left = STRBUF_INIT;
	int fd = memory_file(header);
	bool there = tell_users(connection, packet, fd, &left);

	if (left.size == 0) {
		remove_file(notices, name);
	} else if (is_expired(packet)) {
		drop(packet_text(packet, "id"), strbuf_text(&left), "spamtraind did not take it");
		remove_file(notices, name);
	} else {
		*left_r = true;
		if (strcmp(strbuf_text(&left), packet_text(packet, "users")) != 0)
			write_again(notices, name, packet, strbuf_text(&left), header);
	}
	if (fd >= 0)
		close(fd);
	strbuf_free(&left);
	return there;
}

/* The same for a file. One that is damaged is removed. */
static bool tell_file(struct notices *notices, int connection, const char *name, bool *left_r)
{
	char *path = xasprintf("%s/%s", notices->directory, name), *text = xmalloc(MAX_FILE);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t size = fd < 0 ? -1 : read(fd, text, MAX_FILE);
	struct span content = {text, size > 0 ? (size_t)size : 0};
	struct packet packet;
	char *error = NULL;
	size_t used = 0;
	bool there = true;

	if (fd >= 0)
		close(fd);
	if (packet_parse(&packet, content, &used, &error) == 0) {
		there = tell(notices, connection, name, &packet, span_from(content, used), left_r);
		packet_free(&packet);
	} else {
		drop(name, "", error);
		remove_file(notices, name);
	}
	free(error);
	free(text);
	free(path);
	return there;
}

/* ---- the thread ---- */

static int is_notice(const struct dirent *entry)
{
	return entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
	       strlen(entry->d_name) < NAME_SIZE;
}

static bool is_stopping(struct notices *notices)
{
	bool stopping;

	pthread_mutex_lock(&notices->lock);
	stopping = notices->stopping;
	pthread_mutex_unlock(&notices->lock);
	return stopping;
}

static int reach(struct notices *notices)
{
	struct endpoint endpoint;
	char *error = NULL;
	int connection;

	pthread_mutex_lock(&notices->lock);
	endpoint = notices->spamtraind;
	pthread_mutex_unlock(&notices->lock);
	connection = endpoint_connect(&endpoint, SOCK_SEQPACKET, CONNECT_MS, &error);
	if (connection >= 0)
		endpoint_set_timeout(connection, TIMEOUT_S);
	else if (notices->retry_ms == 0)
		msg_warn("users are told of viruses later: %s", error);
	free(error);
	return connection;
}

/* Returns whether all is told. */
static bool tell_all(struct notices *notices)
{
	struct dirent **names = NULL;
	int count = scandir(notices->directory, &names, is_notice, alphasort), connection = -1;
	bool left = false, there = true;

	metric_set(&waiting, count > 0 ? count : 0);
	if (count > 0)
		there = (connection = reach(notices)) >= 0;
	for (int i = 0; i < count; i++) {
		if (there && !is_stopping(notices))
			there = tell_file(notices, connection, names[i]->d_name, &left);
		free(names[i]);
	}
	free(names);
	if (connection >= 0)
		close(connection);
	return there && !left;
}

static void wait_for_news(struct notices *notices)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += notices->retry_ms / 1000;
	pthread_mutex_lock(&notices->lock);
	/* While spamtraind is away news wait as the others do. */
	while (!notices->stopping && (notices->retry_ms > 0 || !notices->news)) {
		if (notices->retry_ms == 0)
			pthread_cond_wait(&notices->changed, &notices->lock);
		else if (pthread_cond_timedwait(&notices->changed, &notices->lock, &until) ==
			 ETIMEDOUT)
			break;
	}
	notices->news = false;
	pthread_mutex_unlock(&notices->lock);
}

static void *run(void *context)
{
	struct notices *notices = context;

	while (!is_stopping(notices)) {
		if (tell_all(notices))
			notices->retry_ms = 0;
		else if (notices->retry_ms == 0)
			notices->retry_ms = RETRY_FIRST_MS;
		else if (notices->retry_ms < RETRY_LAST_MS)
			notices->retry_ms *= 2;
		wait_for_news(notices);
	}
	return NULL;
}

static void free_notices(struct notices *notices)
{
	pthread_mutex_destroy(&notices->lock);
	pthread_cond_destroy(&notices->changed);
	free(notices->directory);
	free(notices);
}

int notices_start(const char *directory, const struct endpoint *spamtraind,
		  struct notices **notices_r, char **error_r)
{
	struct notices *notices = xcalloc(1, sizeof(*notices));
	int error;

	notices->directory = xstrdup(directory);
	notices->spamtraind = *spamtraind;
	/* Two processes after each other must not write the same name. */
	atomic_init(&notices->sequence, (unsigned)getpid() << 12u);
	pthread_mutex_init(&notices->lock, NULL);
	clock_init_condition(&notices->changed);
	error = pthread_create(&notices->thread, NULL, run, notices);
	if (error != 0) {
		*error_r = xasprintf("cannot start a thread: %s", strerror(error));
		free_notices(notices);
		return -1;
	}
	*notices_r = notices;
	return 0;
}

void notices_set_endpoint(struct notices *notices, const struct endpoint *spamtraind)
{
	pthread_mutex_lock(&notices->lock);
	notices->spamtraind = *spamtraind;
	pthread_mutex_unlock(&notices->lock);
}

void notices_stop(struct notices **notices_p)
{
	struct notices *notices = *notices_p;

	if (notices == NULL)
		return;
	*notices_p = NULL;
	pthread_mutex_lock(&notices->lock);
	notices->stopping = true;
	pthread_cond_signal(&notices->changed);
	pthread_mutex_unlock(&notices->lock);
	pthread_join(notices->thread, NULL);
	free_notices(notices);
}
