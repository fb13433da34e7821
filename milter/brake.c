#include "brake.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define MAX_NAME 128

struct counter {
	char signature[MAX_NAME]; /* "": free */
	time_t since;
	int count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct counter counters[BRAKE_MAX_SIGNATURES];

static struct counter *counter_of(const char *signature, time_t now)
{
	struct counter *oldest = &counters[0];

	for (size_t i = 0; i < BRAKE_MAX_SIGNATURES; i++) {
		struct counter *counter = &counters[i];

		if (strncmp(counter->signature, signature, MAX_NAME - 1) == 0)
			return counter;
		if (counter->signature[0] == '\0' ||
		    (oldest->signature[0] != '\0' && counter->since < oldest->since))
			oldest = counter;
		if (counter->signature[0] == '\0')
			break;
	}
	snprintf(oldest->signature, sizeof(oldest->signature), "%s", signature);
	oldest->since = now;
	oldest->count = 0;
	return oldest;
}

enum brake brake_count(const char *signature, int limit, time_t now)
{
	struct counter *counter;
	int count;

	if (limit == 0)
		return BRAKE_OFF;
	pthread_mutex_lock(&lock);
	counter = counter_of(signature, now);
	if (now - counter->since >= BRAKE_PERIOD_S) {
		counter->since = now;
		counter->count = 0;
	}
	count = counter->count < limit + 2 ? ++counter->count : counter->count;
	pthread_mutex_unlock(&lock);
	if (count <= limit)
		return BRAKE_OFF;
	return count == limit + 1 ? BRAKE_BEGUN : BRAKE_ON;
}
