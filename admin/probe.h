/*
 * probe.h - is a daemon there, and does it answer? For `shoveler status` and `shoveler doctor`.
 */
#ifndef SHOVELER_PROBE_H
#define SHOVELER_PROBE_H

#include "lib/conf.h"
#include "lib/strbuf.h"

#define PROBE_TIMEOUT_MS 3000
#define PROBE_PAGE_MAX	 (1024 * 1024)

struct service {
	const char *program; /* NULL ends the table */
	enum conf_param metrics;
};

extern const struct service services[];

/* Is it one of `services` in main.cf? */
bool service_wanted(const struct conf *conf, const struct service *service);

/* Each returns 0, or -1 and *error_r, freed by the caller. */

int probe_connect(const char *address, int type, char **error_r);
/* A milter that negotiates (SMFIC_OPTNEG of Sendmail's milter protocol, version 6). */
int probe_milter(const char *address, char **error_r);
/* The greeting of an LMTP server. */
int probe_lmtp(const char *address, char **error_r);
/* That of an IMAP server. */
int probe_imap(const char *address, char **error_r);
/* One request of lib/packet.h; content: NULL, or gets what the reply's descriptor holds. */
int probe_ask(const char *address, const struct strbuf *request, struct strbuf *content,
	      char **error_r);
/* The same with request=ping. */
int probe_ping(const char *address, char **error_r);
/* Appends the metrics page, without the header of HTTP. */
int probe_metrics(const char *address, struct strbuf *page, char **error_r);

#endif
