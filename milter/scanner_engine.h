/*
 * scanner_engine.h - libclamav behind three functions.
 *
 * Without CL_SCAN_HEURISTIC_EXCEEDS_MAX libclamav calls everything clean that goes beyond one of
 * its limits, so that is always on: such a message is SCAN_LIMIT; so is one with an archive of which
 * it unpacked a file only up to the largest size. Nothing unscanned is ever clean.
 */
#ifndef SHOVELER_SCANNER_ENGINE_H
#define SHOVELER_SCANNER_ENGINE_H

#include "scanner_settings.h"

struct scanner_engine;

enum scan_status {
	SCAN_CLEAN,
	SCAN_INFECTED,
	SCAN_LIMIT, /* exceeds a limit, was not looked at in full */
	SCAN_ERROR, /* could not be scanned */
};

/* "clean", "infected", "limit", "error": the status= of a reply; and back, SCAN_ERROR if unknown.
 */
const char *scan_status_name(enum scan_status status);
enum scan_status scan_status_find(const char *name);

/* Loads all signatures. Returns 0, or -1 and *error_r. */
int scanner_engine_load(const struct scanner_settings *settings, struct scanner_engine **engine_r,
			unsigned *signatures_r, char **error_r);

/* Where this process unpacks archives (after a fork each worker has its own folder). */
int scanner_engine_set_temp(struct scanner_engine *engine, const char *directory);

/*
 * Scans what fd points at (a regular file or memfd, from its start). *name_r: the signature
 * (SCAN_INFECTED), the limit (SCAN_LIMIT) or the reason (SCAN_ERROR); valid until the next scan.
 */
enum scan_status scanner_engine_scan(struct scanner_engine *engine, int fd, const char **name_r);

#endif
