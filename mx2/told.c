#include "told.h"
#include "list.h"
#include "tend.h"

#include "lib/file.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

json_t *told_load(const char *path)
{
	json_t *told = json_load_file(path, 0, NULL);

	if (json_is_object(told))
		return told;
	json_decref(told);
	return json_object();
}

int told_save(const char *path, const json_t *told, char **error_r)
{
	char *text = json_dumps(told, JSON_INDENT(1));
	int ret = text == NULL ? -1 : file_replace(path, span_of(text), 0640, true);

	if (ret < 0)
		*error_r = xasprintf("cannot write %s: %s", path, strerror(errno));
	free(text);
	return ret;
}

static int64_t number(const json_t *told, const struct mx2_domain *domain, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(told, domain->mx2.domain), name));
}

/* A time in the future is of a clock that was wrong: it keeps nobody silent. */
static bool is_recent(int64_t then, int64_t period, int64_t now)
{
	return then <= now && now - then < period;
}

bool told_is_due(const json_t *told, const struct mx2_domain *domain, int64_t tell_after,
		 int64_t now)
{
	const struct mx2_waiting *waiting = &domain->waiting;
	int64_t patience = (waiting->expires - waiting->oldest) / 2;

	if (patience > tell_after)
		patience = tell_after;
	if (domain->mx2.contact[0] == '\0' || waiting->messages == 0 ||
	    is_recent(number(told, domain, "told"), TELL_AGAIN_AFTER, now))
		return false;
	return now - waiting->oldest >= patience ||
	       (int64_t)waiting->refused > number(told, domain, "refused");
}

void told_note(json_t *told, const struct mx2_domain *domain, int64_t now)
{
	json_object_set_new(told, domain->mx2.domain,
			    json_pack("{s:I, s:I}", "told", (json_int_t)now, "refused",
				      (json_int_t)domain->waiting.refused));
}

static char *stale_name(const struct mx2_domain *domain)
{
	return xasprintf("stale %s", domain->mx2.domain);
}

bool told_stale_is_due(const json_t *told, const struct mx2_domain *domain, int64_t max_age,
		       int64_t now)
{
	char *name = stale_name(domain);
	int64_t last = json_integer_value(json_object_get(told, name));

	free(name);
	return domain->mx2.contact[0] != '\0' && list_is_stale(&domain->mx2, max_age, now) &&
	       !is_recent(last, TELL_STALE_AGAIN_AFTER, now);
}

void told_note_stale(json_t *told, const struct mx2_domain *domain, int64_t now)
{
	char *name = stale_name(domain);

	json_object_set_new(told, name, json_integer((json_int_t)now));
	free(name);
}

void told_forget(json_t *told, const struct mx2_domain *domain)
{
	json_object_del(told, domain->mx2.domain);
}
