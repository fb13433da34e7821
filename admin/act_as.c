#include "act_as.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int act_as(const char *user, char **error_r)
{
	const struct passwd *passwd;

	if (getuid() != 0)
		return 0;
	passwd = getpwnam(user);
	if (passwd == NULL) {
		*error_r = xasprintf("there is no system user \"%s\"; main.cf names him", user);
		return -1;
	}
	if (setegid(passwd->pw_gid) == 0 && seteuid(passwd->pw_uid) == 0)
		return 0;
	*error_r = xasprintf("cannot work as %s: %s", user, strerror(errno));
	return -1;
}

void act_as_self(void)
{
	/* A process that does not know who it is is of no further use. */
	if (getuid() == 0 && (seteuid(0) < 0 || setegid(0) < 0))
		abort();
}
