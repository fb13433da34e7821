#include "spamtrain/user/users.h"

#include "lib/address.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Undoes %XX. */
static bool unescape(struct strbuf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		int high, low;

		if (*name != '%') {
			strbuf_append_char(out, *name);
			continue;
		}
		high = span_hex_digit(name[1]);
		low = high < 0 ? -1 : span_hex_digit(name[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		strbuf_append_char(out, (char)(high * 16 + low));
		name += 2;
	}
	return true;
}

static bool visit(const char *domain, const char *local,
		  bool (*each)(void *context, const char *user), void *context)
{
	struct strbuf user = STRBUF_INIT;
	bool go_on = true;

	if (unescape(&user, local)) {
		strbuf_append_char(&user, '@');
		if (unescape(&user, domain) && address_is_user(strbuf_span(&user)))
			go_on = each(context, strbuf_text(&user));
	}
	strbuf_free(&user);
	return go_on;
}

/* Returns 0, or 1: it has been told to end; or -1 and *error_r. */
static int visit_domain(const char *users_directory, const char *domain,
			bool (*each)(void *context, const char *user), void *context,
			char **error_r)
{
	char *path = xasprintf("%s/%s", users_directory, domain);
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool go_on = true;

	if (directory == NULL && errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
		*error_r = xasprintf("cannot read %s: %s", path, strerror(errno));
		free(path);
		return -1;
	}
	free(path);
	while (directory != NULL && go_on && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] != '.')
			go_on = visit(domain, entry->d_name, each, context);
	}
	if (directory != NULL)
		closedir(directory);
	return go_on ? 0 : 1;
}

int users_each(const char *users_directory, bool (*each)(void *context, const char *user),
	       void *context, char **error_r)
{
	DIR *directory = opendir(users_directory);
	const struct dirent *entry;
	int ret = 0;

	if (directory == NULL && errno == ENOENT)
		return 0;
	if (directory == NULL) {
		*error_r = xasprintf("cannot read %s: %s", users_directory, strerror(errno));
		return -1;
	}
	while (ret == 0 && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] != '.')
			ret = visit_domain(users_directory, entry->d_name, each, context, error_r);
	}
	closedir(directory);
	return ret < 0 ? -1 : 0;
}
