#include "former.h"

#include "lib/child.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POSTCONF_TIMEOUT_MS 20000
#define DROPIN_HEAD                                                                                \
	"# Made by Ansible, of what `shoveler migrate` found: another spam filter does no more\n"  \
	"# what Shoveler does. Without this file it does it again.\n"
#define JUNK_FOLDERS "Junk, Spam" /* the built-in junk_folders */

const char *former_action_name(enum former_action action)
{
	static const char *const names[] = {"replaced", "kept", "left", "unclear"};

	return names[action];
}

void former_find(struct former *former, const char *system, enum former_action action, char *where,
		 char *what, char *advice)
{
	size_t size = (former->count + 1) * sizeof(*former->findings);

	former->findings = xrealloc(former->findings, size);
	former->findings[former->count++] =
		(struct former_finding){system, where, what, action, advice};
}

void former_free(struct former *former)
{
	for (size_t i = 0; i < former->count; i++) {
		free(former->findings[i].where);
		free(former->findings[i].what);
		free(former->findings[i].advice);
	}
	free(former->findings);
	strbuf_free(&former->dropin);
	strbuf_free(&former->folders);
	json_decref(former->parameters);
	json_decref(former->services);
	*former = (struct former){0};
}

static void indent(struct strbuf *out, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		strbuf_append_text(out, "  ");
}

void former_override(struct former *former, const char *blocks, const char *key, const char *value,
		     const char *was)
{
	struct strbuf *out = &former->dropin;
	size_t depth = 0;

	if (out->size == 0)
		strbuf_append_text(out, DROPIN_HEAD);

	for (const char *end; (end = strchr(blocks, '\n')) != NULL; blocks = end + 1) {
		indent(out, depth++);
		strbuf_printf(out, "%.*s {\n", (int)(end - blocks), blocks);
	}
	indent(out, depth);
	strbuf_printf(out, "# It was: %s\n", was);
	indent(out, depth);
	strbuf_printf(out, "%s =%s%s\n", key, value[0] != '\0' ? " " : "", value);
	while (depth-- > 0) {
		indent(out, depth);
		strbuf_append_text(out, "}\n");
	}
}

/* "namespace inbox\nmailbox Junk\n": is the last one the mailbox of this name? */
static bool is_mailbox(const char *blocks, const char *name)
{
	char *plain = xasprintf("mailbox %s\n", name),
	     *quoted = xasprintf("mailbox \"%s\"\n", name);
	size_t size = strlen(blocks);
	bool found = false;

	for (int i = 0; i < 2 && !found; i++) {
		const char *tail = i == 0 ? plain : quoted;

		found = size >= strlen(tail) && strcasecmp(blocks + size - strlen(tail), tail) == 0;
	}
	free(plain);
	free(quoted);
	return found;
}

static bool has_special_use(const struct dovecot_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct dovecot_setting *row = &settings->rows[i];

		if (strcmp(row->key, "special_use") == 0 && strstr(row->value, "\\Junk") != NULL &&
		    is_mailbox(row->blocks, name))
			return true;
	}
	return false;
}

/* Both are lists with ", " between. */
static bool is_listed(const char *list, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = list; *at != '\0'; at++) {
		if ((at == list || at[-1] == ' ' || at[-1] == ',') &&
		    strncasecmp(at, name, size) == 0 && (at[size] == '\0' || at[size] == ','))
			return true;
	}
	return false;
}

/* The usual prefix of a namespace, which our setting leaves out. */
static const char *without_prefix(const char *name)
{
	if (strncasecmp(name, "INBOX.", 6) == 0 || strncasecmp(name, "INBOX/", 6) == 0)
		return name + 6;
	return name;
}

bool former_knows_folder(const struct former *former, const struct dovecot_settings *settings,
			 const char *name)
{
	name = without_prefix(name);
	return name[0] == '\0' || strpbrk(name, "*?,") != NULL || strcasecmp(name, "INBOX") == 0 ||
	       has_special_use(settings, name) || is_listed(former->junk_folders, name);
}

