/*
 * scanner_next.h - what a function that we define ourselves stands before.
 */
#ifndef SHOVELER_SCANNER_NEXT_H
#define SHOVELER_SCANNER_NEXT_H

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>

/* The function of that name that would have been called; known keeps it, and is 0 at first. */
#define NEXT(function, known) ((__typeof__(&(function)))next_address(&(known), #function))

/* Two threads may look for it at once: they find the same. */
static inline uintptr_t next_address(_Atomic uintptr_t *known, const char *name)
{
	uintptr_t address = atomic_load_explicit(known, memory_order_relaxed);

	if (address == 0) {
		address = (uintptr_t)dlsym(RTLD_NEXT, name);
		atomic_store_explicit(known, address, memory_order_relaxed);
	}
	return address;
}

#endif
