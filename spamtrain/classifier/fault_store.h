/*
 * fault_store.h - for tests of faults: a script of all that is done with a store, and what a store
 * holds. Fails as a test does (cmocka).
 */
#ifndef SHOVELER_FAULT_STORE_H
#define SHOVELER_FAULT_STORE_H

#include <stdbool.h>

struct classifier;

struct step {
	const char *name;
	int (*run)(struct classifier *c);
	bool creates; /* the store is not there before */
	bool parts;   /* several transactions: after a fault it may be done in part */
};

enum step_end { STEP_ACKNOWLEDGED, STEP_REFUSED, STEP_KILLED };

/* check() for each step, with the store as it is before it. */
void fault_store_each(void (*check)(const struct step *step, void *context), void *context);

/* Opens the store, calls opened() unless it is NULL, and does it. 0: done; -1: refused. */
int step_run(const struct step *step, void (*opened)(void));
/* The store is as it was before the step. */
void fault_store_restore(void);
/* What it holds, as text, malloc'ed. "" without a store; fails if it cannot be opened. */
char *fault_store_fingerprint(void);

/*
 * After a fault: the store opens, holds what was acknowledged and nothing by halves, and the step
 * done again leads where it would have led at once. fault: how it is called in messages.
 */
void fault_store_check(const struct step *step, const char *fault, enum step_end end,
		       const char *before, const char *after);

int fault_store_setup(void **state);
int fault_store_teardown(void **state);

#endif
