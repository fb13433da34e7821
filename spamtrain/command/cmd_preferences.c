/*
 * cmd_preferences.c - spamtrain import-preferences: what DSPAM's users had chosen.
 *
 * Everything is read and checked before anything is changed.
 */
#include "spamtrain/command/command.h"

#include "lib/xalloc.h"
#include "schema/store.h"
#include "spamtrain/formats/dspam_preferences.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define DEPTH_MAX 8 /* folders in folders: data/a/b/user@domain */

/* A preference to be set; its texts are the rows'. */
struct choice {
	char *user; /* NULL: everybody */
	const char *name;
	char *value;
};

/* A name that is not taken over, and how often. */
struct left_out {
	const char *name, *why;
	size_t count;
};

struct preferences_import {
	struct session *session;
	bool dry_run, replace;
	const char *user, *domain;
	struct dspam_preferences dspam;
	char **paths;
	size_t path_count;
	struct choice *choices;
	size_t count;
	struct left_out *left_out;
	size_t left_out_count;
	size_t users, set, kept;
};

/* ---- arguments and files ---- */

static int options_read(struct preferences_import *import, int *argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < *argc; i++) {
		bool user = strcmp(argv[i], "--user") == 0,
		     domain = strcmp(argv[i], "--domain") == 0;

		if (strncmp(argv[i], "--", 2) != 0) {
			argv[kept++] = argv[i];
		} else if (strcmp(argv[i], "--replace") == 0) {
			import->replace = true;
		} else if (strcmp(argv[i], "--dry-run") == 0) {
			import->dry_run = true;
		} else if ((user || domain) && i + 1 < *argc) {
			*(user ? &import->user : &import->domain) = argv[++i];
		} else {
			complain("import-preferences has no option %s, or it lacks a value",
				 argv[i]);
			return EX_USAGE;
		}
	}
	*argc = kept;
	if (kept > 0)
		return EX_OK;
	complain("import-preferences wants a FILE, or DSPAM's folder");
	return EX_USAGE;
}

static int file_take(struct preferences_import *import, char *path)
{
	struct strbuf file = STRBUF_INIT;
	char *error = NULL;
	int code = file_read_whole(path, &file);

	if ((import->path_count & (import->path_count + 1)) == 0)
		import->paths = xrealloc(import->paths,
					 2 * (import->path_count + 1) * sizeof(*import->paths));
	import->paths[import->path_count++] = path;
	if (code == EX_OK && dspam_preferences_read(&import->dspam, strbuf_span(&file), path,
						    import->user, &error) != 0) {
		complain("%s", error);
		free(error);
		code = EX_DATAERR;
	}
	strbuf_free(&file);
	return code;
}

static int path_take(struct preferences_import *import, char *path, unsigned depth);

/* Takes the descriptor over. */
static int folder_take(struct preferences_import *import, int fd, const char *path, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int code = dir == NULL || depth > DEPTH_MAX ? EX_NOINPUT : EX_OK;

	if (code != EX_OK)
		complain("%s: cannot be read, or too many folders in folders", path);
	while (code == EX_OK && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			code = path_take(import, xasprintf("%s/%s", path, entry->d_name),
					 depth + 1);
	}
	if (dir != NULL)
		closedir(dir);
	return code;
}

