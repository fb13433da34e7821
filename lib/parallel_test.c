#include "parallel.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <time.h>
/* after the headers above */
#include <cmocka.h>

#define THINGS 50
#define WIDTH  4

#define PATIENCE_S 60

struct bench {
	pthread_mutex_t lock;
	pthread_cond_t one_more;
	size_t times[THINGS], running, most_running;
	size_t company; /* who works waits until so many were at work at the same time */
};

static void work(void *context, size_t i)
{
	struct timespec nap = {0, (i % WIDTH == 0 ? 5 : 1) * 1000000L}, until;
	struct bench *bench = context;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&bench->lock);
	bench->times[i]++;
	if (++bench->running > bench->most_running)
		bench->most_running = bench->running;
	pthread_cond_broadcast(&bench->one_more);
	while (ret == 0 && bench->most_running < bench->company)
		ret = pthread_cond_timedwait(&bench->one_more, &bench->lock, &until);
	pthread_mutex_unlock(&bench->lock);
	nanosleep(&nap, NULL);
	pthread_mutex_lock(&bench->lock);
	bench->running--;
	pthread_mutex_unlock(&bench->lock);
}

/* Returns how many ran at the same time. */
static size_t run(size_t count, unsigned width, size_t company)
{
	struct bench bench = {.lock = PTHREAD_MUTEX_INITIALIZER,
			      .one_more = PTHREAD_COND_INITIALIZER,
			      .company = company};

	parallel_for(count, width, work, &bench);
	assert_int_equal(bench.running, 0);
	for (size_t i = 0; i < THINGS; i++)
		assert_int_equal(bench.times[i], i < count ? 1 : 0);
	return bench.most_running;
}

static void each_is_done_once(void **state)
{
	(void)state;
	assert_int_equal(run(THINGS, WIDTH, WIDTH), WIDTH);
	assert_int_equal(run(THINGS, WIDTH, WIDTH), WIDTH);
	assert_in_range(run(2, WIDTH, 1), 1, 2);
	assert_in_range(run(THINGS, 1000, 2), 2, PARALLEL_THREADS_MAX + 1);
}

static void one_after_the_other(void **state)
{
	(void)state;
	assert_int_equal(run(THINGS, 1, 1), 1);
	assert_int_equal(run(THINGS, 0, 1), 1);
	assert_int_equal(run(1, WIDTH, 1), 1);
	assert_int_equal(run(0, WIDTH, 1), 0);
}

static void *caller(void *seen)
{
	*(size_t *)seen = run(THINGS, WIDTH, 1);
	return NULL;
}

/* More callers than there are threads for: all get through. */
static void threads_are_limited(void **state)
{
	pthread_t threads[PARALLEL_THREADS_MAX + 4];
	size_t seen[PARALLEL_THREADS_MAX + 4];

	(void)state;
	for (size_t i = 0; i < PARALLEL_THREADS_MAX + 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, caller, &seen[i]), 0);
	for (size_t i = 0; i < PARALLEL_THREADS_MAX + 4; i++) {
		pthread_join(threads[i], NULL);
		assert_in_range(seen[i], 1, WIDTH);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_done_once),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(threads_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
