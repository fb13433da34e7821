/*
 * spamtraind_backoff.h - users who are left alone for a while, because their store is in trouble.
 * Used by one thread.
 */
#ifndef SHOVELER_SPAMTRAIND_BACKOFF_H
#define SHOVELER_SPAMTRAIND_BACKOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKOFF_FIRST_MS 2000
#define BACKOFF_LAST_MS	 300000

struct backoff_user {
	char *user;
	int64_t until_ms; /* the caller's clock */
	int64_t delay_ms;
};

struct backoff {
	struct backoff_user *users;
	size_t count, capacity;
};

/* Not to be tried at now_ms. */
bool backoff_is_waiting(const struct backoff *backoff, const char *user, int64_t now_ms);
/* It failed before and was not tried with success since: something older may wait. */
bool backoff_is_known(const struct backoff *backoff, const char *user);
/* It failed (again). Returns the delay in milliseconds. */
int64_t backoff_failed(struct backoff *backoff, const char *user, int64_t now_ms);
void backoff_succeeded(struct backoff *backoff, const char *user);
/* When the next one is to be tried; -1: there is none. */
int64_t backoff_next(const struct backoff *backoff);
/* Forgets those whose time had come at now_ms: all that waited then was tried since. */
void backoff_forget(struct backoff *backoff, int64_t now_ms);
void backoff_free(struct backoff *backoff);

#endif
