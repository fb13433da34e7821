/*
 * scanner_engine.h - libclamav behind three functions.
 *
 * Without CL_SCAN_HEURISTIC_EXCEEDS_MAX libclamav calls everything clean that goes beyond one of
 * its limits, so that is always on: such a message is SCAN_LIMIT; so is one with an archive of
 * which it unpacked a file only up to the largest size. Where it lacked memory, room or descriptors
 * it calls clean what it could not unpack: scanner_shortage.h. Nothing unscanned is ever clean.
 */
#ifndef SHOVELER_SCANNER_ENGINE_H
#define SHOVELER_SCANNER_ENGINE_H

#include "scan_status.h"
#include "scanner_settings.h"

struct scanner_engine;

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
