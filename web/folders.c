#include "web/folders.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMESPACES_MAX 256
#define LETTERS	       "lrswipkxteacd" /* RFC 4314, and what RFC 2086 had for k, x, t, e */

struct space {
	char *prefix;
	enum folder_kind kind;
};

struct loading {
	struct folders *folders;
	const char *user;
	struct space spaces[NAMESPACES_MAX];
	size_t space_count;
	size_t first; /* folder of the first command */
};

/* ---- answers ---- */

static void add_space(struct loading *loading, const char *prefix, enum folder_kind kind)
{
	if (loading->space_count < NAMESPACES_MAX)
		loading->spaces[loading->space_count++] = (struct space){xstrdup(prefix), kind};
}

/* ((prefix delimiter) ...) or NIL. False: malformed. */
static bool read_spaces(struct loading *loading, struct span *rest, enum folder_kind kind)
{
	struct strbuf prefix = STRBUF_INIT, separator = STRBUF_INIT;
	bool is_list = imap_take_char(rest, '(');
	bool ok = is_list || (imap_take_nstring(rest, &prefix) && prefix.size == 0);

	while (is_list && ok && imap_take_char(rest, '(')) {
		strbuf_reset(&prefix);
		ok = imap_take_string(rest, &prefix) && imap_take_nstring(rest, &separator);
		/* Extensions to a namespace: of no use here. */
		while (ok && rest->size > 0 && rest->data[0] != ')')
			*rest = span_from(*rest, 1);
		ok = ok && imap_take_char(rest, ')');
		if (ok)
			add_space(loading, strbuf_text(&prefix), kind);
	}
	strbuf_free(&prefix);
	strbuf_free(&separator);
	return ok && (!is_list || imap_take_char(rest, ')'));
}

static void read_namespace(struct loading *loading, struct span rest)
{
	(void)(read_spaces(loading, &rest, FOLDER_OWN) &&
	       read_spaces(loading, &rest, FOLDER_SHARED) &&
	       read_spaces(loading, &rest, FOLDER_PUBLIC));
}

static enum folder_kind kind_of(const struct loading *loading, const char *name)
{
	enum folder_kind kind = FOLDER_OWN;
	size_t longest = 0;

	for (size_t i = 0; i < loading->space_count; i++) {
		size_t size = strlen(loading->spaces[i].prefix);

		if (size > longest && strncmp(name, loading->spaces[i].prefix, size) == 0) {
			longest = size;
			kind = loading->spaces[i].kind;
		}
	}
	return kind;
}

/* (flags) into what matters of them. */
static bool read_flags(struct span *rest, bool *selectable_r, bool *subscribed_r)
{
	struct strbuf flag = STRBUF_INIT;
	bool ok = imap_take_char(rest, '(');

	*selectable_r = true;
	*subscribed_r = false;
	while (ok && !imap_take_char(rest, ')')) {
		strbuf_reset(&flag);
		ok = imap_take_string(rest, &flag);
		if (strcasecmp(strbuf_text(&flag), "\\Noselect") == 0 ||
		    strcasecmp(strbuf_text(&flag), "\\NonExistent") == 0)
			*selectable_r = false;
		if (strcasecmp(strbuf_text(&flag), "\\Subscribed") == 0)
			*subscribed_r = true;
	}
	strbuf_free(&flag);
	return ok;
}

/* LIST (flags) separator name */
static void read_list(struct loading *loading, struct span rest)
{
	struct strbuf separator = STRBUF_INIT, name = STRBUF_INIT;
	struct folders *folders = loading->folders;
	bool selectable, subscribed;

	if (read_flags(&rest, &selectable, &subscribed) && imap_take_nstring(&rest, &separator) &&
	    imap_take_string(&rest, &name) && selectable && name.size > 0 &&
	    name.size <= FOLDERS_NAME_MAX && memchr(name.data, '\0', name.size) == NULL) {
		folders->cut = folders->cut || folders->count == FOLDERS_MAX;
		if (!folders->cut) {
			folders->list = xrealloc(folders->list,
						 (folders->count + 1) * sizeof(*folders->list));
			folders->list[folders->count++] =
				(struct folder){.name = xstrdup(strbuf_text(&name)),
						.kind = kind_of(loading, strbuf_text(&name)),
						.subscribed = subscribed};
		}
	}
	strbuf_free(&separator);
	strbuf_free(&name);
}

