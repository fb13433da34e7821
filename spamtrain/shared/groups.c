#include "spamtrain/shared/groups.h"

#include "lib/address.h"
#include "lib/conf.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

static int fail(char **error_r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(char **error_r, const char *format, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	strbuf_printf(&text, "%s: ", conf_name(P_DICTIONARY_GROUPS));
	va_start(args, format);
	strbuf_vprintf(&text, format, args);
	va_end(args);
	*error_r = strbuf_steal(&text);
	return -1;
}

static bool is_name(const char *text)
{
	size_t length = strlen(text);

	for (const char *c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
			return false;
	return length > 0 && length <= GROUP_NAME_MAX;
}

static struct dictionary_group *find_name(const struct dictionary_groups *groups, const char *name)
{
	for (size_t i = 0; i < groups->count; i++)
		if (strcasecmp(groups->list[i].name, name) == 0)
			return &groups->list[i];
	return NULL;
}

const struct dictionary_group *groups_find(const struct dictionary_groups *groups, const char *user)
{
	for (size_t i = 0; i < groups->count; i++)
		for (size_t m = 0; m < groups->list[i].count; m++)
			if (strcmp(groups->list[i].members[m], user) == 0)
				return &groups->list[i];
	return NULL;
}

/* word: with its colon */
static int group_add(struct dictionary_groups *groups, const char *word, char **error_r)
{
	char *name = xstrndup(word, strlen(word) - 1);
	int result = 0;

	if (!is_name(name))
		result = fail(error_r,
			      "\"%s\" cannot name a group: at most %d letters, digits, dots, "
			      "hyphens and underscores",
			      name, GROUP_NAME_MAX);
	else if (find_name(groups, name) != NULL)
		result = fail(error_r, "group \"%s\" is there twice", name);
	if (result != 0) {
		free(name);
		return result;
	}
	groups->list = xrealloc(groups->list, (groups->count + 1) * sizeof(*groups->list));
	groups->list[groups->count++] = (struct dictionary_group){.name = name};
	return 0;
}

static int check_member(const struct dictionary_groups *groups,
			const struct dictionary_group *group, const char *text, const char *user,
			char **error_r)
{
	if (find_name(groups, text) != NULL)
		return fail(error_r,
			    "\"%s\" in group \"%s\" is a group: groups cannot be members of groups",
			    text, group->name);
	if (user[0] == '\0')
		return fail(error_r, "\"%s\" in group \"%s\" is not a user's mail address", text,
			    group->name);
	const struct dictionary_group *other = groups_find(groups, user);
	if (other == group)
		return fail(error_r, "%s is in group \"%s\" twice", user, group->name);
	if (other != NULL)
		return fail(error_r, "%s is in two groups, \"%s\" and \"%s\"", user, other->name,
			    group->name);
	if (group->count == GROUP_MEMBERS_MAX)
		return fail(error_r,
			    "group \"%s\" has more than %d members; for all users of a site "
			    "there is %s",
			    group->name, GROUP_MEMBERS_MAX, conf_name(P_SITE_DICTIONARY));
	return 0;
}

static int member_add(struct dictionary_groups *groups, const char *word, char **error_r)
{
	struct strbuf user = STRBUF_INIT;

	if (strchr(word, ':') != NULL && strchr(word, ':') < strchr(word, '@'))
		return fail(error_r, "\"%s\": a blank is missing behind the colon", word);
	if (groups->count == 0)
		return fail(error_r, "\"%s\" comes before the name of a group: family: %s ...",
			    word, word);
	struct dictionary_group *group = &groups->list[groups->count - 1];
	address_user(span_of(word), "", &user);
	int result = check_member(groups, group, word, strbuf_text(&user), error_r);
	if (result == 0) {
		group->members =
			xrealloc(group->members, (group->count + 1) * sizeof(*group->members));
		group->members[group->count++] = xstrdup(strbuf_text(&user));
	}
	strbuf_free(&user);
	return result;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int finish(struct dictionary_groups *groups, char **error_r)
{
	for (size_t i = 0; i < groups->count; i++) {
		struct dictionary_group *group = &groups->list[i];
		if (group->count < 2)
			return fail(error_r, "group \"%s\" has %s", group->name,
				    group->count == 0 ? "no members" : "only one member");
		qsort(group->members, group->count, sizeof(*group->members), compare);
	}
	return 0;
}

int groups_parse(struct dictionary_groups *groups_r, const char *const *words, char **error_r)
{
	int result = 0;

	*groups_r = (struct dictionary_groups){NULL, 0};
	for (; *words != NULL && result == 0; words++) {
		size_t length = strlen(*words);
		if ((*words)[length - 1] == ':')
			result = group_add(groups_r, *words, error_r);
		else
			result = member_add(groups_r, *words, error_r);
	}
	if (result == 0)
		result = finish(groups_r, error_r);
	if (result != 0)
		groups_free(groups_r);
	return result;
}

void groups_free(struct dictionary_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++) {
		for (size_t m = 0; m < groups->list[i].count; m++)
			free(groups->list[i].members[m]);
		free(groups->list[i].members);
		free(groups->list[i].name);
	}
	free(groups->list);
	*groups = (struct dictionary_groups){NULL, 0};
}
