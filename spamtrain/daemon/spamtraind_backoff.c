#include "spamtrain/daemon/spamtraind_backoff.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>

static struct backoff_user *find(const struct backoff *backoff, const char *user)
{
	for (size_t i = 0; i < backoff->count; i++) {
		if (strcmp(backoff->users[i].user, user) == 0)
			return &backoff->users[i];
	}
	return NULL;
}

bool backoff_is_waiting(const struct backoff *backoff, const char *user, int64_t now_ms)
{
	const struct backoff_user *found = find(backoff, user);

	return found != NULL && found->until_ms > now_ms;
}

bool backoff_is_known(const struct backoff *backoff, const char *user)
{
	return find(backoff, user) != NULL;
}

static struct backoff_user *add(struct backoff *backoff, const char *user)
{
	if (backoff->count == backoff->capacity) {
		backoff->capacity = backoff->capacity * 2 + 8;
		backoff->users =
			xrealloc(backoff->users, backoff->capacity * sizeof(*backoff->users));
	}
	backoff->users[backoff->count] = (struct backoff_user){.user = xstrdup(user)};
	return &backoff->users[backoff->count++];
}

int64_t backoff_failed(struct backoff *backoff, const char *user, int64_t now_ms)
{
	struct backoff_user *found = find(backoff, user);

	if (found == NULL)
		found = add(backoff, user);
	if (found->delay_ms == 0)
		found->delay_ms = BACKOFF_FIRST_MS;
	else if (found->delay_ms < BACKOFF_LAST_MS / 2)
		found->delay_ms *= 2;
	else
		found->delay_ms = BACKOFF_LAST_MS;
	found->until_ms = now_ms + found->delay_ms;
	return found->delay_ms;
}

static void forget(struct backoff *backoff, struct backoff_user *user)
{
	free(user->user);
	*user = backoff->users[--backoff->count];
}

void backoff_succeeded(struct backoff *backoff, const char *user)
{
	struct backoff_user *found = find(backoff, user);

	if (found != NULL)
		forget(backoff, found);
}

void backoff_forget(struct backoff *backoff, int64_t now_ms)
{
	for (size_t i = backoff->count; i > 0; i--) {
		if (backoff->users[i - 1].until_ms <= now_ms)
			forget(backoff, &backoff->users[i - 1]);
	}
}

int64_t backoff_next(const struct backoff *backoff)
{
	int64_t next = -1;

	for (size_t i = 0; i < backoff->count; i++) {
		if (next < 0 || backoff->users[i].until_ms < next)
			next = backoff->users[i].until_ms;
	}
	return next;
}

void backoff_free(struct backoff *backoff)
{
	for (size_t i = 0; i < backoff->count; i++)
		free(backoff->users[i].user);
	free(backoff->users);
	*backoff = (struct backoff){0};
}
