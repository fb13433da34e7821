/* Public trees, and who administers them. */
#include "policy_db.h"

#include "lib/span.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <time.h>

/* "#Tree/Path" taken apart. */
struct folder {
	char tree[POLICY_NAME_MAX + 1];
	const char *path; /* into full */
	char full[POLICY_NAME_MAX + 1];
};

static enum policy_status parse_folder(const char *text, struct folder *folder_r, char **error_r)
{
	size_t tree_size;

	if (policy_name_folder(text, folder_r->full, error_r) < 0)
		return POLICY_INVALID;
	tree_size = strcspn(folder_r->full, "/");
	memcpy(folder_r->tree, folder_r->full, tree_size);
	folder_r->tree[tree_size] = '\0';
	folder_r->path = folder_r->full + tree_size;
	if (folder_r->path[0] == '/')
		folder_r->path++;
	return POLICY_OK;
}

static enum policy_status no_such_folder(const char *folder, char **error_r)
{
	*error_r = xasprintf("there is no public folder \"%s\"", folder);
	return POLICY_NOT_FOUND;
}

static enum policy_status insert_folder(struct policy *policy, const struct folder *folder,
					const char *path, int *changes_r, char **error_r)
{
	return policy_run(policy, changes_r, error_r,
			  "INSERT OR IGNORE INTO public_folder (tree, path, created)"
			  " VALUES (?1, ?2, ?3)",
			  "tti", folder->tree, path, (int64_t)time(NULL));
}

/* The tree, each level above the folder, and the folder, whose insertion must be news. */
static enum policy_status insert_levels(struct policy *policy, const struct folder *folder,
					char **error_r)
{
	enum policy_status status = POLICY_OK;
	int changes = 0;

	if (folder->path[0] != '\0')
		status = insert_folder(policy, folder, "", NULL, error_r);
	for (const char *slash = strchr(folder->path, '/'); slash != NULL && status == POLICY_OK;
	     slash = strchr(slash + 1, '/')) {
		char *parent = xstrndup(folder->path, (size_t)(slash - folder->path));

		status = insert_folder(policy, folder, parent, NULL, error_r);
		free(parent);
	}
	if (status == POLICY_OK)
		status = insert_folder(policy, folder, folder->path, &changes, error_r);
	if (status == POLICY_OK && changes == 0) {
		*error_r = xasprintf("\"%s\" exists already", folder->full);
		status = POLICY_EXISTS;
	}
	return status;
}

/* Trees that differ in letter case only would be one folder for some clients. */
static enum policy_status refuse_case_twin(struct policy *policy, const struct folder *folder,
					   char **error_r)
{
	enum policy_status status;
	int64_t one;

	status = policy_value(policy, &one, error_r,
			      "SELECT 1 FROM public_folder"
			      " WHERE tree = ?1 COLLATE NOCASE AND tree <> ?1",
			      "t", folder->tree);
	if (status == POLICY_NOT_FOUND)
		return POLICY_OK;
	if (status == POLICY_OK) {
		*error_r = xasprintf("a tree that differs from \"%s\" only in letter case exists",
				     folder->tree);
		status = POLICY_EXISTS;
	}
	return status;
}

enum policy_status policy_public_create(struct policy *policy, const char *name, char **error_r)
{
	struct folder folder;
	enum policy_status status = parse_folder(name, &folder, error_r);

	if (status == POLICY_OK)
		status = policy_begin(policy, error_r);
	if (status != POLICY_OK)
		return status;
	status = refuse_case_twin(policy, &folder, error_r);
	if (status == POLICY_OK)
		status = insert_levels(policy, &folder, error_r);
	return policy_end(policy, status, error_r);
}

enum policy_status policy_public_delete(struct policy *policy, const char *name, char **error_r)
{
	struct folder folder;
	enum policy_status status = parse_folder(name, &folder, error_r);
	int changes = 0;

	if (status != POLICY_OK)
		return status;
	status = policy_run(
		policy, &changes, error_r,
		"DELETE FROM public_folder WHERE tree = ?1"
		" AND (?2 = '' OR path = ?2 OR substr(path, 1, length(?2) + 1) = ?2 || '/')",
		"tt", folder.tree, folder.path);
	if (status == POLICY_OK && changes == 0)
		status = no_such_folder(name, error_r);
	return status;
}

