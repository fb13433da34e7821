/*
 * metrics.h - counters and gauges of this process, served in Prometheus' text format.
 *
 * A metric is a static object that names itself:
 *
 *	METRIC_COUNTER(delivered, "shoveler_lda_recipients_total{action=\"deliver\"}",
 *"Recipients");
 *	...
 *	metric_add(&delivered, 1);
 *
 * Registered before main() and kept for the life of the process; adding is one atomic operation.
 */
#ifndef SHOVELER_METRICS_H
#define SHOVELER_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct strbuf;

struct metric {
	const char *name; /* with its labels, as Prometheus writes it */
	const char *help;
	const char *type; /* "counter" or "gauge" */
	bool milli;	  /* value is in thousandths of what is served */
	_Atomic int64_t value;
	struct metric *next;
};

#define METRIC_DEFINE(variable, name, help, type, milli)                                           \
	static struct metric variable = {name, help, type, milli, 0, 0};                           \
	__attribute__((constructor)) static void register_##variable(void)                         \
	{                                                                                          \
		metric_register(&variable);                                                        \
	}                                                                                          \
	struct metric

#define METRIC_COUNTER(variable, name, help) METRIC_DEFINE(variable, name, help, "counter", false)
#define METRIC_GAUGE(variable, name, help)   METRIC_DEFINE(variable, name, help, "gauge", false)
/*
 * A counter of time: milliseconds are added, seconds are served, as its name says
 * (..._seconds_total).
 */
#define METRIC_TIME(variable, name, help) METRIC_DEFINE(variable, name, help, "counter", true)

void metric_register(struct metric *metric);

static inline void metric_add(struct metric *metric, int64_t amount)
{
	atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

static inline void metric_set(struct metric *metric, int64_t value)
{
	atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

/*
 * Adds 1 to family{label="value"}: for names that come up at run time, such as those of viruses. Of
 * all families together METRIC_NAMES_MAX are counted by name, later ones as "other". family, help,
 * label: literals.
 */
#define METRIC_NAMES_MAX 512
void metric_count(const char *family, const char *help, const char *label, const char *value);

/* The whole page; with it what runs (shoveler_build_info) and since when. */
void metrics_write(struct strbuf *out);

/*
 * Serves GET /metrics on address (unix:/path or a loopback inet:host:port; empty: not served), by a
 * thread of libmicrohttpd. Returns 0, or -1 and *error_r. metrics_stop() undoes it.
 */
int metrics_serve(const char *address, char **error_r);
void metrics_stop(void);

#endif
