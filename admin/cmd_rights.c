#include "audit.h"
#include "cmd_rights.h"
#include "lib/child.h"
#include "lib/xalloc.h"
#include "public_rights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static int refused(int code, char **error)
{
	complain("%s", *error);
	free(*error);
	*error = NULL;
	return code;
}

#define LOOKUP_TIMEOUT_MS 10000

/* Dovecot knows who exists. If it cannot be asked the admin is believed. */
static int check_user(const char *user)
{
	const char *argv[] = {"doveadm", "user", user, NULL};
	struct strbuf output = STRBUF_INIT;
	char *error = NULL;
	int code = child_run(argv, span_of(""), LOOKUP_TIMEOUT_MS, &output, &output, &error);

	free(error);
	strbuf_free(&output);
	/* for doveadm these are patterns */
	if (code == EX_NOUSER || strpbrk(user, "*?") != NULL) {
		complain("there is no user \"%s\"", user);
		return EX_DATAERR;
	}
	if (code != 0)
		complain("Dovecot does not say whether there is a user \"%s\"", user);
	return EX_OK;
}

/* As it stands in Dovecot's files; who is given rights must exist. */
static int parse_entry(struct admin *admin, const char *text, bool gives, char *entry, size_t size)
{
	struct policy_identifier identifier;
	struct policy *policy = NULL;
	char *error = NULL;
	int ret;

	if (strcmp(text, "anyone") == 0) {
		snprintf(entry, size, "anyone");
		return EX_OK;
	}
	if (policy_identifier_parse(text, &identifier, &error) < 0)
		return refused(EX_USAGE, &error);
	snprintf(entry, size, "%s=%s", identifier.is_group ? "group" : "user", identifier.name);
	if (!identifier.is_group)
		return gives ? check_user(identifier.name) : EX_OK;
	ret = open_policy(admin, POLICY_READ, &policy);
	if (ret == EX_OK && policy == NULL) {
		complain("there is no group \"%s\"", identifier.name);
		return EX_DATAERR;
	}
	if (ret == EX_OK)
		ret = policy_result(policy_group_exists(policy, identifier.name, &error), &error);
	policy_close(&policy);
	return ret;
}

struct changing {
	const struct conf *conf;
	const char *entry;
	unsigned count;
};

static void note_change(void *context, const char *folder, const char *before, const char *after)
{
	struct changing *changing = context;
	char *what = xasprintf("folder=<%s>, owner=<>", folder);

	audit(changing->conf, what, changing->entry, before, after);
	free(what);
	changing->count++;
}

static int change_rights(struct admin *admin, const char *folder, char **argv, bool below)
{
	char entry[POLICY_NAME_MAX + 8], *error = NULL;
	const char *rights = strcmp(argv[1], "none") == 0 ? "" : argv[1];
	struct public_rights_change change = {folder, entry, rights, below};
	struct changing changing = {admin->conf, entry, 0};
	int ret;

	if (public_rights_check(rights, &error) < 0)
		return refused(EX_USAGE, &error);
	ret = parse_entry(admin, argv[0], rights[0] != '\0' && rights[0] != '-', entry,
			  sizeof(entry));
	if (ret != EX_OK)
		return ret;
	if (public_rights_change(admin->conf, &change, note_change, &changing, &error) < 0)
		return refused(EX_CANTCREAT, &error);
	printf("changed: folders=%u\n", changing.count);
	return EX_OK;
}

static void print_line(void *context, const char *line)
{
	(void)context;
	puts(line);
}

int command_public_rights(struct admin *admin, int argc, char **argv)
{
	char folder[POLICY_NAME_MAX + 1], *error = NULL;
	bool below = argc > 1 && strcmp(argv[1], "--below") == 0;

	if (policy_name_folder(argv[0], folder, &error) < 0)
		return refused(EX_USAGE, &error);
	argc -= below ? 2 : 1;
	argv += below ? 2 : 1;
	if (argc == 2)
		return change_rights(admin, folder, argv, below);
	if (argc != 0 || below) {
		complain("USER|group:GROUP|anyone and RIGHTS are needed");
		return EX_USAGE;
	}
	if (public_rights_list(admin->conf, folder, print_line, NULL, &error) < 0)
		return refused(EX_NOINPUT, &error);
	return EX_OK;
}
