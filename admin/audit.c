#include "audit.h"

#include "command.h"
#include "lib/msg.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whoever became root by sudo is named by it. */
static const char *who(void)
{
	const char *sudo_user = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *passwd = getpwuid(getuid());

	if (sudo_user != NULL && sudo_user[0] != '\0')
		return sudo_user;
	return passwd != NULL ? passwd->pw_name : "";
}

void audit(const struct conf *conf, const char *what, const char *whom, const char *before,
	   const char *after)
{
	if (strcmp(before, after) == 0)
		return;
	if (msg_open("shoveler", conf_text(conf, P_LOG_DESTINATION)) < 0) {
		complain("the change is done, but cannot be logged to %s: %s",
			 conf_text(conf, P_LOG_DESTINATION), strerror(errno));
		return;
	}
	msg_info("rights changed: by=<%s>, %s, for=<%s>, before=<%s>, after=<%s>", who(), what,
		 whom, before, after);
}
