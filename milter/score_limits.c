#include "score_limits.h"

#include "lib/xalloc.h"
#include "verdict.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LIMIT 1000

static const char *const names[SCORE_LIMIT_CLASSES] = {"mailbox", "redirect", "relayed",
						       "training"};

void score_table_default(struct score_table *table, const struct score_limits *everybody)
{
	for (size_t i = 0; i < SCORE_LIMIT_CLASSES; i++) {
		table->of[i] = *everybody;
		if (i > 0)
			table->of[i].note = SCORE_LIMIT_NEVER;
	}
}

/* "8" or "-", and then end. */
static bool take_limit(const char **text, char end, int *limit_r)
{
	char *behind;
	long limit = SCORE_LIMIT_NEVER;

	if (**text == '-' && (*text)[1] == end) {
		behind = (char *)(uintptr_t)*text + 1;
	} else {
		limit = strtol(*text, &behind, 10);
		if (behind == *text || labs(limit) > MAX_LIMIT)
			return false;
	}
	if (*behind != end)
		return false;
	*limit_r = (int)limit;
	*text = end == '\0' ? behind : behind + 1;
	return true;
}

static struct score_limits *limits_of(struct score_table *table, const char *text, size_t size)
{
	for (size_t i = 0; i < SCORE_LIMIT_CLASSES; i++) {
		if (strlen(names[i]) == size && strncmp(names[i], text, size) == 0)
			return &table->of[i];
	}
	return NULL;
}

int score_table_set(struct score_table *table, const char *text, char **error_r)
{
	const char *equals = strchr(text, '='), *rest = equals == NULL ? "" : equals + 1;
	struct score_limits *limits =
		equals == NULL ? NULL : limits_of(table, text, (size_t)(equals - text));
	struct score_limits read;

	if (limits == NULL || !take_limit(&rest, '/', &read.note) ||
	    !take_limit(&rest, '/', &read.greylist) || !take_limit(&rest, '\0', &read.reject)) {
		*error_r = xasprintf("score_limits: \"%s\" is not class=note/greylist/reject with "
				     "mailbox, redirect, relayed or training",
				     text);
		return -1;
	}
	*limits = read;
	return 0;
}

bool score_table_is_used(const struct score_table *table)
{
	for (size_t i = 0; i < SCORE_LIMIT_CLASSES; i++) {
		const struct score_limits *limits = &table->of[i];

		if (limits->note != SCORE_LIMIT_NEVER || limits->greylist != SCORE_LIMIT_NEVER ||
		    limits->reject != SCORE_LIMIT_NEVER)
			return true;
	}
	return false;
}

static int lower(int a, int b)
{
	return a < b ? a : b;
}

struct score_limits score_table_find(const struct score_table *table, unsigned classes)
{
	struct score_limits found = {SCORE_LIMIT_NEVER, SCORE_LIMIT_NEVER, SCORE_LIMIT_NEVER};
	bool any = false;

	/* Mailboxes that the scanner passes over are mailboxes; so is what leads nowhere. */
	if ((classes & CLASS_EXEMPT) != 0)
		classes |= CLASS_MAILBOX;
	for (size_t i = 0; i < SCORE_LIMIT_CLASSES; i++) {
		if ((classes & (1u << i)) == 0)
			continue;
		any = true;
		found.note = lower(found.note, table->of[i].note);
		found.greylist = lower(found.greylist, table->of[i].greylist);
		found.reject = lower(found.reject, table->of[i].reject);
	}
	return any ? found : table->of[0];
}

enum score_action score_action_find(const struct score_limits *limits, int total, size_t hits)
{
	if (hits == 0)
		return SCORE_TAKE;
	if (total >= limits->reject)
		return SCORE_REJECT;
	if (total >= limits->greylist)
		return SCORE_GREYLIST;
	return total >= limits->note ? SCORE_NOTE : SCORE_TAKE;
}
