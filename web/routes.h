/*
 * routes.h - which page answers, who may see it, and the checks that all of them share.
 */
#ifndef SHOVELER_WEB_ROUTES_H
#define SHOVELER_WEB_ROUTES_H

#include "web/request.h"

/* Fills in the response. */
void routes_handle(struct request *r);

/* Is it a path of the table, with a query or without, that a signed-in user may be sent to? */
bool routes_is_own(const char *location);

#endif
