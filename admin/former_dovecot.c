/* dovecot-antispam, and Sieve scripts that teach: on IMAP events, or at delivery. */
#include "former.h"
#include "learner.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What a rule of 2.4 that is switched off has for its type: no place asks for it. */
#define TYPE_REPLACED "shoveler_replaced"

/* mail_plugins is a list in 2.3, a section in 2.4. */
static bool is_loaded(const struct dovecot_settings *settings, const char *plugin)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct dovecot_setting *row = &settings->rows[i];

		if (strcmp(row->key, "mail_plugins") == 0 && dovecot_has_word(row->value, plugin))
			return true;
		if (strstr(row->blocks, "mail_plugins\n") != NULL &&
		    strcmp(row->key, plugin) == 0 && strcmp(row->value, "no") != 0)
			return true;
	}
	return false;
}

/* ---- dovecot-antispam ---- */

/* What the backend runs for each message. */
static char *antispam_program(const struct dovecot_settings *settings)
{
	static const char *const programs[][3] = {
		{"dspam", "antispam_dspam_binary", "/usr/bin/dspam"},
		{"pipe", "antispam_pipe_program", "/usr/sbin/sendmail"},
		{"mailtrain", "antispam_mail_sendmail", "/usr/sbin/sendmail"},
		{"crm114", "antispam_crm_binary", "/bin/false"},
		{"spool2dir", "antispam_spool2dir_spam", "a folder"},
	};
	const char *backend = dovecot_settings_get(settings, "antispam_backend");

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		const char *value = dovecot_settings_get(settings, programs[i][1]);

		if (strcasecmp(programs[i][0], backend) == 0)
			return xasprintf("backend %s: %s", backend,
					 value[0] != '\0' ? value : programs[i][2]);
	}
	return xasprintf("backend %s", backend[0] != '\0' ? backend : "not set");
}

/* "Junk;Spam": names, or with * patterns, of folders. */
static void take_folders(struct former *former, const struct dovecot_settings *settings,
			 const char *value)
{
	char *names = xstrdup(value), *rest = NULL;

	for (char *name = strtok_r(names, ";", &rest); name != NULL;
	     name = strtok_r(NULL, ";", &rest)) {
		struct span trimmed = span_trim(span_of(name));
		char *text = xstrndup(trimmed.size > 0 ? trimmed.data : "", trimmed.size);

		if (strchr(text, '*') != NULL)
			former_find(
				former, "dovecot-antispam", FORMER_UNCLEAR,
				xasprintf("folders \"%s\"", text),
				xstrdup("a pattern of names of Junk folders"),
				xstrdup("Shoveler knows whole names: write those that exist into "
					"junk_folders"));
		else
			former_junk_folder(former, settings, text);
		free(text);
	}
	free(names);
}

/* The settings that say which folders it watches: without them it does nothing. */
static bool names_watched(const char *key)
{
	static const char *const kinds[] = {"antispam_spam", "antispam_unsure"};
	static const char *const forms[] = {"", "_pattern", "_pattern_ignorecase"};

	for (size_t i = 0; i < 6; i++) {
		size_t size = strlen(kinds[i / 3]);

		if (strncmp(key, kinds[i / 3], size) == 0 && strcmp(key + size, forms[i % 3]) == 0)
			return true;
	}
	return false;
}

void former_look_at_antispam(struct former *former, const struct dovecot_settings *settings)
{
	struct strbuf watched = STRBUF_INIT;
	bool loaded = is_loaded(settings, "antispam");
	char *program = antispam_program(settings);

	for (size_t i = 0; i < settings->count; i++) {
		const struct dovecot_setting *row = &settings->rows[i];

		if (!names_watched(row->key) || row->value[0] == '\0')
			continue;
		strbuf_printf(&watched, "%s%s", watched.size > 0 ? ";" : "", row->value);
		if (!loaded)
			continue;
		former_override(former, row->blocks, row->key, "", row->value);
		if (strncmp(row->key, "antispam_spam", 13) == 0)
			take_folders(former, settings, row->value);
	}
	if (loaded && watched.size > 0)
		former_find(former, "dovecot-antispam", FORMER_REPLACED,
			    xstrdup("plugin antispam of Dovecot"),
			    xasprintf("teaches what is moved in and out of %s (%s)",
				      strbuf_text(&watched), program),
			    xstrdup("it stays loaded and watches no folder any more: moves teach "
				    "Shoveler"));
	else if (loaded || watched.size > 0)
		former_find(former, "dovecot-antispam", FORMER_KEPT,
			    xstrdup("plugin antispam of Dovecot"),
			    xstrdup(loaded ? "is loaded, and watches no folder"
					   : "is configured, and not loaded"),
			    xstrdup("it does nothing"));
	free(program);
	strbuf_free(&watched);
}

