/*
 * sessions.h - what the main program needs of session.c.
 */
#ifndef SHOVELER_SESSIONS_H
#define SHOVELER_SESSIONS_H

#include <stdint.h>

struct scanner_keeper;

/* Set before the first session; NULL: this host does not scan. */
extern struct scanner_keeper *session_scanner;

/* Tells libmilter about our callbacks. Returns 0 or -1. */
int sessions_register(void);

/* How many SMTP sessions are open. */
int64_t sessions_open(void);

#endif
