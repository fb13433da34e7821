/*
 * ticker.h - a thread that does something from time to time and can be stopped while it sleeps.
 */
#ifndef SHOVELER_TICKER_H
#define SHOVELER_TICKER_H

#include <stdbool.h>
#include <stdint.h>

struct ticker;

/*
 * run is the thread; it ends when ticker_sleep() says so. name: for *error_r. Returns 0, or -1 and
 * *error_r.
 */
int ticker_start(struct ticker **ticker_r, const char *name, void (*run)(struct ticker *ticker),
		 char **error_r);
/* Waits for the thread. NULL is fine. */
void ticker_stop(struct ticker **ticker);
/* For the thread: returns false when it is to end. */
bool ticker_sleep(struct ticker *ticker, int64_t ms);

#endif
