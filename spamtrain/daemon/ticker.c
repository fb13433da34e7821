#include "spamtrain/daemon/ticker.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ticker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
	void (*run)(struct ticker *ticker);
};

bool ticker_sleep(struct ticker *ticker, int64_t ms)
{
	struct timespec until;
	int error = 0;
	bool go_on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&ticker->lock);
	while (!ticker->stopping && error == 0)
		error = pthread_cond_timedwait(&ticker->changed, &ticker->lock, &until);
	go_on = !ticker->stopping;
	pthread_mutex_unlock(&ticker->lock);
	return go_on;
}

static void *run(void *argument)
{
	struct ticker *ticker = argument;

	ticker->run(ticker);
	return NULL;
}

static void free_ticker(struct ticker **ticker)
{
	pthread_cond_destroy(&(*ticker)->changed);
	pthread_mutex_destroy(&(*ticker)->lock);
	free(*ticker);
	*ticker = NULL;
}

int ticker_start(struct ticker **ticker_r, const char *name, void (*loop)(struct ticker *ticker),
		 char **error_r)
{
	struct ticker *ticker = xcalloc(1, sizeof(*ticker));
	int error;

	ticker->run = loop;
	pthread_mutex_init(&ticker->lock, NULL);
	clock_init_condition(&ticker->changed);
	error = pthread_create(&ticker->thread, NULL, run, ticker);
	if (error != 0) {
		*error_r = xasprintf("cannot start %s: %s", name, strerror(error));
		free_ticker(&ticker);
		return -1;
	}
	*ticker_r = ticker;
	return 0;
}

void ticker_stop(struct ticker **ticker)
{
	if (*ticker == NULL)
		return;
	pthread_mutex_lock(&(*ticker)->lock);
	(*ticker)->stopping = true;
	pthread_cond_broadcast(&(*ticker)->changed);
	pthread_mutex_unlock(&(*ticker)->lock);
	pthread_join((*ticker)->thread, NULL);
	free_ticker(ticker);
}