/* ---- IMAPSieve ---- */

struct rule {
	const struct dovecot_setting *script; /* the setting that names it */
	char *name;			      /* "imapsieve_mailbox1", "sieve_script report-spam" */
	const char *to, *from;		      /* folders; "" or "*" for any */
	const char *key, *value;	      /* what switches it off */
};

static struct script_folders program_folders(const struct dovecot_settings *settings)
{
	return (struct script_folders){dovecot_settings_get(settings, "sieve_pipe_bin_dir"),
				       dovecot_settings_get(settings, "sieve_filter_bin_dir"),
				       dovecot_settings_get(settings, "sieve_execute_bin_dir")};
}

/* 2.3: "file:/path;name=x" */
static char *script_path(const char *value)
{
	if (strncmp(value, "file:", 5) == 0)
		value += 5;
	return xstrndup(value, strcspn(value, ";"));
}

static bool is_declared(const struct former *former, const char *path)
{
	for (const char *const *script = former->learning_scripts;
	     script != NULL && *script != NULL; script++) {
		if (strcmp(*script, path) == 0)
			return true;
	}
	return false;
}

static const char *runs(const struct script_judgement *judgement)
{
	return judgement->programs != NULL && judgement->programs[0] != '\0'
		       ? judgement->programs
		       : "nothing that can be read";
}

static void report_rule(struct former *former, const struct rule *rule, const char *path,
			const struct script_judgement *judgement)
{
	bool any = rule->from[0] == '\0';
	char *where = xasprintf("%s (%s%s%s): %s", rule->name, rule->to, any ? "" : " from ",
				rule->from, path);
	char *what;

	switch (judgement->kind) {
	case SCRIPT_TEACHES:
		what = xasprintf("teaches %s by %s",
				 judgement->filter[0] != '\0' ? judgement->filter : "a filter",
				 runs(judgement));
		former_find(former, "IMAPSieve", FORMER_REPLACED, where, what,
			    xstrdup("the rule is emptied: moves teach Shoveler"));
		break;
	case SCRIPT_MIXED:
		what = xasprintf("teaches %s by %s, and does something else", judgement->filter,
				 runs(judgement));
		former_find(
			former, "IMAPSieve", FORMER_UNCLEAR, where, what,
			xstrdup("left as it is: take the teaching out of the script, as moves "
				"teach Shoveler, or name it in shoveler_former_learning_scripts"));
		break;
	case SCRIPT_UNKNOWN:
		what = xasprintf("runs %s: it is not known whether that teaches a filter",
				 runs(judgement));
		former_find(former, "IMAPSieve", FORMER_UNCLEAR, where, what,
			    xstrdup("left as it is: if all it does is teach, name the script in "
				    "shoveler_former_learning_scripts"));
		break;
	case SCRIPT_OTHER:
		former_find(former, "IMAPSieve", FORMER_KEPT, where, xstrdup("teaches no filter"),
			    xstrdup("it stays as it is"));
		break;
	}
}

static bool mentions(const char *text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcasestr(text, *words) != NULL)
			return true;
	}
	return false;
}

/* By their names, as far as these say it: 1 spam, -1 innocent, 0 unknown. */
static int taught_class(const char *path, const char *programs)
{
	static const char *const innocent[] = {"ham",  "nonspam",  "notspam", "not-spam",
					       "good", "innocent", NULL};
	static const char *const spam[] = {"spam", "junk", NULL};
	const char *slash = strrchr(path, '/');
	char *names = xasprintf("%s %s", slash != NULL ? slash + 1 : path, programs);
	int class = mentions(names, innocent) ? -1 : mentions(names, spam) ? 1 : 0;

	/* As in train-spam-or-ham.sh. */
	if (class == -1 && strcasestr(names, "spam") != NULL && strcasestr(names, "ham") != NULL)
		class = 0;
	free(names);
	return class;
}

