/*
 * sasl.h - the one SASL mechanism that is spoken here: PLAIN (RFC 4616), to Dovecot on this host.
 */
#ifndef SHOVELER_WEB_SASL_H
#define SHOVELER_WEB_SASL_H

#include "lib/strbuf.h"

/* Appends the whole exchange in base64. The caller wipes out. */
void sasl_plain(struct strbuf *out, const char *login, const char *password);

#endif