/* Takes path over. Of a folder only files that DSPAM named so; links in it are not followed. */
static int path_take(struct preferences_import *import, char *path, unsigned depth)
{
	struct stat st = {0};
	int flags = depth == 0 ? O_RDONLY : O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : file_open_as_root(path, flags);
	int code = EX_OK;

	if (fd < 0 || fstat(fd, &st) != 0) {
		if (depth == 0 || errno != ELOOP) {
			complain("%s: %s", path, strerror(errno));
			code = EX_NOINPUT;
		}
	} else if (S_ISDIR(st.st_mode)) {
		code = folder_take(import, fd, path, depth);
		fd = -1;
	} else if (depth == 0 || (S_ISREG(st.st_mode) && dspam_preferences_is_file(path))) {
		close(fd);
		return file_take(import, path);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return code;
}

/* ---- what becomes of a row ---- */

static void leave_out(struct preferences_import *import, const char *name, const char *why)
{
	for (size_t i = 0; i < import->left_out_count; i++)
		if (strcasecmp(import->left_out[i].name, name) == 0 &&
		    strcmp(import->left_out[i].why, why) == 0) {
			import->left_out[i].count++;
			return;
		}
	import->left_out = xrealloc(import->left_out,
				    (import->left_out_count + 1) * sizeof(*import->left_out));
	import->left_out[import->left_out_count++] = (struct left_out){name, why, 1};
}

/* The address of DSPAM's user; NULL after a complaint. */
static char *address_of(const struct preferences_import *import, const struct dspam_row *row)
{
	const char *name = dspam_preferences_user(&import->dspam, row);
	char *address, *user = NULL;

	if (name == NULL) {
		complain("%s:%u: no username of uid %s: give dspam_virtual_uids, too", row->path,
			 row->line, row->user);
		return NULL;
	}
	if (strchr(name, '@') == NULL && import->domain == NULL) {
		complain("%s:%u: user \"%s\" has no domain: --domain names it", row->path,
			 row->line, name);
		return NULL;
	}
	address = strchr(name, '@') != NULL ? xstrdup(name)
					    : xasprintf("%s@%s", name, import->domain);
	user = user_of(import->session, address);
	if (user == NULL)
		complain("%s:%u: that is the user of this line", row->path, row->line);
	free(address);
	return user;
}

/* Values that DSPAM knows and we say otherwise. NULL: the value is good as it is. */
static const char *value_of(const char *name, const char *value)
{
	if (strcasecmp(name, "whitelistThreshold") == 0 && strlen(value) > 3 &&
	    value[strspn(value, "0123456789")] == '\0')
		return "1000"; /* there it could be any number */
	return value;
}

static int row_take(struct preferences_import *import, const struct dspam_row *row)
{
	struct preferences checked = *classifier_site_preferences(import->session->site);
	const char *name = preferences_canonical(row->name);
	const char *value = value_of(row->name, row->value);
	const char *why = dspam_preference_reason(row->name);
	char *error = NULL, *user = NULL;

	if (name == NULL || (value[0] == '\0' && strcmp(name, "spamSubject") != 0)) {
		leave_out(import, row->name,
			  name != NULL	? "has no value"
			  : why != NULL ? why
					: "neither DSPAM nor Shoveler has such a preference");
		return EX_OK;
	}
	if (strcmp(name, "locale") == 0 && !preferences_set(&checked, name, value, &error)) {
		free(error);
		leave_out(import, row->name,
			  "there are English and French: the host's default counts");
		return EX_OK;
	}
	if (!preferences_set(&checked, name, value, &error)) {
		complain("%s:%u: %s", row->path, row->line, error);
		free(error);
		return EX_DATAERR;
	}
	const char *owner = dspam_preferences_user(&import->dspam, row);
	if (owner == NULL || owner[0] != '\0') {
		user = address_of(import, row);
		if (user == NULL)
			return EX_DATAERR;
	}
	import->choices[import->count++] = (struct choice){user, name, xstrdup(value)};
	return EX_OK;
}

static int rows_take(struct preferences_import *import)
{
	int code = EX_OK;

	dspam_preferences_sort(&import->dspam);
	import->choices = xcalloc(import->dspam.count + 1, sizeof(*import->choices));
	for (size_t i = 0; i < import->dspam.count && code == EX_OK; i++)
		code = row_take(import, &import->dspam.rows[i]);
	return code;
}

/* ---- setting ---- */

static int by_user(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;
	int order = x->user == NULL || y->user == NULL ? (x->user != NULL) - (y->user != NULL)
						       : strcmp(x->user, y->user);

	return order != 0 ? order : strcmp(x->name, y->name);
}

static int choice_set(struct preferences_import *import, struct classifier *classifier,
		      const struct choice *choice)
{
	char *own = NULL, *error = NULL;
	enum store_status found = STORE_NOT_FOUND;

	if (!import->replace)
		found = store_preference_get(classifier_store(classifier), choice->name, &own,
					     &error);
	free(own);
	if (found == STORE_OK) {
		import->kept++;
		return EX_OK;
	}
	free(error);
	error = NULL;
	int code = result_of(
		classifier_preference_set(classifier, choice->name, choice->value, &error), &error);
	import->set += code == EX_OK;
	return code;
}

/* All of one user's; returns where the next one's begin. */
static size_t user_set(struct preferences_import *import, size_t first, int *code_r)
{
	const struct choice *list = import->choices;
	struct classifier *classifier = NULL;
	size_t end = first;

	while (end < import->count && strcmp(list[end].user, list[first].user) == 0)
		end++;
	import->users++;
	if (import->dry_run) {
		import->set += end - first;
		return end;
	}
	*code_r = open_user(import->session, list[first].user, false, &classifier);
	for (size_t i = first; i < end && *code_r == EX_OK; i++)
		*code_r = choice_set(import, classifier, &list[i]);
	if (*code_r != EX_OK)
		complain("stopped at %s: the same command again goes on", list[first].user);
	classifier_close(&classifier);
	return end;
}

/* "name=value; name=value": what was everybody's. */
static void defaults_put(const struct preferences_import *import, struct strbuf *out)
{
	for (size_t i = 0; i < import->count && import->choices[i].user == NULL; i++)
		strbuf_printf(out, "%s%s=%s", out->size > 0 ? "; " : "", import->choices[i].name,
			      import->choices[i].value);
}

static void result_print(const struct preferences_import *import)
{
	struct strbuf defaults = STRBUF_INIT;

	defaults_put(import, &defaults);
	printf("%s %zu preferences of %zu users", import->dry_run ? "would set" : "set",
	       import->set, import->users);
	if (import->kept > 0)
		printf(", left %zu that they have set here since (--replace)", import->kept);
	putchar('\n');
	if (defaults.size > 0)
		printf("everybody's are for main.cf:\ndefault_preferences = %s\n",
		       strbuf_text(&defaults));
	for (size_t i = 0; i < import->left_out_count; i++) {
		text_print(stdout, import->left_out[i].name);
		printf(": left out (%zu): %s\n", import->left_out[i].count,
		       import->left_out[i].why);
	}
	strbuf_free(&defaults);
}

static void result_json(const struct preferences_import *import)
{
	struct strbuf defaults = STRBUF_INIT;
	json_t *list = json_array();

	defaults_put(import, &defaults);
	for (size_t i = 0; i < import->left_out_count; i++)
		json_array_append_new(list, json_pack("{s:o, s:I, s:s}", "name",
						      json_text(import->left_out[i].name), "count",
						      (json_int_t)import->left_out[i].count,
						      "reason", import->left_out[i].why));
	json_print(json_pack("{s:I, s:I, s:I, s:b, s:o, s:o}", "users", (json_int_t)import->users,
			     "set", (json_int_t)import->set, "kept", (json_int_t)import->kept,
			     "dry_run", import->dry_run, "default_preferences",
			     json_text(strbuf_text(&defaults)), "left_out", list));
	strbuf_free(&defaults);
}

int command_import_preferences(struct session *session, int argc, char **argv)
{
	struct preferences_import import = {.session = session};
	int code = options_read(&import, &argc, argv);
	size_t i = 0;

	for (int n = 0; n < argc && code == EX_OK; n++)
		code = path_take(&import, xstrdup(argv[n]), 0);
	if (code == EX_OK)
		code = rows_take(&import);
	if (code == EX_OK && import.count > 1)
		qsort(import.choices, import.count, sizeof(*import.choices), by_user);
	while (i < import.count && import.choices[i].user == NULL)
		i++;
	while (i < import.count && code == EX_OK)
		i = user_set(&import, i, &code);
	if (code == EX_OK && session->json)
		result_json(&import);
	else if (code == EX_OK)
		result_print(&import);
	for (i = 0; i < import.count; i++) {
		free(import.choices[i].user);
		free(import.choices[i].value);
	}
	for (i = 0; i < import.path_count; i++)
		free(import.paths[i]);
	free(import.paths);
	free(import.choices);
	free(import.left_out);
	dspam_preferences_free(&import.dspam);
	return code;
}
