/*
 * brake.h - a signature that suddenly finds far too much is not believed.
 *
 * Databases have false positives, and a suppressed message is gone. So each signature may suppress
 * a number of messages an hour; those beyond it are held in Postfix's queue for the admin. In
 * memory, bounded, lost at a restart.
 */
#ifndef SHOVELER_BRAKE_H
#define SHOVELER_BRAKE_H

#include <stdbool.h>
#include <time.h>

#define BRAKE_MAX_SIGNATURES 1024 /* that are counted; the one with the oldest hour makes room */
#define BRAKE_PERIOD_S	     3600

enum brake {
	BRAKE_OFF,   /* fewer than the limit */
	BRAKE_BEGUN, /* this is the first one beyond it in this hour: tell the admin */
	BRAKE_ON,
};

/* Counts one more hit. limit: an hour; 0: no brake. now: seconds of a clock that does not jump. */
enum brake brake_count(const char *signature, int limit, time_t now);

#endif
