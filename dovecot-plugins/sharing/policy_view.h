/*
 * policy_view.h - what the policy store says about one user, for the sharing plugins.
 *
 * A view holds copies, so that nothing waits for the store while mail is being listed; it reads
 * the store again when that has changed, and looks for that at most once a second. A store that
 * cannot be read is logged once a view and means: no groups, no public trees.
 */
#ifndef SHOVELER_SHARING_POLICY_VIEW_H
#define SHOVELER_SHARING_POLICY_VIEW_H

#include <stdbool.h>

struct conf;
struct event;
struct policy_view;

/* user: as plugin_user_name(). Never NULL. */
struct policy_view *policy_view_create(const struct conf *conf, struct event *event,
				       const char *user);
void policy_view_free(struct policy_view **view);

/* NULL-terminated, sorted; valid until the next call with the same view. */
const char *const *policy_view_groups(struct policy_view *view);
/* Names of the public trees, with "#". */
const char *const *policy_view_trees(struct policy_view *view);

/* Is the user, himself or by a group, delegate of the folder ("#Tree/Path") or of one above it? */
bool policy_view_is_delegate(struct policy_view *view, const char *folder);

/* Another number each time the answers above may have changed. */
unsigned policy_view_generation(struct policy_view *view);

/*
 * The view of a user whose session this is, from the plugin that made it when he was created; it
 * lives as long as his namespaces. NULL for the owners of shared folders, and without a
 * configuration.
 */
struct mail_user;
struct policy_view *shoveler_sharing_view(struct mail_user *user);

/* Is there such a group? False also when the store cannot be read. */
bool policy_view_group_exists(struct policy_view *view, const char *group);

#endif
