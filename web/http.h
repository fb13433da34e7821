/*
 * http.h - libmicrohttpd to struct request and back: the only file that knows it.
 *
 * A thread a connection, as the pages ask spamtraind and wait. Limits: connections, bytes of a
 * header and of a body, seconds without a byte.
 */
#ifndef SHOVELER_WEB_HTTP_H
#define SHOVELER_WEB_HTTP_H

#include "web/request.h"

#define HTTP_TIMEOUT_S	       60
#define HTTP_WATCHDOG_PATH     "watchdog"  /* answered at once, not logged */
#define HTTP_CONNECTION_MEMORY (48 * 1024) /* bytes: request line, header, input buffer */

struct http;

struct http_settings {
	int listen_fd; /* http_stop() closes it */
	unsigned max_connections;
	struct site *(*hold_site)(void);	 /* what request_free() drops */
	void (*handle)(struct request *request); /* fills in the response */
};

/* Returns 0, or -1 and *error_r. */
int http_start(const struct http_settings *settings, struct http **http_r, char **error_r);
/* As many connections as it takes. */
bool http_is_full(struct http *http);
/* Takes no more connections, waits for requests that are worked on, closes. */
void http_stop(struct http **http);

#endif
