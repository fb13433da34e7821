#include "lmtp_deliver.h"

#include "xalloc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
/* after the headers above */
#include <cmocka.h>

#define RECIPIENTS 20
#define PARALLEL   4

struct bench {
	struct lmtp_server_settings settings;
	struct lmtp_transaction transaction;
	struct lmtp_recipient recipients[RECIPIENTS];
	pthread_mutex_t lock; /* of what follows */
	size_t running, most_running, begun, settled, replied, farthest;
	size_t stop_after; /* replies */
};

static void nap(int ms)
{
	struct timespec time = {0, ms * 1000000L};

	nanosleep(&time, NULL);
}

static void on_deliver(void *context, struct lmtp_transaction *transaction,
		       struct lmtp_recipient *recipient)
{
	struct bench *bench = context;
	size_t number = (size_t)(recipient - transaction->recipients);

	pthread_mutex_lock(&bench->lock);
	bench->begun++;
	if (++bench->running > bench->most_running)
		bench->most_running = bench->running;
	if (number - bench->replied > bench->farthest)
		bench->farthest = number - bench->replied;
	pthread_mutex_unlock(&bench->lock);
	/* The first of each group is the slowest. */
	nap(number % PARALLEL == 0 ? 20 : 1);
	lmtp_reply_set(&recipient->reply, 250, "%zu", number);
	pthread_mutex_lock(&bench->lock);
	bench->running--;
	pthread_mutex_unlock(&bench->lock);
}

static void on_settled(void *context, struct lmtp_transaction *transaction,
		       struct lmtp_recipient *recipient)
{
	struct bench *bench = context;

	(void)transaction;
	assert_int_equal(recipient->reply.code, 250);
	pthread_mutex_lock(&bench->lock);
	bench->settled++;
	pthread_mutex_unlock(&bench->lock);
}

static bool on_reply(void *context, const struct lmtp_recipient *recipient)
{
	struct bench *bench = context;

	assert_int_equal(recipient->reply.code, 250);
	pthread_mutex_lock(&bench->lock);
	assert_int_equal(strtoul(recipient->reply.text, NULL, 10), bench->replied);
	bench->replied++;
	pthread_mutex_unlock(&bench->lock);
	return bench->replied != bench->stop_after;
}

static struct bench *run(unsigned parallel, size_t count, size_t stop_after)
{
	struct bench *bench = xcalloc(1, sizeof(*bench));

	bench->settings.parallel = parallel;
	bench->settings.handler = (struct lmtp_handler){
		.deliver = on_deliver, .settled = on_settled, .context = bench};
	bench->transaction =
		(struct lmtp_transaction){.recipients = bench->recipients, .count = count};
	for (size_t i = 0; i < count; i++)
		bench->recipients[i].reply.code = 451;
	bench->stop_after = stop_after;
	pthread_mutex_init(&bench->lock, NULL);
	lmtp_deliver(&bench->settings, &bench->transaction, on_reply, bench);
	return bench;
}

static void bench_free(struct bench *bench)
{
	pthread_mutex_destroy(&bench->lock);
	free(bench);
}

static void replies_keep_their_order(void **state)
{
	struct bench *bench = run(PARALLEL, RECIPIENTS, 0);

	(void)state;
	assert_int_equal(bench->begun, RECIPIENTS);
	assert_int_equal(bench->settled, RECIPIENTS);
	assert_int_equal(bench->replied, RECIPIENTS);
	assert_in_range(bench->most_running, 2, PARALLEL);
	assert_in_range(bench->farthest, 1, PARALLEL - 1);
	bench_free(bench);
}

static void one_after_the_other(void **state)
{
	struct bench *bench = run(1, RECIPIENTS, 0);

	(void)state;
	assert_int_equal(bench->most_running, 1);
	assert_int_equal(bench->farthest, 0);
	assert_int_equal(bench->settled, RECIPIENTS);
	bench_free(bench);
	bench = run(PARALLEL, 1, 0);
	assert_int_equal(bench->replied, 1);
	bench_free(bench);
}

static void nobody_listens_any_more(void **state)
{
	struct bench *bench = run(PARALLEL, RECIPIENTS, 3);

	(void)state;
	assert_int_equal(bench->replied, 3);
	assert_in_range(bench->begun, 3, 3 + PARALLEL);
	assert_int_equal(bench->settled, bench->begun);
	bench_free(bench);
	bench = run(1, RECIPIENTS, 3);
	assert_int_equal(bench->begun, 3);
	assert_int_equal(bench->settled, 3);
	bench_free(bench);
}

static void *many(void *argument)
{
	(void)argument;
	bench_free(run(PARALLEL, RECIPIENTS, 0));
	return NULL;
}

/* More messages at once than there are helpers for: all get through, and all helpers come back. */
static void helpers_are_limited(void **state)
{
	pthread_t threads[LMTP_HELPERS_MAX];

	for (size_t i = 0; i < LMTP_HELPERS_MAX; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, NULL), 0);
	for (size_t i = 0; i < LMTP_HELPERS_MAX; i++)
		pthread_join(threads[i], NULL);
	replies_keep_their_order(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_keep_their_order),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(nobody_listens_any_more),
		cmocka_unit_test(helpers_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
