/*
 * scan_status.h - what comes of a scan.
 */
#ifndef SHOVELER_SCAN_STATUS_H
#define SHOVELER_SCAN_STATUS_H

enum scan_status {
	SCAN_CLEAN,
	SCAN_INFECTED,
	SCAN_LIMIT, /* exceeds a limit, was not looked at in full */
	SCAN_ERROR, /* could not be scanned */
};

/*
 * "clean", "infected", "limit", "error": the status= of a reply; and back, SCAN_ERROR if unknown.
 */
const char *scan_status_name(enum scan_status status);
enum scan_status scan_status_find(const char *name);

#endif
