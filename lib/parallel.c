#include "parallel.h"

#include "clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define STACK_SIZE (512 * 1024) /* as sessions have, lib/server.c */

/* On the stack of the thread that called parallel_for(). */
struct job {
	struct job *next;
	void (*work)(void *context, size_t i);
	void *context;
	size_t count, begun, ended;
	unsigned places; /* for helpers who may still join */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all that follows */
static pthread_cond_t wanted, ended;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct job *jobs; /* those that somebody may join */
static unsigned threads, idle;

static void init(void)
{
	clock_init_condition(&wanted);
	pthread_cond_init(&ended, NULL);
}

static struct job *find_job(void)
{
	struct job *job = jobs;

	while (job != NULL && (job->places == 0 || job->begun == job->count))
		job = job->next;
	return job;
}

/* Under lock, which is let go while the work is done. */
static void work_on(struct job *job)
{
	size_t i;

	while (job->begun < job->count) {
		i = job->begun++;
		pthread_mutex_unlock(&lock);
		job->work(job->context, i);
		pthread_mutex_lock(&lock);
		if (++job->ended == job->count)
			pthread_cond_broadcast(&ended);
	}
}

static void *helper(void *unused)
{
	struct timespec until;
	struct job *job;
	int result = 0;

	pthread_mutex_lock(&lock);
	while (result == 0) {
		while ((job = find_job()) != NULL) {
			job->places--;
			work_on(job);
		}
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += PARALLEL_IDLE_SECONDS;
		idle++;
		result = pthread_cond_timedwait(&wanted, &lock, &until);
		idle--;
		if (find_job() != NULL)
			result = 0;
	}
	threads--;
	pthread_mutex_unlock(&lock);
	return unused;
}

/* Under lock. */
static void call_helpers(unsigned count)
{
	pthread_attr_t attributes;
	pthread_t thread;

	for (unsigned i = 0; i < count && i < idle; i++)
		pthread_cond_signal(&wanted);
	if (count <= idle)
		return;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (unsigned i = idle; i < count && threads < PARALLEL_THREADS_MAX; i++) {
		if (pthread_create(&thread, &attributes, helper, NULL) != 0)
			break;
		threads++;
	}
	pthread_attr_destroy(&attributes);
}

static void leave(struct job *job)
{
	struct job **place = &jobs;

	while (*place != job)
		place = &(*place)->next;
	*place = job->next;
}

static void do_together(struct job *job)
{
	pthread_once(&once, init);
	pthread_mutex_lock(&lock);
	job->next = jobs;
	jobs = job;
	call_helpers(job->places);
	work_on(job);
	leave(job);
	while (job->ended < job->count)
		pthread_cond_wait(&ended, &lock);
	pthread_mutex_unlock(&lock);
}

void parallel_for(size_t count, unsigned width, void (*work)(void *context, size_t i),
		  void *context)
{
	struct job job = {.work = work, .context = context, .count = count};

	if (width > count)
		width = (unsigned)count;
	if (width > 1) {
		job.places = width - 1;
		do_together(&job);
		return;
	}
	for (size_t i = 0; i < count; i++)
		work(context, i);
}
