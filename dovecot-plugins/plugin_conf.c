#include "compat.h"
#include "plugin_conf.h"

#include <stdlib.h>

static struct conf *conf;
static bool failed;

const struct conf *plugin_conf_get(struct event *event)
{
	char *error;

	if (conf != NULL || failed)
		return conf;
	if (conf_load(conf_default_directory(), &conf, &error) < 0) {
		failed = true;
		e_error(event, "shoveler: %s", error);
		free(error);
	}
	return conf;
}

void plugin_conf_deinit(void)
{
	conf_free(&conf);
	failed = false;
}

const char *plugin_user_name(const char *username)
{
	return t_str_lcase(username);
}

static const char *domain_of(const char *user)
{
	const char *at = strrchr(user, '@');

	return at != NULL ? at + 1 : "";
}

bool plugin_same_domain(const char *user, const char *other)
{
	return strcasecmp(domain_of(user), domain_of(other)) == 0;
}
