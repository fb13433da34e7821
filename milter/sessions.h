/*
 * sessions.h - what the main program needs of session.c.
 */
#ifndef SHOVELER_SESSIONS_H
#define SHOVELER_SESSIONS_H

#include "protocol.h"

struct scanner_keeper;

struct notices;

/* Set before the first session; NULL: this host does not scan. */
extern struct scanner_keeper *session_scanner;
/* The same. */
extern struct notices *session_notices;

/* What the server does with what Postfix says. */
extern const struct protocol_events session_events;

#endif
