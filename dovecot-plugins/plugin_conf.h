/*
 * plugin_conf.h - main.cf as a plugin reads it: once a process, at first need.
 *
 * The folder is SHOVELER_CONFIG_DIR of the environment (import_environment in dovecot.conf), else
 * /etc/shoveler. A mail process lives as long as its user's connection, so a changed main.cf takes
 * effect with the next login.
 */
#ifndef SHOVELER_PLUGIN_CONF_H
#define SHOVELER_PLUGIN_CONF_H

#include "lib/conf.h"

struct event;

/* NULL if it cannot be read, which is logged to event once a process. Lives until _deinit(). */
const struct conf *plugin_conf_get(struct event *event);
void plugin_conf_deinit(void);

/* "user" as our stores name him: lower case. Valid in the caller's data stack frame. */
const char *plugin_user_name(const char *username);

/* Have both addresses the same domain? Two names without one have. */
bool plugin_same_domain(const char *user, const char *other);

#endif