static bool is_any(const char *folder)
{
	return folder[0] == '\0' || strcmp(folder, "*") == 0;
}

/* What the rule meant by Junk must be Junk for Shoveler, or nobody is taught by it any more. */
static void take_rule_folder(struct former *former, const struct dovecot_settings *settings,
			     const struct rule *rule, const char *path, const char *programs)
{
	int class = taught_class(path, programs);
	const char *folder = is_any(rule->from) ? rule->to : rule->from;

	if (former_knows_folder(former, settings, folder))
		return;
	if ((class == 1 && is_any(rule->from)) || (class == -1 && is_any(rule->to)))
		former_junk_folder(former, settings, folder);
	else
		former_find(former, "IMAPSieve", FORMER_UNCLEAR, xasprintf("folder %s", folder),
			    xstrdup("is in a rule that teaches, and is not Junk for Shoveler"),
			    xstrdup("if it is where users put spam, write it into junk_folders"));
}

static void look_at_rule(struct former *former, const struct dovecot_settings *settings,
			 const struct rule *rule)
{
	const struct script_folders folders = program_folders(settings);
	char *path = script_path(rule->script->value);
	struct script_judgement judgement;

	script_judge_file(path, &folders, &judgement);
	if (is_declared(former, path))
		judgement.kind = SCRIPT_TEACHES;
	report_rule(former, rule, path, &judgement);
	if (judgement.kind == SCRIPT_TEACHES) {
		former_override(former, rule->script->blocks, rule->key, rule->value,
				rule->script->value);
		take_rule_folder(former, settings, rule, path, judgement.programs);
	}
	script_judgement_free(&judgement);
	free(path);
}

/* "imapsieve_mailbox12_before": 12, and suffix "before"; 0 if it is none. */
static unsigned rule_number(const char *key, const char **suffix_r)
{
	unsigned number;
	int size = 0;

	if (sscanf(key, "imapsieve_mailbox%9u_%n", &number, &size) != 1 || size == 0)
		return 0;
	*suffix_r = key + size;
	return number;
}

static const char *rule_setting(const struct dovecot_settings *settings, unsigned number,
				const char *suffix)
{
	char *key = xasprintf("imapsieve_mailbox%u_%s", number, suffix);
	const char *value = dovecot_settings_get(settings, key);

	free(key);
	return value;
}

/*
 * 2.3: a rule is settings with a number; without a script it does nothing, the next still counts.
 */
static void look_at_numbered(struct former *former, const struct dovecot_settings *settings,
			     const struct dovecot_setting *row)
{
	static const char *const scripts[] = {"before", "after", "copy_source_after"};
	const char *suffix = "";
	unsigned number = rule_number(row->key, &suffix);
	struct rule rule = {.script = row, .key = row->key, .value = ""};

	if (number == 0 || row->value[0] == '\0')
		return;
	for (size_t i = 0; i < 3 && strcmp(scripts[i], suffix) != 0; i++) {
		if (i == 2)
			return;
	}
	rule.to = rule_setting(settings, number, "name");
	rule.from = rule_setting(settings, number, "from");
	rule.name = xasprintf("imapsieve_mailbox%u", number);
	look_at_rule(former, settings, &rule);
	free(rule.name);
}

/* The argument of the innermost "name argument" section, without quotes; NULL if there is none. */
static char *section(const char *blocks, const char *name)
{
	size_t size = strlen(name);
	char *found = NULL;

	for (const char *end; (end = strchr(blocks, '\n')) != NULL; blocks = end + 1) {
		struct span argument;

		if (strncmp(blocks, name, size) != 0 || blocks[size] != ' ')
			continue;
		argument = span_trim((struct span){blocks + size, (size_t)(end - blocks) - size});
		if (argument.size >= 2 && argument.data[0] == '"')
			argument = (struct span){argument.data + 1, argument.size - 2};
		free(found);
		found = xstrndup(argument.size > 0 ? argument.data : "", argument.size);
	}
	return found;
}

/* A setting of the same section; 2.4 takes it with and without the section's prefix. */
static const char *sibling(const struct dovecot_settings *settings, const char *blocks,
			   const char *key)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct dovecot_setting *row = &settings->rows[i];
		const char *name = row->key;

		if (strncmp(name, "sieve_script_", 13) == 0)
			name += 13;
		if (strcmp(name, key) == 0 && strcmp(row->blocks, blocks) == 0)
			return row->value;
	}
	return "";
}