/* Letters only, whatever the server says. */
static void keep_rights(char rights_r[FOLDERS_RIGHT_SIZE], struct span said)
{
	size_t size = 0;

	for (size_t i = 0; i < said.size && size + 1 < FOLDERS_RIGHT_SIZE; i++) {
		if (said.data[i] != '\0' && strchr(LETTERS, said.data[i]) != NULL)
			rights_r[size++] = said.data[i];
	}
	rights_r[size] = '\0';
}

static bool is_user_himself(const struct loading *loading, const char *who)
{
	return strcasecmp(who, "owner") == 0 || strcasecmp(who, "#owner") == 0 ||
	       strcasecmp(who, loading->user) == 0;
}

static void add_grant(const struct loading *loading, struct folder *folder,
		      const struct strbuf *who, const struct strbuf *rights)
{
	struct folder_grant *grant;

	if (folder->grant_count == FOLDERS_GRANTS_MAX || who->size == 0 ||
	    is_user_himself(loading, strbuf_text(who)))
		return;
	folder->grants =
		xrealloc(folder->grants, (folder->grant_count + 1) * sizeof(*folder->grants));
	grant = &folder->grants[folder->grant_count++];
	grant->who = xstrdup(strbuf_text(who));
	keep_rights(grant->rights, strbuf_span(rights));
}

/* ACL name {who rights}, MYRIGHTS name rights. Commands are in order, so the name is known. */
static void read_rights(struct loading *loading, struct folder *folder,
			const struct imap_reply *reply)
{
	struct strbuf name = STRBUF_INIT, who = STRBUF_INIT, rights = STRBUF_INIT;
	struct span rest = reply->rest;

	if (!imap_take_string(&rest, &name)) {
		/* Nothing that can be read. */
	} else if (span_equal_nocase(reply->word, SPAN_LITERAL("MYRIGHTS"))) {
		if (imap_take_string(&rest, &rights))
			keep_rights(folder->rights, strbuf_span(&rights));
	} else if (span_equal_nocase(reply->word, SPAN_LITERAL("ACL"))) {
		while (imap_take_string(&rest, &who) && imap_take_string(&rest, &rights)) {
			add_grant(loading, folder, &who, &rights);
			strbuf_reset(&who);
			strbuf_reset(&rights);
		}
	}
	strbuf_free(&name);
	strbuf_free(&who);
	strbuf_free(&rights);
}

static void take_names(void *context, size_t command, const struct imap_reply *reply)
{
	(void)command;
	if (span_equal_nocase(reply->word, SPAN_LITERAL("NAMESPACE")))
		read_namespace(context, reply->rest);
	else if (span_equal_nocase(reply->word, SPAN_LITERAL("LIST")))
		read_list(context, reply->rest);
}

/* Two commands a folder. */
static void take_rights(void *context, size_t command, const struct imap_reply *reply)
{
	struct loading *loading = context;

	read_rights(loading, &loading->folders->list[loading->first + command / 2], reply);
}

/* ---- questions ---- */

static bool load_names(struct imap *imap, struct loading *loading, const char *name, char **error_r)
{
	struct imap_command commands[2] = {{.text = STRBUF_INIT}, {.text = STRBUF_INIT}};
	bool ok;

	strbuf_append_text(&commands[0].text, "NAMESPACE");
	strbuf_append_text(&commands[1].text, "LIST \"\" ");
	ok = imap_put_string(&commands[1].text, span_of(name));
	strbuf_append_text(&commands[1].text, " RETURN (SUBSCRIBED)");
	ok = ok && imap_run(imap, commands, 2, take_names, loading, error_r);
	imap_command_free(commands, 2);
	return ok;
}

