/*
 * memory_fault.h - for tests: memory that cannot be had.
 *
 * A test that links memory_fault.c replaces malloc, calloc and realloc for itself and for all
 * libraries. Where one fails our own code ends the process (xalloc.h), libraries report an error:
 * so it is tried in children.
 */
#ifndef SHOVELER_MEMORY_FAULT_H
#define SHOVELER_MEMORY_FAULT_H

#include <stdbool.h>

struct memory_fault {
	unsigned at;   /* which allocation fails, from 1 */
	bool for_good; /* each one after it, too */
	bool late;     /* they count from memory_fault_begin() on, which run() calls */
};

enum memory_end {
	MEMORY_END_DONE,    /* run() returned 0 */
	MEMORY_END_REFUSED, /* run() returned something else */
	MEMORY_END_GONE	    /* the process ended for want of memory, as it should */
};

/*
 * Runs run(context) in a child with that fault. *leaked_r: it left memory that nobody holds
 * (LeakSanitizer; only looked for where leaked_r is not NULL). False: it crashed, or ended in any
 * other way; then what it said is printed.
 */
bool memory_fault_run(const struct memory_fault *fault, int (*run)(void *context), void *context,
		      enum memory_end *end_r, bool *leaked_r);

/* How many allocations run(context) makes in this process. 0: it did not return 0. */
unsigned memory_fault_count(bool late, int (*run)(void *context), void *context);

void memory_fault_begin(void);

/* Of a test that wants to know: called at each allocation that fails. */
void memory_fault_failed(void) __attribute__((weak));

#endif
