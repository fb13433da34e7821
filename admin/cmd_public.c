/* `shoveler public`: public trees, in the policy store and on disk, and who administers them. */
#include "audit.h"
#include "cmd_rights.h"
#include "lib/xalloc.h"
#include "public_folder.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static int parse_folder(const char *text, char *folder_r)
{
	char *error = NULL;

	if (policy_name_folder(text, folder_r, &error) == 0)
		return EX_OK;
	complain("%s", error);
	free(error);
	return EX_USAGE;
}

static int disk_failed(char **error)
{
	complain("%s", *error);
	free(*error);
	*error = NULL;
	return EX_CANTCREAT;
}

/* On disk first: a folder that nobody sees does no harm, a listed one that is missing does. */
static int public_create(struct admin *admin, int argc, char **argv)
{
	char folder[POLICY_NAME_MAX + 1];
	struct policy *policy = NULL;
	char *error = NULL;
	int ret = parse_folder(argv[0], folder);

	(void)argc;
	if (ret == EX_OK)
		ret = open_policy(admin, POLICY_CREATE, &policy);
	if (ret == EX_OK && public_folder_make(admin->conf, folder, &error) < 0)
		ret = disk_failed(&error);
	if (ret == EX_OK)
		ret = policy_result(policy_public_create(policy, folder, &error), &error);
	policy_close(&policy);
	return ret;
}

static int public_delete(struct admin *admin, int argc, char **argv)
{
	char folder[POLICY_NAME_MAX + 1], *place = NULL;
	struct policy *policy = NULL;
	char *error = NULL;
	int ret = parse_folder(argv[0], folder);

	(void)argc;
	if (ret == EX_OK)
		ret = open_policy(admin, POLICY_CREATE, &policy);
	if (ret == EX_OK)
		ret = policy_result(policy_public_delete(policy, folder, &error), &error);
	if (ret == EX_OK && public_folder_retire(admin->conf, folder, &place, &error) < 0)
		ret = disk_failed(&error);
	if (place != NULL)
		printf("its mail is kept in %s\n", place);
	free(place);
	policy_close(&policy);
	return ret;
}

static void audit_delegate(struct admin *admin, const char *folder,
			   const struct policy_identifier *identifier, bool add)
{
	char *what = xasprintf("folder=<%s>, owner=<>", folder);
	char *whom = xasprintf("%s=%s", identifier->is_group ? "group" : "user", identifier->name);

	audit(admin->conf, what, whom, add ? "" : "delegate", add ? "delegate" : "");
	free(whom);
	free(what);
}

static int public_admin(struct admin *admin, int argc, char **argv)
{
	bool add = argc < 2 || strcmp(argv[1], "--remove") != 0;
	struct policy_identifier identifier;
	struct policy *policy = NULL;
	char *error = NULL;
	int ret = open_policy(admin, POLICY_CREATE, &policy);

	for (char **who = argv + (add ? 1 : 2); ret == EX_OK && *who != NULL; who++) {
		if (policy_identifier_parse(*who, &identifier, &error) < 0)
			ret = policy_result(POLICY_INVALID, &error);
		else
			ret = policy_result(
				policy_public_delegate(policy, argv[0], &identifier, add, &error),
				&error);
		if (ret == EX_OK)
			audit_delegate(admin, argv[0], &identifier, add);
	}
	policy_close(&policy);
	return ret;
}

static void folder_name(const struct policy_folder *folder, char *name, size_t size)
{
	snprintf(name, size, "%s%s%s", folder->tree, folder->path[0] != '\0' ? "/" : "",
		 folder->path);
}

static bool folder_to_json(void *context, const struct policy_folder *folder)
{
	char name[POLICY_NAME_MAX + 1];

	folder_name(folder, name, sizeof(name));
	json_object_set_new(context, name, json_array());
	return true;
}

static bool delegate_to_json(void *context, const struct policy_folder *folder,
			     const struct policy_identifier *delegate)
{
	char name[POLICY_NAME_MAX + 1];

	folder_name(folder, name, sizeof(name));
	json_array_append_new(
		json_object_get(context, name),
		json_sprintf("%s%s", delegate->is_group ? "group:" : "", delegate->name));
	return true;
}

static void print_folders(json_t *folders)
{
	const char *name;
	json_t *delegates, *delegate;
	size_t i;

	json_object_foreach(folders, name, delegates)
	{
		printf("%s", name);
		json_array_foreach(delegates, i, delegate) printf(
			"%s%s", i == 0 ? "\tadministered by " : ", ", json_string_value(delegate));
		putchar('\n');
	}
}

static int public_list(struct admin *admin, int argc, char **argv)
{
	json_t *folders = json_object();
	struct policy *policy;
	char *error = NULL;
	int ret = open_policy(admin, POLICY_READ, &policy);

	(void)argc;
	(void)argv;
	if (policy != NULL)
		ret = policy_result(policy_public_list(policy, folder_to_json, folders, &error),
				    &error);
	if (policy != NULL && ret == EX_OK)
		ret = policy_result(
			policy_delegate_list(policy, NULL, delegate_to_json, folders, &error),
			&error);
	if (ret == EX_OK && admin->json) {
		json_dumpf(folders, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (ret == EX_OK) {
		print_folders(folders);
	}
	json_decref(folders);
	policy_close(&policy);
	return ret;
}

const struct command public_actions[] = {
	{"create", "'#TREE[/FOLDER...]'", "Create a public tree, or a folder in one", public_create,
	 1, 1,
	 "Quote the name: '#' starts a comment in the shell. Its parents are created too. Users see it\n"
	 "at their next LIST, as far as its rights (IMAP ACL) let them.\n",
	 NULL, false},
	{"delete", "'#TREE[/FOLDER...]'", "Delete it with all folders below", public_delete, 1, 1,
	 "The mail is not deleted but moved to .deleted in $public_directory.\n", NULL, false},
	{"admin", "'#TREE[/FOLDER...]' [--remove] USER|group:GROUP...",
	 "Let somebody administer it and all below", public_admin, 2, -1,
	 "  --remove          not any more\n"
	 "A delegate has all rights, and gives and takes those of others with his mail client.\n",
	 NULL, false},
	{"rights", "'#TREE[/FOLDER...]' [[--below] USER|group:GROUP|anyone RIGHTS]",
	 "List its rights, or change those of somebody", command_public_rights, 1, 4,
	 "  --below           also in all folders below it\n"
	 "RIGHTS are letters of IMAP ACL: l see, r read, s mark as seen, w other marks, i add mail,\n"
	 "p deliver mail, t e delete mail, k x make and delete folders, a give rights; with + or - in\n"
	 "front to add or remove some; \"none\" removes all. Folders without rights of their own have those\n"
	 "of their tree.\n",
	 NULL, false},
	{"list", "[--json]", "List public trees, their folders, and who administers them",
	 public_list, 0, 0, NULL, NULL, false},
	{NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, false},
};
