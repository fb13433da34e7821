#include "lmtp_deliver.h"

#include "xalloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define HELPER_STACK_SIZE (512 * 1024) /* as sessions have, lib/server.c */

static atomic_uint helpers_running;

struct crew {
	const struct lmtp_handler *handler;
	struct lmtp_transaction *transaction;
	size_t ahead; /* how far they may run ahead of the last reply */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t next, replied; /* recipients */
	bool *done;
	bool stop;
};

static void deliver_one(const struct lmtp_handler *handler, struct lmtp_transaction *transaction,
			size_t i)
{
	handler->deliver(handler->context, transaction, &transaction->recipients[i]);
}

static void settle_one(const struct lmtp_handler *handler, struct lmtp_transaction *transaction,
		       size_t i)
{
	if (handler->settled != NULL)
		handler->settled(handler->context, transaction, &transaction->recipients[i]);
}

/* ---- one after the other ---- */

static void deliver_in_turn(const struct lmtp_handler *handler,
			    struct lmtp_transaction *transaction,
			    bool (*reply)(void *context, const struct lmtp_recipient *recipient),
			    void *context)
{
	bool go_on = true;

	for (size_t i = 0; i < transaction->count && go_on; i++) {
		deliver_one(handler, transaction, i);
		go_on = reply(context, &transaction->recipients[i]);
		settle_one(handler, transaction, i);
	}
}

/* ---- several ---- */

/* Under lock: a recipient is left, though it may not be his turn. */
static bool is_left(const struct crew *crew)
{
	return !crew->stop && crew->next < crew->transaction->count;
}

static bool take_next(struct crew *crew, size_t *i_r)
{
	bool taken;

	pthread_mutex_lock(&crew->lock);
	while (is_left(crew) && crew->next >= crew->replied + crew->ahead)
		pthread_cond_wait(&crew->changed, &crew->lock);
	taken = is_left(crew);
	if (taken)
		*i_r = crew->next++;
	pthread_mutex_unlock(&crew->lock);
	return taken;
}

static void *helper(void *argument)
{
	struct crew *crew = argument;
	size_t i;

	while (take_next(crew, &i)) {
		deliver_one(crew->handler, crew->transaction, i);
		pthread_mutex_lock(&crew->lock);
		crew->done[i] = true;
		pthread_cond_broadcast(&crew->changed);
		pthread_mutex_unlock(&crew->lock);
		settle_one(crew->handler, crew->transaction, i);
	}
	return NULL;
}

static void wait_done(struct crew *crew, size_t i)
{
	pthread_mutex_lock(&crew->lock);
	while (!crew->done[i])
		pthread_cond_wait(&crew->changed, &crew->lock);
	pthread_mutex_unlock(&crew->lock);
}

static void note_reply(struct crew *crew, bool go_on)
{
	pthread_mutex_lock(&crew->lock);
	crew->replied++;
	crew->stop = !go_on;
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
}

/* In the session's own thread. */
static void reply_in_order(struct crew *crew,
			   bool (*reply)(void *context, const struct lmtp_recipient *recipient),
			   void *context)
{
	bool go_on = true;

	for (size_t i = 0; i < crew->transaction->count && go_on; i++) {
		wait_done(crew, i);
		go_on = reply(context, &crew->transaction->recipients[i]);
		note_reply(crew, go_on);
	}
}

/* Takes places for as many as there are, at most wanted. */
static unsigned reserve(size_t wanted)
{
	unsigned running = atomic_load(&helpers_running), taken;

	do {
		taken = LMTP_HELPERS_MAX - running;
		if (taken > wanted)
			taken = (unsigned)wanted;
		if (taken < 2) /* the session's own thread does as well */
			return 0;
	} while (!atomic_compare_exchange_weak(&helpers_running, &running, running + taken));
	return taken;
}

/* Returns how many started. */
static unsigned start(struct crew *crew, pthread_t *threads, unsigned wanted)
{
	pthread_attr_t attributes;
	unsigned started = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, HELPER_STACK_SIZE);
	while (started < wanted &&
	       pthread_create(&threads[started], &attributes, helper, crew) == 0)
		started++;
	pthread_attr_destroy(&attributes);
	return started;
}

void lmtp_deliver(const struct lmtp_server_settings *settings, struct lmtp_transaction *transaction,
		  bool (*reply)(void *context, const struct lmtp_recipient *recipient),
		  void *context)
{
	size_t count = transaction->count;
	unsigned reserved = reserve(settings->parallel < count ? settings->parallel : count);
	struct crew crew = {.handler = &settings->handler,
			    .transaction = transaction,
			    .ahead = settings->parallel,
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER};
	pthread_t threads[LMTP_HELPERS_MAX];
	unsigned started;

	crew.done = xcalloc(count + 1, sizeof(*crew.done));
	started = start(&crew, threads, reserved);
	if (started == 0)
		deliver_in_turn(&settings->handler, transaction, reply, context);
	else
		reply_in_order(&crew, reply, context);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	atomic_fetch_sub(&helpers_running, reserved);
	free(crew.done);
	pthread_cond_destroy(&crew.changed);
	pthread_mutex_destroy(&crew.lock);
}
