#include "watchdog.h"

#include "clock.h"
#include "msg.h"
#include "xalloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define PROBES_MAX	  8
#define ANSWER_MAX	  64
#define LOOKS_EACH_PERIOD 4 /* so that one look may fail on a busy host */
#define PROBE_TIMEOUT_S	  (WATCHDOG_PROBE_TIMEOUT_MS / 1000)

static struct watchdog_probe probes[PROBES_MAX];
static unsigned probe_count;
static struct pulse *pulses; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void watchdog_add_probe(const struct watchdog_probe *probe)
{
	if (probe_count == PROBES_MAX)
		msg_panic("more than %d probes of the watchdog", PROBES_MAX);
	probes[probe_count++] = *probe;
}

void pulse_beat(struct pulse *pulse, int within_s)
{
	atomic_store(&pulse->due_ms, clock_ms() + within_s * INT64_C(1000));
}

void pulse_start(struct pulse *pulse, const char *name, int within_s)
{
	pulse->name = name;
	pulse_beat(pulse, within_s);
	pthread_mutex_lock(&lock);
	pulse->next = pulses;
	pulses = pulse;
	pthread_mutex_unlock(&lock);
}

void pulse_stop(struct pulse *pulse)
{
	struct pulse **place = &pulses;

	pthread_mutex_lock(&lock);
	while (*place != NULL && *place != pulse)
		place = &(*place)->next;
	if (*place != NULL)
		*place = pulse->next;
	pthread_mutex_unlock(&lock);
}

static bool threads_turn(void)
{
	int64_t now = clock_ms();
	const struct pulse *late;

	pthread_mutex_lock(&lock);
	for (late = pulses; late != NULL; late = late->next) {
		if (atomic_load(&late->due_ms) < now)
			break;
	}
	if (late != NULL)
		msg_warn("watchdog: %s has not come round in time", late->name);
	pthread_mutex_unlock(&lock);
	return late == NULL;
}

static int ask(const struct watchdog_probe *probe, int fd, char **error_r)
{
	char answer[ANSWER_MAX] = "";
	size_t wanted = strlen(probe->answer);
	ssize_t size;

	endpoint_set_timeout(fd, PROBE_TIMEOUT_S);
	if (probe->question.size > 0 &&
	    send(fd, probe->question.data, probe->question.size, MSG_NOSIGNAL) < 0) {
		*error_r = xasprintf("takes no question: %s", strerror(errno));
		return -1;
	}
	size = recv(fd, answer, sizeof(answer), 0);
	if (size >= (ssize_t)wanted && memcmp(answer, probe->answer, wanted) == 0)
		return 0;
	*error_r = size < 0 ? xasprintf("does not answer: %s", strerror(errno))
			    : xstrdup("answers something else");
	return -1;
}

static bool answers(const struct watchdog_probe *probe)
{
	char *error = NULL;
	int fd = endpoint_connect(&probe->endpoint, probe->type, WATCHDOG_PROBE_TIMEOUT_MS, &error);
	bool alive = fd >= 0 && ask(probe, fd, &error) == 0;

	if (fd >= 0)
		close(fd);
	if (!alive && probe->is_full != NULL && probe->is_full()) {
		msg_debug("watchdog: %s has no place free: %s", probe->name, error);
		alive = true;
	} else if (!alive) {
		msg_warn("watchdog: %s: %s", probe->name, error);
	}
	free(error);
	return alive;
}

int64_t watchdog_interval_ms(void)
{
	uint64_t period_us = 0;

	if (sd_watchdog_enabled(0, &period_us) <= 0)
		return -1;
	return (int64_t)(period_us / 1000 / LOOKS_EACH_PERIOD);
}

void watchdog_look(void)
{
	bool well = threads_turn();

	for (unsigned i = 0; i < probe_count && well; i++)
		well = answers(&probes[i]);
	if (well)
		sd_notify(0, "WATCHDOG=1");
}
