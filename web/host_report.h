/*
 * host_report.h - what root tells of the host, each minute (`shoveler report`, admin/report.h), and
 * what it is asked for: the page itself can see neither Postfix's queue nor the policy store.
 */
#ifndef SHOVELER_WEB_HOST_REPORT_H
#define SHOVELER_WEB_HOST_REPORT_H

#include "lib/strbuf.h"

#include <jansson.h>
#include <stdbool.h>

#define HOST_REPORT_MAX	    (4 * 1024 * 1024) /* bytes of the file */
#define HOST_REPORT_STALE_S 600		      /* older ones are shown with a warning */

struct host_report;

/* directory: where `shoveler report` writes, whether it is there yet or not. */
struct host_report *host_report_new(const char *directory);
void host_report_free(struct host_report **report);

/* The latest, the caller's reference; NULL: there is none (yet). Any number of threads. */
json_t *host_report_get(struct host_report *report);

/*
 * Leaves a request for root: attributes of lib/packet.h. Returns 0, or -1 and *error_r. What comes
 * of it is told in the next report.
 */
int host_report_ask(struct host_report *report, const struct strbuf *attributes, char **error_r);

#endif
