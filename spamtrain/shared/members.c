#include "spamtrain/shared/members.h"

#include "lib/msg.h"
#include "lib/xalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WARN_SECONDS 600 /* between two log lines about the same store */

struct view {
	char *user;
	struct store *store; /* NULL: not there, or not readable */
	time_t warned;
	bool busy;
	struct view *next; /* most recently used first */
};

struct members {
	char *users_directory;
	size_t open_max, open;
	struct view *list;
	pthread_mutex_t lock;
	pthread_cond_t returned;
};

struct members *members_new(const char *users_directory, size_t open_max)
{
	struct members *members = xcalloc(1, sizeof(*members));

	members->users_directory = xstrdup(users_directory);
	members->open_max = open_max;
	pthread_mutex_init(&members->lock, NULL);
	pthread_cond_init(&members->returned, NULL);
	return members;
}

static void view_free(struct view *view)
{
	store_close(&view->store);
	free(view->user);
	free(view);
}

void members_free(struct members **members)
{
	struct view *next;

	if (*members == NULL)
		return;
	for (struct view *view = (*members)->list; view != NULL; view = next) {
		next = view->next;
		view_free(view);
	}
	pthread_mutex_destroy(&(*members)->lock);
	pthread_cond_destroy(&(*members)->returned);
	free((*members)->users_directory);
	free(*members);
	*members = NULL;
}

/* ---- the list; the lock is held ---- */

static void list_remove(struct members *members, const struct view *view)
{
	struct view **at = &members->list;

	while (*at != view)
		at = &(*at)->next;
	*at = view->next;
}

/* The user's view, else a new one, else one that is not used; NULL: all are busy. */
static struct view *list_take(struct members *members, const char *user)
{
	struct view *idle = NULL, *view;

	for (view = members->list; view != NULL; view = view->next) {
		if (strcmp(view->user, user) == 0)
			return view->busy ? NULL : view;
		if (!view->busy)
			idle = view;
	}
	if (members->open >= members->open_max) {
		if (idle == NULL)
			return NULL;
		list_remove(members, idle);
		members->open--;
		view_free(idle);
	}
	view = xcalloc(1, sizeof(*view));
	view->user = xstrdup(user);
	view->next = members->list;
	members->list = view;
	members->open++;
	return view;
}

static struct view *take_out(struct members *members, const char *user)
{
	struct view *view;

	pthread_mutex_lock(&members->lock);
	while ((view = list_take(members, user)) == NULL)
		pthread_cond_wait(&members->returned, &members->lock);
	view->busy = true;
	list_remove(members, view);
	view->next = members->list;
	members->list = view;
	pthread_mutex_unlock(&members->lock);
	return view;
}

static void give_back(struct members *members, struct view *view)
{
	pthread_mutex_lock(&members->lock);
	view->busy = false;
	pthread_cond_broadcast(&members->returned);
	pthread_mutex_unlock(&members->lock);
}

/* ---- reading ---- */

static enum store_status view_refresh(const struct members *members, struct view *view,
				      char **error_r)
{
	enum store_status status = STORE_OK;

	/* Has the user been removed, or restored, behind our back? */
	if (view->store != NULL && !store_is_current(view->store))
		store_close(&view->store);
	if (view->store == NULL) {
		char *directory = store_user_directory(members->users_directory, view->user);
		status = directory == NULL ? STORE_NOT_FOUND
					   : store_open(&view->store, directory, false, error_r);
		free(directory);
	}
	if (status == STORE_OK)
		status = dictionary_refresh(view->store, error_r);
	if (status != STORE_OK)
		store_close(&view->store);
	return status;
}

static void warn(struct view *view, const char *error)
{
	time_t now = time(NULL);

	if (now - view->warned >= WARN_SECONDS)
		msg_warn("%s: left out of the group's dictionary: %s", view->user,
			 error == NULL ? "cannot be read" : error);
	view->warned = now - view->warned >= WARN_SECONDS ? now : view->warned;
}

void members_visit(struct members *members, const char *user,
		   void (*visit)(const struct store *store, void *context), void *context)
{
	struct view *view = take_out(members, user);
	char *error = NULL;
	enum store_status status = view_refresh(members, view, &error);

	if (status == STORE_OK)
		visit(view->store, context);
	else if (status != STORE_NOT_FOUND)
		warn(view, error);
	free(error);
	give_back(members, view);
}
