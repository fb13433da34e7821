#include "compat.h"
#include "queue.h"

#include "pending.h"

#include <ioloop.h>
#include <mail-user.h>

#define SLICE_MS	4
#define QUEUE_USER(obj) MODULE_CONTEXT_REQUIRE(obj, queue_module)

struct queue_user {
	union mail_user_module_context module_ctx;
	struct mail_user *user;
	ARRAY(struct pending *) waiting;
	struct timeout *timeout;
};

static MODULE_CONTEXT_DEFINE_INIT(queue_module, &mail_user_module_register);

static void finish(struct queue_user *queue, struct pending **pending)
{
	const char *error;
	size_t failures = pending_failures(*pending, &error);

	if (failures > 0)
		e_error(queue->user->event, "shoveler: %zu of %zu corrections are lost: %s",
			failures, pending_count(*pending), error);
	else
		e_debug(queue->user->event, "shoveler: retraining %zu messages",
			pending_count(*pending));
	pending_free(pending);
}

/* The oldest first; returns true when none is left. */
static bool write_some(struct queue_user *queue, unsigned milliseconds)
{
	struct pending **first;

	if (array_is_empty(&queue->waiting))
		return TRUE;
	first = array_front_modifiable(&queue->waiting);
	if (pending_write(*first, milliseconds)) {
		finish(queue, first);
		array_pop_front(&queue->waiting);
	}
	return array_is_empty(&queue->waiting);
}

static void queue_timeout(struct queue_user *queue)
{
	timeout_remove(&queue->timeout);
	if (!write_some(queue, SLICE_MS))
		queue->timeout = timeout_add_short(1, queue_timeout, queue);
}

void queue_add(struct mail_user *user, struct pending *pending)
{
	struct queue_user *queue = QUEUE_USER(user);

	array_push_back(&queue->waiting, &pending);
	if (queue->timeout == NULL)
		queue->timeout = timeout_add_short(0, queue_timeout, queue);
}

static void queue_user_deinit(struct mail_user *user)
{
	struct queue_user *queue = QUEUE_USER(user);

	timeout_remove(&queue->timeout);
	while (!write_some(queue, 0))
		;
	array_free(&queue->waiting);
	queue->module_ctx.super.deinit(user);
}

void queue_user_created(struct mail_user *user)
{
	struct mail_user_vfuncs *v = user->vlast;
	struct queue_user *queue = p_new(user->pool, struct queue_user, 1);

	queue->user = user;
	i_array_init(&queue->waiting, 4);
	queue->module_ctx.super = *v;
	user->vlast = &queue->module_ctx.super;
	v->deinit = queue_user_deinit;
	MODULE_CONTEXT_SET(user, queue_module, queue);
}