/* Also one that our role has added to junk_folders already: it is still wanted there. */
void former_junk_folder(struct former *former, const struct dovecot_settings *settings,
			const char *name)
{
	const struct former built_in = {.junk_folders = JUNK_FOLDERS};

	if (!former_knows_folder(&built_in, settings, name) &&
	    !is_listed(strbuf_text(&former->folders), without_prefix(name)))
		strbuf_printf(&former->folders, "%s%s", former->folders.size > 0 ? ", " : "",
			      without_prefix(name));
}

char *former_junk_folders(const struct former *former)
{
	struct strbuf all = STRBUF_INIT;
	char *names = xstrdup(strbuf_text(&former->folders)), *rest = NULL;

	strbuf_append_text(&all, former->junk_folders);
	for (char *name = strtok_r(names, ",", &rest); name != NULL;
	     name = strtok_r(NULL, ",", &rest)) {
		name += strspn(name, " ");
		if (!is_listed(former->junk_folders, name))
			strbuf_printf(&all, "%s%s", all.size > 0 ? ", " : "", name);
	}
	free(names);
	return strbuf_steal(&all);
}

static int look_at_dovecot(struct former *former, bool live, char **error_r)
{
	struct dovecot_settings settings;
	char *dropin, *slash;
	int ret;

	if (dovecot_settings_read(NULL, &settings, error_r) < 0)
		return -1;
	slash = strrchr(settings.file, '/');
	dropin = xasprintf("%.*s/" FORMER_DROPIN, slash != NULL ? (int)(slash - settings.file) : 0,
			   settings.file);
	ret = 0;
	if (!live && access(dropin, F_OK) == 0) {
		dovecot_settings_free(&settings);
		ret = dovecot_settings_read(dropin, &settings, error_r);
	}
	free(dropin);
	if (ret < 0)
		return -1;
	former_look_at_antispam(former, &settings);
	former_look_at_imapsieve(former, &settings);
	former_look_at_delivery(former, &settings);
	dovecot_settings_free(&settings);
	return 0;
}

static int postconf(const char *directory, const char *option, struct strbuf *out, char **error_r)
{
	const char *const arguments[] = {"postconf", "-c", directory, option, NULL};
	struct strbuf errors = STRBUF_INIT;
	int ret = child_run(arguments, span_of(""), POSTCONF_TIMEOUT_MS, out, &errors, error_r);

	if (ret > 0)
		*error_r = xasprintf("postconf: %.*s", SPAN_ARG(span_trim(strbuf_span(&errors))));
	strbuf_free(&errors);
	return ret == 0 ? 0 : -1;
}

/* Before there is a main.cf of ours: where Postfix's own commands look. */
static const char *postfix_directory(const struct conf *conf)
{
	const char *directory = getenv("MAIL_CONFIG");

	if (conf != NULL)
		return conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY);
	return directory != NULL ? directory : "/etc/postfix";
}

static int look_at_postfix(struct former *former, const struct conf *conf, bool live,
			   char **error_r)
{
	const char *directory = postfix_directory(conf);
	char *path = xasprintf("%s/ansible/postfix.json",
			       conf != NULL ? conf_directory(conf) : conf_default_directory());
	struct strbuf parameters = STRBUF_INIT, services = STRBUF_INIT;
	json_t *record = live ? NULL : json_load_file(path, 0, NULL);
	int ret = postconf(directory, "-n", &parameters, error_r);

	if (ret == 0)
		ret = postconf(directory, "-M", &services, error_r);
	if (ret == 0)
		former_look_at_postfix(former, strbuf_span(&parameters), strbuf_span(&services),
				       record);
	json_decref(record);
	strbuf_free(&parameters);
	strbuf_free(&services);
	free(path);
	return ret;
}

static bool has_file(const char *directory, const char *name)
{
	char *path = xasprintf("%s/%s", directory, name);
	bool found = access(path, F_OK) == 0;

	free(path);
	return found;
}

/* Either may be on another host. */
int former_look(struct former *former, const struct conf *conf, bool live, char **error_r)
{
	*error_r = NULL;
	if (former->junk_folders == NULL)
		former->junk_folders =
			conf != NULL ? conf_text(conf, P_JUNK_FOLDERS) : JUNK_FOLDERS;
	if (has_file("/usr/bin", "doveconf") && look_at_dovecot(former, live, error_r) < 0)
		return -1;
	if (!has_file(postfix_directory(conf), "main.cf"))
		return 0;
	return look_at_postfix(former, conf, live, error_r);
}