static enum policy_status add_delegate(struct policy *policy, int64_t folder,
				       const struct policy_identifier *identifier, char **error_r)
{
	enum policy_status status = POLICY_OK;
	int changes = 0;

	if (identifier->is_group)
		status = policy_group_exists(policy, identifier->name, error_r);
	if (status == POLICY_OK)
		status = policy_run(policy, &changes, error_r,
				    "INSERT OR IGNORE INTO public_delegate (folder, kind, name)"
				    " VALUES (?1, ?2, ?3)",
				    "itt", folder, identifier->is_group ? "group" : "user",
				    identifier->name);
	if (status == POLICY_OK && changes == 0) {
		*error_r = xasprintf("%s is a delegate already", identifier->name);
		status = POLICY_EXISTS;
	}
	return status;
}

static enum policy_status remove_delegate(struct policy *policy, int64_t folder,
					  const struct policy_identifier *identifier,
					  char **error_r)
{
	enum policy_status status;
	int changes = 0;

	status = policy_run(policy, &changes, error_r,
			    "DELETE FROM public_delegate"
			    " WHERE folder = ?1 AND kind = ?2 AND name = ?3",
			    "itt", folder, identifier->is_group ? "group" : "user",
			    identifier->name);
	if (status == POLICY_OK && changes == 0) {
		*error_r = xasprintf("%s is no delegate there", identifier->name);
		status = POLICY_NOT_FOUND;
	}
	return status;
}

enum policy_status policy_public_delegate(struct policy *policy, const char *name,
					  const struct policy_identifier *identifier, bool add,
					  char **error_r)
{
	struct folder folder;
	enum policy_status status = parse_folder(name, &folder, error_r);
	int64_t id = 0;

	if (status == POLICY_OK)
		status = policy_value(policy, &id, error_r,
				      "SELECT id FROM public_folder WHERE tree = ?1 AND path = ?2",
				      "tt", folder.tree, folder.path);
	if (status == POLICY_NOT_FOUND)
		return no_such_folder(name, error_r);
	if (status != POLICY_OK)
		return status;
	if (add)
		return add_delegate(policy, id, identifier, error_r);
	return remove_delegate(policy, id, identifier, error_r);
}

struct folder_each {
	bool (*each)(void *context, const struct policy_folder *folder);
	void *context;
};

static void folder_from_row(sqlite3_stmt *statement, struct policy_folder *folder_r)
{
	folder_r->tree = policy_column(statement, 0);
	folder_r->path = policy_column(statement, 1);
	folder_r->created = sqlite3_column_int64(statement, 2);
}

static bool folder_row(void *context, sqlite3_stmt *statement)
{
	struct folder_each *each = context;
	struct policy_folder folder;

	folder_from_row(statement, &folder);
	return each->each(each->context, &folder);
}

enum policy_status policy_public_list(struct policy *policy,
				      bool (*each)(void *context,
						   const struct policy_folder *folder),
				      void *context, char **error_r)
{
	struct folder_each bound = {each, context};

	/* '/' sorts before what may follow in a name, so that children come right after parents. */
	return policy_rows(policy,
			   policy_prepare(policy, error_r,
					  "SELECT tree, path, created FROM public_folder"
					  " ORDER BY tree, replace(path, '/', char(1))",
					  ""),
			   folder_row, &bound, error_r);
}

struct delegate_each {
	bool (*each)(void *context, const struct policy_folder *folder,
		     const struct policy_identifier *delegate);
	void *context;
};

static bool delegate_row(void *context, sqlite3_stmt *statement)
{
	struct delegate_each *each = context;
	struct policy_identifier delegate;
	struct policy_folder folder;
	size_t size;

	folder_from_row(statement, &folder);
	delegate.is_group = strcmp(policy_column(statement, 3), "group") == 0;
	size = strnlen(policy_column(statement, 4), POLICY_NAME_MAX);
	memcpy(delegate.name, policy_column(statement, 4), size);
	delegate.name[size] = '\0';
	return each->each(each->context, &folder, &delegate);
}

enum policy_status policy_delegate_list(struct policy *policy, const char *name,
					bool (*each)(void *context,
						     const struct policy_folder *folder,
						     const struct policy_identifier *delegate),
					void *context, char **error_r)
{
	struct delegate_each bound = {each, context};
	struct folder folder = {.tree = "", .path = ""};

	if (name != NULL && parse_folder(name, &folder, error_r) != POLICY_OK)
		return POLICY_INVALID;
	return policy_rows(policy,
			   policy_prepare(policy, error_r,
					  "SELECT f.tree, f.path, f.created, d.kind, d.name"
					  " FROM public_folder AS f"
					  " JOIN public_delegate AS d ON d.folder = f.id"
					  " WHERE ?1 = '' OR (f.tree = ?1 AND f.path = ?2)"
					  " ORDER BY f.tree, replace(f.path, '/', char(1)),"
					  " d.kind, d.name",
					  "tt", folder.tree, folder.path),
			   delegate_row, &bound, error_r);
}
