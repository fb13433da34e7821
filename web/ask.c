#include "web/ask.h"

#include "web/site.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000
#define ANSWER_TIMEOUT_S   60 /* longer than spamtraind keeps us waiting */

METRIC_COUNTER(failures, "shoveler_web_spamtraind_failures_total",
	       "Questions that spamtraind did not answer");

struct asker {
	char *address;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned busy; /* connections that somebody talks on */
	unsigned idle_count;
	int idle[ASK_CONNECTIONS];
};

struct asker *asker_new(const char *address)
{
	struct asker *asker = xcalloc(1, sizeof(*asker));

	asker->address = xstrdup(address);
	pthread_mutex_init(&asker->lock, NULL);
	pthread_cond_init(&asker->changed, NULL);
	return asker;
}

void asker_free(struct asker **asker)
{
	if (*asker == NULL)
		return;
	while ((*asker)->idle_count > 0)
		close((*asker)->idle[--(*asker)->idle_count]);
	pthread_cond_destroy(&(*asker)->changed);
	pthread_mutex_destroy(&(*asker)->lock);
	free((*asker)->address);
	free(*asker);
	*asker = NULL;
}

/* spamtraind closes what was idle for long, or was restarted. */
static bool is_alive(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Returns false when all connections are in use for too long. */
static bool take_turn(struct asker *asker, int *fd_r)
{
	struct timespec deadline;
	int error = 0;
	bool taken;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += ASK_BUSY_TIMEOUT_S;
	*fd_r = -1;
	pthread_mutex_lock(&asker->lock);
	while (asker->busy == ASK_CONNECTIONS && error == 0)
		error = pthread_cond_timedwait(&asker->changed, &asker->lock, &deadline);
	taken = asker->busy < ASK_CONNECTIONS;
	if (taken) {
		asker->busy++;
		if (asker->idle_count > 0)
			*fd_r = asker->idle[--asker->idle_count];
	}
	pthread_mutex_unlock(&asker->lock);
	return taken;
}

static void end_turn(struct asker *asker, int fd)
{
	pthread_mutex_lock(&asker->lock);
	asker->busy--;
	if (fd >= 0)
		asker->idle[asker->idle_count++] = fd;
	pthread_cond_signal(&asker->changed);
	pthread_mutex_unlock(&asker->lock);
}

/* Returns the connection, or -1: it is closed then. */
static int talk(int fd, const struct strbuf *question, struct packet *reply_r, int *content_r,
		char **error_r)
{
	int received = packet_ask(fd, question, -1, reply_r, content_r, error_r);

	if (received == 0)
		*error_r = xstrdup("spamtraind closed the connection: is web_user among its "
				   "spamtraind_clients?");
	if (received > 0)
		return fd;
	close(fd);
	return -1;
}

static bool exchange(struct asker *asker, const struct strbuf *question, struct packet *reply_r,
		     int *content_r, char **error_r)
{
	bool ok;
	int fd;

	*content_r = -1;
	if (!take_turn(asker, &fd)) {
		*error_r = xstrdup("spamtraind is too busy");
		return false;
	}
	if (fd >= 0 && !is_alive(fd)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		fd = packet_connect(asker->address, CONNECT_TIMEOUT_MS, ANSWER_TIMEOUT_S, error_r);
	if (fd >= 0)
		fd = talk(fd, question, reply_r, content_r, error_r);
	ok = fd >= 0;
	end_turn(asker, fd);
	return ok;
}

/* The content, malloc'ed and NUL-terminated. */
static char *read_content(int fd, size_t *size_r, char **error_r)
{
	struct stat st;
	char *content;
	ssize_t got;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > ASK_CONTENT_MAX) {
		*error_r = xstrdup("spamtraind's answer is no file, or too large");
		return NULL;
	}
	*size_r = 0;
	content = xmalloc((size_t)st.st_size + 1);
	while (*size_r < (size_t)st.st_size) {
		got = pread(fd, content + *size_r, (size_t)st.st_size - *size_r, (off_t)*size_r);
		if (got <= 0)
			break;
		*size_r += (size_t)got;
	}
	content[*size_r] = '\0';
	return content;
}

static bool take_content(struct answer *answer, int fd, bool parse, char **error_r)
{
	const char *kind = packet_get(&answer->packet, "content");
	json_error_t problem;

	answer->message = read_content(fd, &answer->message_size, error_r);
	if (answer->message == NULL)
		return false;
	if (!parse || kind == NULL || strcmp(kind, "json") != 0)
		return true;
	answer->json =
		json_loadb(answer->message, answer->message_size, JSON_REJECT_DUPLICATES, &problem);
	if (answer->json == NULL)
		*error_r = xasprintf("spamtraind's JSON: %s", problem.text);
	free(answer->message);
	answer->message = NULL;
	return answer->json != NULL;
}

static bool ask_any(struct request *r, struct strbuf *question, bool parse, struct answer *answer_r)
{
	int content = -1;
	char *error = NULL;
	bool answered;
	const char *outcome;

	*answer_r = (struct answer){.outcome = "deferred"};
	answered = exchange(r->site->asker, question, &answer_r->packet, &content, &error) &&
		   (content < 0 || take_content(answer_r, content, parse, &error));
	if (content >= 0)
		close(content);
	strbuf_free(question);
	if (!answered) {
		metric_add(&failures, 1);
		msg_error("user=<%s>, path=/%s, %s", r->session.user, r->path, error);
		free(error);
		return false;
	}
	outcome = packet_get(&answer_r->packet, "status");
	answer_r->ok = outcome != NULL && strcmp(outcome, "ok") == 0;
	outcome = packet_get(&answer_r->packet, "outcome");
	snprintf(answer_r->outcome, sizeof(answer_r->outcome), "%s", outcome ? outcome : "");
	if (!answer_r->ok)
		msg_debug("user=<%s>, path=/%s, outcome=%s, %s", r->session.user, r->path,
			  answer_r->outcome, packet_get(&answer_r->packet, "reason"));
	return answer_r->ok;
}

bool ask(struct request *r, struct strbuf *question, struct answer *answer_r)
{
	return ask_any(r, question, true, answer_r);
}

bool ask_raw(struct request *r, struct strbuf *question, struct answer *answer_r)
{
	return ask_any(r, question, false, answer_r);
}

void answer_free(struct answer *answer)
{
	packet_free(&answer->packet);
	json_decref(answer->json);
	free(answer->message);
	*answer = (struct answer){0};
}

void ask_begin(const struct request *r, struct strbuf *question, const char *request)
{
	if (r->session.user[0] == '\0')
		msg_panic("a question without a user");
	*question = (struct strbuf)STRBUF_INIT;
	packet_put(question, "request", request);
	packet_put(question, "user", r->session.user);
}

void ask_begin_link(struct strbuf *question, const char *request, const char *token)
{
	*question = (struct strbuf)STRBUF_INIT;
	packet_put(question, "request", request);
	packet_put(question, "token", token);
}

void ask_begin_overview(struct strbuf *question, const char *domain)
{
	*question = (struct strbuf)STRBUF_INIT;
	packet_put(question, "request", "overview");
	if (domain[0] != '\0')
		packet_put(question, "domain", domain);
}

const char *json_text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "";
}

long long json_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

double json_fraction(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

bool json_flag(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}
