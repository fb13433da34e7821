#include "compat.h"
#include "policy_view.h"

#include "lib/conf.h"
#include "lib/xalloc.h"
#include "schema/policy.h"

#include <ioloop.h>

#include <stdlib.h>

#define POLICY_FILE "/policy.sqlite"

struct text_list {
	char **texts; /* NULL-terminated once anything was added */
	size_t count;
};

struct policy_view {
	struct event *event;
	char *path, *user;
	struct policy *policy; /* NULL while it cannot be opened */
	time_t checked;
	unsigned generation;
	bool loaded, failure_logged;
	struct text_list groups, trees, delegated;
};

static const char *const no_texts[] = {NULL};

static void list_add(struct text_list *list, const char *text)
{
	list->texts = xrealloc(list->texts, (list->count + 2) * sizeof(*list->texts));
	list->texts[list->count++] = xstrdup(text);
	list->texts[list->count] = NULL;
}

static void list_clear(struct text_list *list)
{
	while (list->count > 0)
		free(list->texts[--list->count]);
	free(list->texts);
	list->texts = NULL;
}

static bool list_has(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->texts[i], text) == 0)
			return true;
	}
	return false;
}

static const char *const *list_texts(const struct text_list *list)
{
	return list->texts != NULL ? (const char *const *)list->texts : no_texts;
}

struct policy_view *policy_view_create(const struct conf *conf, struct event *event,
				       const char *user)
{
	struct policy_view *view = xcalloc(1, sizeof(*view));

	view->event = event;
	view->path = xasprintf("%s%s", conf_text(conf, P_STATE_DIRECTORY), POLICY_FILE);
	view->user = xstrdup(user);
	return view;
}

static void clear(struct policy_view *view)
{
	list_clear(&view->groups);
	list_clear(&view->trees);
	list_clear(&view->delegated);
	view->loaded = false;
	view->generation++;
}

void policy_view_free(struct policy_view **_view)
{
	struct policy_view *view = *_view;

	*_view = NULL;
	if (view == NULL)
		return;
	clear(view);
	policy_close(&view->policy);
	free(view->path);
	free(view->user);
	free(view);
}

static bool add_group(void *context, const char *group, const char *member ATTR_UNUSED)
{
	struct policy_view *view = context;

	list_add(&view->groups, group);
	return true;
}

static bool add_tree(void *context, const struct policy_folder *folder)
{
	struct policy_view *view = context;

	if (!list_has(&view->trees, folder->tree))
		list_add(&view->trees, folder->tree);
	return true;
}

static bool add_delegated(void *context, const struct policy_folder *folder,
			  const struct policy_identifier *delegate)
{
	struct policy_view *view = context;
	bool mine = delegate->is_group ? list_has(&view->groups, delegate->name)
				       : strcmp(delegate->name, view->user) == 0;

	if (mine)
		list_add(&view->delegated,
			 folder->path[0] == '\0'
				 ? folder->tree
				 : t_strconcat(folder->tree, "/", folder->path, NULL));
	return true;
}

/* Groups first: delegates are looked up by them. A user without groups is not an error. */
static enum policy_status load(struct policy_view *view, char **error_r)
{
	enum policy_status status;

	clear(view);
	status = policy_group_list(view->policy, NULL, view->user, add_group, view, error_r);
	if (status == POLICY_NOT_FOUND) {
		free(*error_r);
		status = POLICY_OK;
	}
	if (status == POLICY_OK)
		status = policy_public_list(view->policy, add_tree, view, error_r);
	if (status == POLICY_OK)
		status = policy_delegate_list(view->policy, NULL, add_delegated, view, error_r);
	view->loaded = status == POLICY_OK;
	return status;
}

static void report(struct policy_view *view, enum policy_status status, char *error)
{
	clear(view);
	policy_close(&view->policy);
	/* no store: nothing was ever decided on this host */
	if (status != POLICY_NOT_FOUND && !view->failure_logged) {
		view->failure_logged = true;
		e_error(view->event, "shoveler: no groups and no public folders: %s: %s",
			view->path, error);
	}
	free(error);
}

static void refresh(struct policy_view *view)
{
	enum policy_status status = POLICY_OK;
	char *error = NULL;

	if (view->checked == ioloop_time && view->checked != 0)
		return;
	view->checked = ioloop_time;
	if (view->policy == NULL)
		status = policy_open(view->path, POLICY_READ, -1, &view->policy, &error);
	else if (view->loaded && !policy_changed(view->policy))
		return;
	if (status == POLICY_OK)
		status = load(view, &error);
	if (status != POLICY_OK)
		report(view, status, error);
}

const char *const *policy_view_groups(struct policy_view *view)
{
	refresh(view);
	return list_texts(&view->groups);
}

const char *const *policy_view_trees(struct policy_view *view)
{
	refresh(view);
	return list_texts(&view->trees);
}

bool policy_view_is_delegate(struct policy_view *view, const char *folder)
{
	refresh(view);
	for (size_t i = 0; i < view->delegated.count; i++) {
		size_t size = strlen(view->delegated.texts[i]);

		if (strncmp(view->delegated.texts[i], folder, size) == 0 &&
		    (folder[size] == '\0' || folder[size] == '/'))
			return true;
	}
	return false;
}

unsigned policy_view_generation(struct policy_view *view)
{
	refresh(view);
	return view->generation;
}

bool policy_view_group_exists(struct policy_view *view, const char *group)
{
	enum policy_status status;
	char *error = NULL;

	refresh(view);
	if (view->policy == NULL)
		return false;
	status = policy_group_exists(view->policy, group, &error);
	if (status == POLICY_FAILED)
		e_error(view->event, "shoveler: %s: %s", view->path, error);
	if (status != POLICY_OK)
		free(error);
	return status == POLICY_OK;
}
