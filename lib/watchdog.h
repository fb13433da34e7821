/*
 * watchdog.h - tells systemd that the daemon works (WatchdogSec=), and only while it does.
 *
 * Two kinds of proof, none of them a mere timer: each address that it serves is asked as its
 * clients would ask, and must answer; each thread that goes round in a loop has a pulse, and must
 * come round in time. When one of them fails nothing is told, the log says which, and after
 * WatchdogSec systemd ends the daemon (SIGABRT) and starts it again.
 */
#ifndef SHOVELER_WATCHDOG_H
#define SHOVELER_WATCHDOG_H

#include "endpoint.h"
#include "span.h"

#include <stdatomic.h>
#include <stdint.h>

#define WATCHDOG_PROBE_TIMEOUT_MS 10000 /* for an address to answer */

struct watchdog_probe {
	const char *name; /* for the log; not copied, as the others */
	struct endpoint endpoint;
	int type;	      /* SOCK_STREAM or SOCK_SEQPACKET */
	struct span question; /* sent first; empty: the daemon speaks first */
	const char *answer;   /* how its answer begins */
	/* All places are taken, so that no answer is no sign of anything. May be NULL. */
	bool (*is_full)(void);
};

struct pulse {
	const char *name;
	_Atomic int64_t due_ms; /* on clock_ms() */
	struct pulse *next;
};

/* From the start of a daemon on; both are for its whole life. At most 8. */
void watchdog_add_probe(const struct watchdog_probe *probe);

/* From now on the thread must beat within so many seconds, again and again. */
void pulse_start(struct pulse *pulse, const char *name, int within_s);
void pulse_beat(struct pulse *pulse, int within_s);
/* The thread ends. One that was never started is fine. */
void pulse_stop(struct pulse *pulse);

/* How often watchdog_look() is wanted, in milliseconds; -1: systemd does not watch us. */
int64_t watchdog_interval_ms(void);

/* Looks at everything; tells systemd if all is well, else warns. Takes time when it is not. */
void watchdog_look(void);

#endif
