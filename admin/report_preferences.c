/* What administrators choose on the web page for their domains, checked and written as a map. */
#include "report.h"

#include "lib/address.h"
#include "lib/file.h"
#include "lib/xalloc.h"
#include "spamtrain/user/preferences.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

/* Of the domain that is his own. */
static bool may_set(const struct report *report, const char *user, const char *domain)
{
	const struct conf *conf = report->admin->conf;
	const char *delimiters = conf_text(conf, P_RECIPIENT_DELIMITER), *at = strrchr(user, '@');

	return at != NULL && strcasecmp(at + 1, domain) == 0 && address_is_user(span_of(user)) &&
	       (address_is_listed(conf_list(conf, P_WEB_HOST_ADMINS), user, delimiters) ||
		address_is_listed(conf_list(conf, P_WEB_DOMAIN_ADMINS), user, delimiters));
}

/*
 * The value as it is written, or NULL: invalid. A semicolon would begin another preference in the
 * map.
 */
static json_t *checked_value(const char *name, const char *value)
{
	char text[PREFERENCE_TEXT_MAX + 1], *reason = NULL;
	struct preferences scratch;

	preferences_init(&scratch);
	if (strchr(value, ';') != NULL || !preferences_set(&scratch, name, value, &reason)) {
		free(reason);
		return NULL;
	}
	return json_string(preferences_get(&scratch, name, text, sizeof(text)));
}

/* What the packet has of all preferences; an empty value is that of the host. NULL: invalid. */
static json_t *choose(const struct packet *packet)
{
	json_t *chosen = json_object();
	const char *name;

	for (size_t i = 0; (name = preferences_name(i)) != NULL; i++) {
		const char *value = packet_get(packet, name);

		if (value == NULL || value[0] == '\0')
			continue;
		if (json_object_set_new(chosen, name, checked_value(name, value)) < 0) {
			json_decref(chosen);
			return NULL;
		}
	}
	return chosen;
}

const char *report_preferences(struct report *report, const char *user, const char *domain,
			       const struct packet *packet)
{
	json_t *chosen;

	if (!may_set(report, user, domain))
		return "denied";
	chosen = choose(packet);
	if (chosen == NULL)
		return "invalid";
	/* The user's domain is lower case: address_is_user(). */
	json_object_set_new(report->preferences, strrchr(user, '@') + 1, chosen);
	return report_write_preferences(report) == EX_OK ? "done" : "failed";
}

static void put_domain(struct strbuf *out, const char *domain, json_t *chosen)
{
	const char *name;
	json_t *value;

	if (json_object_size(chosen) == 0)
		return;
	strbuf_printf(out, "@%s ", domain);
	json_object_foreach(chosen, name, value)
		strbuf_printf(out, "%s=%s;", name, json_string_value(value));
	strbuf_append_char(out, '\n');
}

int report_write_preferences(const struct report *report)
{
	const char *state = conf_text(report->admin->conf, P_STATE_DIRECTORY), *domain;
	char *path = xasprintf("%s/domain-preferences", state);
	struct strbuf text = STRBUF_INIT;
	json_t *chosen;
	int ret = EX_OK;

	strbuf_append_text(&text, "# Made by `shoveler report` from the web page's Host.\n");
	json_object_foreach(report->preferences, domain, chosen) put_domain(&text, domain, chosen);
	/* Read by every user of the maps. */
	if (file_replace(path, strbuf_span(&text), 0644, true) < 0) {
		complain("cannot write %s: %s", path, strerror(errno));
		ret = EX_CANTCREAT;
	}
	strbuf_free(&text);
	free(path);
	return ret;
}
