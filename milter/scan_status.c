#include "scan_status.h"

#include <string.h>

static const char *const status_names[] = {"clean", "infected", "limit", "error"};

const char *scan_status_name(enum scan_status status)
{
	return status_names[status];
}

enum scan_status scan_status_find(const char *name)
{
	for (enum scan_status status = SCAN_CLEAN; status < SCAN_ERROR; status++) {
		if (strcmp(status_names[status], name) == 0)
			return status;
	}
	return SCAN_ERROR;
}
