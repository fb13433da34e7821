/*
 * scanner_client.h - asks the scanner about one message.
 *
 * A scanner that dies in the middle is SCAN_ERROR with crashed set; one that cannot be reached or
 * does not answer in time is SCAN_ERROR. Never SCAN_CLEAN without the scanner's word for it.
 */
#ifndef SHOVELER_SCANNER_CLIENT_H
#define SHOVELER_SCANNER_CLIENT_H

#include "lib/endpoint.h"
#include "scan_status.h"

struct scan_result {
	enum scan_status status;
	bool crashed; /* a worker ended while it had this message */
	char *name;   /* signature, limit or reason; malloc'ed; NULL if clean */
};

/* fd: the message, from its start. timeout_s: how long to wait for the answer. */
void scanner_client_scan(const struct endpoint *scanner, int fd, int timeout_s,
			 struct scan_result *result_r);
void scan_result_free(struct scan_result *result);

#endif
