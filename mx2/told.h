/*
 * told.h - when the contact of a domain was told what waits for it.
 *
 * A JSON file of the state folder, {"partner.test": {"told": 1700000000, "refused": 2},
 * "stale partner.test": 1700000000}. If it is lost, a contact is told once more.
 */
#ifndef SHOVELER_MX2_TOLD_H
#define SHOVELER_MX2_TOLD_H

#include "domains.h"

#include <jansson.h>

/* A file that is missing or damaged is an empty object. */
json_t *told_load(const char *path);
/* Whole or not at all. Returns 0, or -1 and *error_r. */
int told_save(const char *path, const json_t *told, char **error_r);

/*
 * Is it time? Mail has waited for tell_after seconds (or half of its time, if that is less), or the
 * primary refused more than the contact knows of; and not within a day of the last time.
 */
bool told_is_due(const json_t *told, const struct mx2_domain *domain, int64_t tell_after,
		 int64_t now);
/* Is it time to tell that the domain's list is stale? told_note_stale() notes that it was. */
bool told_stale_is_due(const json_t *told, const struct mx2_domain *domain, int64_t max_age,
		       int64_t now);
void told_note_stale(json_t *told, const struct mx2_domain *domain, int64_t now);
void told_note(json_t *told, const struct mx2_domain *domain, int64_t now);
/* Nothing waits any more: the next trouble is told at once. */
void told_forget(json_t *told, const struct mx2_domain *domain);

#endif
