/*
 * clock.h - the clock that time-outs are measured on: it never jumps.
 */
#ifndef SHOVELER_CLOCK_H
#define SHOVELER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since some moment in the past. */
static inline int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