static bool runs_in_imap(const char *cause)
{
	return dovecot_has_word(cause, "copy") || dovecot_has_word(cause, "append") ||
	       dovecot_has_word(cause, "flag");
}

static bool is_path(const char *key)
{
	return strcmp(key, "path") == 0 || strcmp(key, "sieve_script_path") == 0;
}

/* 2.4: sieve_script sections, within a mailbox or imapsieve_from, or with a cause. */
static void look_at_section(struct former *former, const struct dovecot_settings *settings,
			    const struct dovecot_setting *row)
{
	char *script = section(row->blocks, "sieve_script");
	char *mailbox = section(row->blocks, "mailbox");
	char *from = section(row->blocks, "imapsieve_from");
	const char *cause = sibling(settings, row->blocks, "cause");
	const char *type = sibling(settings, row->blocks, "type");

	if (script != NULL && is_path(row->key) && row->value[0] != '\0' &&
	    (mailbox != NULL || from != NULL || runs_in_imap(cause)) &&
	    strcmp(type, TYPE_REPLACED) != 0) {
		struct rule rule = {.script = row, .key = "type", .value = TYPE_REPLACED};

		rule.name = xasprintf("sieve_script %s", script);
		rule.to = mailbox != NULL ? mailbox : "*";
		rule.from = from != NULL ? from : "";
		look_at_rule(former, settings, &rule);
		free(rule.name);
	}
	free(script);
	free(mailbox);
	free(from);
}

void former_look_at_imapsieve(struct former *former, const struct dovecot_settings *settings)
{
	if (!is_loaded(settings, "imap_sieve"))
		return;
	for (size_t i = 0; i < settings->count; i++) {
		look_at_numbered(former, settings, &settings->rows[i]);
		look_at_section(former, settings, &settings->rows[i]);
	}
}

/* ---- Sieve at delivery ---- */

static void look_at_delivered(struct former *former, const struct dovecot_settings *settings,
			      const char *key, const char *path)
{
	const struct script_folders folders = program_folders(settings);
	struct script_judgement judgement;

	script_judge_file(path, &folders, &judgement);
	if (judgement.filter[0] != '\0')
		former_find(former, "Sieve", FORMER_LEFT, xasprintf("%s: %s", key, path),
			    xasprintf("calls %s by %s when mail is delivered", judgement.filter,
				      judgement.programs),
			    xstrdup("left as it is; if Shoveler's verdict is enough, take it out "
				    "of the script"));
	script_judgement_free(&judgement);
}

/* A script, or a folder of them. */
static void look_at_scripts(struct former *former, const struct dovecot_settings *settings,
			    const char *key, const char *path)
{
	char *pattern = xasprintf("%s/*.sieve", path);
	struct stat st;
	glob_t found;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			look_at_delivered(former, settings, key, found.gl_pathv[i]);
		globfree(&found);
	} else {
		look_at_delivered(former, settings, key, path);
	}
	free(pattern);
}

/* 2.3: sieve_before and its like, also with a number. 2.4: sections without an IMAP cause. */
static bool is_delivery_script(const struct dovecot_settings *settings,
			       const struct dovecot_setting *row)
{
	static const char *const keys[] = {"sieve_before", "sieve_after", "sieve_default"};
	char *script;
	bool found;

	for (size_t i = 0; i < 3; i++) {
		size_t size = strlen(keys[i]);

		if (strncmp(row->key, keys[i], size) == 0 &&
		    (row->key[size] == '\0' || isdigit((unsigned char)row->key[size])))
			return true;
	}
	if (!is_path(row->key) || strstr(row->blocks, "mailbox ") != NULL ||
	    strstr(row->blocks, "imapsieve_from ") != NULL)
		return false;
	script = section(row->blocks, "sieve_script");
	found = script != NULL && !runs_in_imap(sibling(settings, row->blocks, "cause"));
	free(script);
	return found;
}

void former_look_at_delivery(struct former *former, const struct dovecot_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		char *path;

		if (!is_delivery_script(settings, &settings->rows[i]))
			continue;
		path = script_path(settings->rows[i].value);
		look_at_scripts(former, settings, settings->rows[i].key, path);
		free(path);
	}
}