static bool load_rights(struct imap *imap, struct loading *loading, char **error_r)
{
	size_t count = loading->folders->count * 2;
	struct imap_command *commands = xcalloc(count + 1, sizeof(*commands));
	bool ok;

	for (size_t i = 0; i < count; i++) {
		strbuf_append_text(&commands[i].text, i % 2 == 0 ? "MYRIGHTS " : "GETACL ");
		/* The name came from the server, without NUL. */
		(void)imap_put_string(&commands[i].text,
				      span_of(loading->folders->list[i / 2].name));
	}
	ok = imap_run(imap, commands, count, take_rights, loading, error_r);
	imap_command_free(commands, count);
	free(commands);
	return ok;
}

/* Only the one of exactly that name: "*" and "%" in it match others in LIST. */
static void keep_one(struct folders *folders, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < folders->count; i++) {
		if (kept == 0 && strcmp(folders->list[i].name, name) == 0)
			folders->list[kept++] = folders->list[i];
		else
			free(folders->list[i].name);
	}
	folders->count = kept;
}

/* INBOX first, then by name. */
static int compare(const void *a, const void *b)
{
	const struct folder *left = a, *right = b;
	bool inbox = strcasecmp(left->name, "INBOX") == 0;

	if (inbox || strcasecmp(right->name, "INBOX") == 0)
		return inbox ? -1 : 1;
	return strcasecmp(left->name, right->name);
}

/* name: NULL for all. */
static bool load(struct imap *imap, const char *user, const char *name, struct folders *folders_r,
		 char **error_r)
{
	struct loading loading = {.folders = folders_r, .user = user};
	bool ok;

	*folders_r = (struct folders){0};
	ok = load_names(imap, &loading, name != NULL ? name : "*", error_r);
	if (name != NULL)
		keep_one(folders_r, name);
	if (folders_r->count > 0)
		qsort(folders_r->list, folders_r->count, sizeof(*folders_r->list), compare);
	ok = ok && load_rights(imap, &loading, error_r);
	for (size_t i = 0; i < loading.space_count; i++)
		free(loading.spaces[i].prefix);
	return ok;
}

bool folders_load(struct imap *imap, const char *user, struct folders *folders_r, char **error_r)
{
	return load(imap, user, NULL, folders_r, error_r);
}

bool folders_load_one(struct imap *imap, const char *user, const char *name,
		      struct folders *folders_r, char **error_r)
{
	*folders_r = (struct folders){0};
	if (name[0] == '\0' || strlen(name) > FOLDERS_NAME_MAX)
		return true;
	return load(imap, user, name, folders_r, error_r);
}

void folders_free(struct folders *folders)
{
	for (size_t i = 0; i < folders->count; i++) {
		struct folder *folder = &folders->list[i];

		for (size_t j = 0; j < folder->grant_count; j++)
			free(folder->grants[j].who);
		free(folder->grants);
		free(folder->name);
	}
	free(folders->list);
	*folders = (struct folders){0};
}

/* ---- rights ---- */

const char *folder_level_rights(enum folder_level level)
{
	static const char *const rights[] = {
		[LEVEL_NONE] = "",	   [LEVEL_READ] = "lrs",
		[LEVEL_WRITE] = "lrswite", [LEVEL_MANAGE] = "lrswipkxtea",
		[LEVEL_OTHER] = "",
	};

	return rights[level];
}

static unsigned long letters(const char *rights)
{
	unsigned long set = 0;

	for (; *rights != '\0'; rights++) {
		const char *letter = strchr(LETTERS, *rights);

		if (letter != NULL && strchr("pcd", *rights) == NULL)
			set |= 1UL << (letter - LETTERS);
	}
	return set;
}

enum folder_level folder_level(const char *rights)
{
	for (enum folder_level level = LEVEL_NONE; level < LEVEL_OTHER; level++) {
		if (letters(rights) == letters(folder_level_rights(level)))
			return level;
	}
	return LEVEL_OTHER;
}

bool folder_rights_valid(const char *rights)
{
	return rights[0] != '\0' && strlen(rights) < FOLDERS_RIGHT_SIZE &&
	       strspn(rights, LETTERS) == strlen(rights);
}
