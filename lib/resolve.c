#include "resolve.h"

#include "clock.h"
#include "xalloc.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One that takes too long cannot always be called back: it is freed when it is over. */
struct lookup {
	struct gaicb request;
	struct addrinfo hints;
	char *host, *port;
	struct lookup *next;
};

static struct lookup *given_up; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct lookup *lookup_new(const char *host, const char *port, const struct addrinfo *hints)
{
	struct lookup *lookup = xcalloc(1, sizeof(*lookup));

	lookup->hints = *hints;
	lookup->host = xstrdup(host);
	lookup->port = xstrdup(port);
	lookup->request.ar_name = lookup->host;
	lookup->request.ar_service = lookup->port;
	lookup->request.ar_request = &lookup->hints;
	return lookup;
}

static void lookup_free(struct lookup *lookup)
{
	if (lookup->request.ar_result != NULL)
		freeaddrinfo(lookup->request.ar_result);
	free(lookup->host);
	free(lookup->port);
	free(lookup);
}

static void free_given_up(void)
{
	struct lookup **place, *lookup;

	pthread_mutex_lock(&lock);
	for (place = &given_up; (lookup = *place) != NULL;) {
		if (gai_error(&lookup->request) == EAI_INPROGRESS) {
			place = &lookup->next;
			continue;
		}
		*place = lookup->next;
		lookup_free(lookup);
	}
	pthread_mutex_unlock(&lock);
}

static void give_up(struct lookup *lookup)
{
	if (gai_cancel(&lookup->request) != EAI_NOTCANCELED) {
		lookup_free(lookup);
		return;
	}
	pthread_mutex_lock(&lock);
	lookup->next = given_up;
	given_up = lookup;
	pthread_mutex_unlock(&lock);
}

/* Returns the code of the lookup, EAI_INPROGRESS when it is not over in time. */
static int wait_for(struct lookup *lookup, int timeout_ms)
{
	const struct gaicb *requests[] = {&lookup->request};
	int64_t until = clock_ms() + timeout_ms, left;
	int code;

	while ((code = gai_error(&lookup->request)) == EAI_INPROGRESS &&
	       (left = until - clock_ms()) > 0) {
		struct timespec time = {left / 1000, (long)(left % 1000) * 1000000};

		gai_suspend(requests, 1, &time);
	}
	return code;
}

static int look_up(const char *host, const char *port, const struct addrinfo *hints, int timeout_ms,
		   struct addrinfo **list_r)
{
	struct lookup *lookup = lookup_new(host, port, hints);
	struct gaicb *requests[] = {&lookup->request};
	int code = getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL);

	if (code == 0)
		code = wait_for(lookup, timeout_ms);
	if (code == EAI_INPROGRESS) {
		give_up(lookup);
		return code;
	}
	*list_r = lookup->request.ar_result;
	lookup->request.ar_result = NULL;
	lookup_free(lookup);
	return code;
}

struct addrinfo *resolve_within(const char *host, const char *port, int type, int flags,
				int timeout_ms, char **error_r)
{
	struct addrinfo hints = {.ai_socktype = type, .ai_flags = flags | AI_NUMERICHOST};
	struct addrinfo *list = NULL;
	int code = getaddrinfo(host, port, &hints, &list);

	if (code == EAI_NONAME) {
		free_given_up();
		hints.ai_flags = flags;
		code = look_up(host, port, &hints, timeout_ms, &list);
	}
	if (code == 0)
		return list;
	*error_r = xasprintf("cannot resolve inet:%s:%s: %s", host, port,
			     code == EAI_INPROGRESS ? "no answer in time" : gai_strerror(code));
	return NULL;
}
