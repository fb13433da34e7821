/*
 * greylist.h - clients with a doubtful score have to come again (RFC 6647).
 *
 * What is remembered is client network (/24, /64), sender and recipient. The first attempt is put
 * off; one that comes after the delay, and within GREYLIST_WINDOW_S, is taken, and remembered as
 * good for GREYLIST_GOOD_S. A network that got GREYLIST_TRUSTED of them through need not wait any
 * more. Bounded, and kept across restarts (memory.h).
 */
#ifndef SHOVELER_GREYLIST_H
#define SHOVELER_GREYLIST_H

#include "networks.h"

#include <time.h>

#define GREYLIST_WINDOW_S (2 * 86400)
#define GREYLIST_GOOD_S	  (36 * 86400) /* since the last mail: also for monthly newsletters */
#define GREYLIST_TRUSTED  5

/*
 * Before the first check, in one thread. directory: milter_directory; without it it is forgotten.
 */
void greylist_open(const char *directory);

/* Returns 0: take it; else how many seconds to wait. now: since 1970. */
int greylist_check(const struct ip *client, const char *sender, const char *recipient, int delay_s,
		   time_t now);

#endif
