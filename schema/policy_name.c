/* What is a valid name of a user, group, domain or folder, and how it is folded. */
#include "policy.h"

#include "lib/span.h"
#include "lib/xalloc.h"

#include <ctype.h>

#define ATOM_SPECIALS "!#$%&'*+-/=?^_`{|}~" /* RFC 5322 section 3.2.3 atext */
#define LABEL_MAX     63		    /* RFC 1035 section 2.3.4 */

static int fold(const char *text, char *name_r, const char *what, char **error_r)
{
	size_t size = strlen(text);

	if (size == 0 || size > POLICY_NAME_MAX) {
		*error_r = xasprintf("\"%.40s\" is no %s: it must have 1 to %d bytes", text, what,
				     POLICY_NAME_MAX);
		return -1;
	}
	for (size_t i = 0; i <= size; i++)
		name_r[i] = (char)tolower((unsigned char)text[i]);
	return 0;
}

static bool valid_label(struct span label)
{
	if (label.size == 0 || label.size > LABEL_MAX || label.data[0] == '-' ||
	    label.data[label.size - 1] == '-')
		return false;
	for (size_t i = 0; i < label.size; i++) {
		if (!isalnum((unsigned char)label.data[i]) && label.data[i] != '-')
			return false;
	}
	return true;
}

static bool valid_domain(const char *domain)
{
	size_t labels = 0;

	for (const char *rest = domain;; labels++) {
		size_t size = strcspn(rest, ".");

		if (!valid_label((struct span){rest, size}))
			return false;
		if (rest[size] == '\0')
			return labels >= 1;
		rest += size + 1;
	}
}

static bool valid_localpart(struct span local)
{
	bool dot_allowed = false;

	for (size_t i = 0; i < local.size; i++) {
		unsigned char c = (unsigned char)local.data[i];

		if (c == '.') {
			if (!dot_allowed)
				return false;
			dot_allowed = false;
		} else if (c < 0x80 && (isalnum(c) || strchr(ATOM_SPECIALS, c) != NULL)) {
			dot_allowed = true;
		} else {
			return false;
		}
	}
	return dot_allowed;
}

int policy_name_user(const char *text, char *name_r, char **error_r)
{
	const char *at;

	if (fold(text, name_r, "mail address", error_r) < 0)
		return -1;
	at = strrchr(name_r, '@');
	if (at != NULL && valid_localpart((struct span){name_r, (size_t)(at - name_r)}) &&
	    valid_domain(at + 1))
		return 0;
	*error_r = xasprintf("\"%s\" is no mail address: expected user@example.org", text);
	return -1;
}

int policy_name_domain(const char *text, char *name_r, char **error_r)
{
	if (fold(text, name_r, "domain", error_r) < 0)
		return -1;
	if (valid_domain(name_r))
		return 0;
	*error_r = xasprintf("\"%s\" is no domain: expected example.org, labels of letters, digits "
			     "and hyphens (xn--... for others)",
			     text);
	return -1;
}

static const char *without_group_prefix(const char *text)
{
	static const char *const prefixes[] = {"$", "group:", "group="};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t size = strlen(prefixes[i]);

		if (strncasecmp(text, prefixes[i], size) == 0)
			return text + size;
	}
	return text;
}

int policy_name_group(const char *text, char *name_r, char **error_r)
{
	if (fold(without_group_prefix(text), name_r, "group", error_r) < 0)
		return -1;
	for (size_t i = 0; name_r[i] != '\0'; i++) {
		unsigned char c = (unsigned char)name_r[i];

		if (c >= 0x80 || (!isalnum(c) && (i == 0 || strchr("._-", c) == NULL))) {
			*error_r = xasprintf("\"%s\" is no group: expected letters and digits, "
					     "then also '.', '_' and '-'",
					     text);
			return -1;
		}
	}
	return 0;
}

int policy_identifier_parse(const char *text, struct policy_identifier *identifier_r,
			    char **error_r)
{
	identifier_r->is_group = without_group_prefix(text) != text;
	if (identifier_r->is_group)
		return policy_name_group(text, identifier_r->name, error_r);
	return policy_name_user(text, identifier_r->name, error_r);
}

/* Well-formed UTF-8 (RFC 3629) without control bytes. */
static bool valid_utf8(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
		unsigned lead = *p++;
		int more = lead < 0x80	 ? 0
			   : lead < 0xc2 ? -1
			   : lead < 0xe0 ? 1
			   : lead < 0xf0 ? 2
					 : 3;

		if (lead < 0x20 || lead == 0x7f || more < 0 || lead > 0xf4)
			return false;
		if ((lead == 0xe0 && *p < 0xa0) || (lead == 0xed && *p > 0x9f) ||
		    (lead == 0xf0 && *p < 0x90) || (lead == 0xf4 && *p > 0x8f))
			return false;
		for (; more > 0; more--, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
		}
	}
	return true;
}

/*
 * "dovecot*", "maildirfolder", "cur", "new" and "tmp" are files of the mailbox format; '*' and '%'
 * are wild cards of IMAP.
 */
static bool valid_level(struct span level)
{
	static const char *const reserved[] = {"cur", "new", "tmp", "maildirfolder"};

	if (level.size == 0 || level.data[0] == ' ' || level.data[level.size - 1] == ' ' ||
	    strchr("~.", level.data[0]) != NULL ||
	    span_starts_nocase(level, SPAN_LITERAL("dovecot")))
		return false;
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (span_equal_nocase(level, span_of(reserved[i])))
			return false;
	}
	for (size_t i = 0; i < level.size; i++) {
		if (strchr("*%\"\\", level.data[i]) != NULL)
			return false;
	}
	return true;
}

static bool valid_levels(const char *path)
{
	for (size_t levels = 1; levels <= POLICY_FOLDER_LEVELS; levels++) {
		size_t size = strcspn(path, "/");

		if (!valid_level((struct span){path, size}))
			return false;
		if (path[size] == '\0')
			return true;
		path += size + 1;
	}
	return false;
}

int policy_name_folder(const char *text, char *name_r, char **error_r)
{
	if (strlen(text) <= POLICY_NAME_MAX && text[0] == '#' && valid_utf8(text) &&
	    strchr(text + 1, '#') == NULL && valid_levels(text + 1) &&
	    strcasecmp(text, "#Shared") != 0 && strncasecmp(text, "#Shared/", 8) != 0) {
		memcpy(name_r, text, strlen(text) + 1);
		return 0;
	}
	*error_r = xasprintf("\"%.*s\" is no public folder: expected '#Tree' or '#Tree/Folder', "
			     "UTF-8, at most %d levels and %d bytes, no level empty, reserved "
			     "(cur, new, tmp, dovecot...) or with any of #*%%\"\\; #Shared is the "
			     "users' own",
			     POLICY_NAME_MAX, text, POLICY_FOLDER_LEVELS, POLICY_NAME_MAX);
	return -1;
}
