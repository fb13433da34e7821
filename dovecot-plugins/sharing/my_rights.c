#include "compat.h"
#include "my_rights.h"

#include <acl-cache.h>

/* Stands in the entries of an object to see whether they were read anew; never seen by others. */
static const char marker[] = "shoveler";

static bool has_right(struct acl_cache *cache, const struct acl_mask *mask, const char *right)
{
	return acl_cache_mask_isset(mask, acl_cache_right_lookup(cache, right));
}

static bool has_all_rights(struct acl_cache *cache, const struct acl_mask *mask)
{
	for (unsigned int i = 0; all_mailbox_rights[i] != NULL; i++) {
		if (!has_right(cache, mask, all_mailbox_rights[i]))
			return FALSE;
	}
	return TRUE;
}

static bool has_any_right(struct acl_cache *cache, const struct acl_mask *mask)
{
	for (unsigned int i = 0; all_mailbox_rights[i] != NULL; i++) {
		if (has_right(cache, mask, all_mailbox_rights[i]))
			return TRUE;
	}
	return FALSE;
}

static void set_rights(struct acl_object *object, const char *const *rights,
		       const char *const *negative)
{
	struct acl_rights_update update;

	i_zero(&update);
	update.modify_mode = ACL_MODIFY_MODE_REPLACE;
	update.neg_modify_mode = ACL_MODIFY_MODE_REPLACE;
	update.rights.id_type = ACL_ID_USER;
	update.rights.rights = rights;
	update.rights.neg_rights = negative;
	acl_cache_update(object->backend->cache, object->name, &update);
}

static void give_all_rights(struct acl_object *object)
{
	static const char *const none[] = {NULL};
	struct acl_cache *cache = object->backend->cache;
	const struct acl_mask *mask = acl_cache_get_my_rights(cache, object->name);

	if (mask != NULL && has_all_rights(cache, mask))
		return;
	/* "no rights are known" is an entry that cannot be changed */
	if (mask == NULL)
		acl_cache_flush(cache, object->name);
	set_rights(object, all_mailbox_rights, none);
}

static void take_all_rights(struct acl_object *object)
{
	static const char *const none[] = {NULL};
	struct acl_cache *cache = object->backend->cache;
	const struct acl_mask *mask = acl_cache_get_my_rights(cache, object->name);

	/* without an entry the default holds: none */
	if (mask != NULL && has_any_right(cache, mask))
		set_rights(object, none, none);
}

static void add_names(ARRAY_TYPE(const_string) * names, const char *const *more)
{
	for (; more != NULL && *more != NULL; more++)
		array_push_back(names, more);
}

/* Entries are sorted by kind, those that override last. */
static void add_up(struct acl_object *object)
{
	struct acl_backend *backend = object->backend;
	ARRAY_TYPE(const_string) positive, negative;
	const struct acl_rights *entry;
	bool overridden = FALSE;
	unsigned int found = 0;

	t_array_init(&positive, 16);
	t_array_init(&negative, 16);
	array_foreach(&object->rights, entry)
	{
		if (!acl_backend_rights_match_me(backend, entry))
			continue;
		if (entry->global)
			return;
		if (entry->id_type == ACL_ID_GROUP_OVERRIDE && !overridden) {
			overridden = TRUE;
			array_clear(&positive);
			array_clear(&negative);
		}
		add_names(&positive, entry->rights);
		add_names(&negative, entry->neg_rights);
		found++;
	}
	/* a single one is what the acl plugin found, too */
	if (found < 2 || acl_cache_get_my_rights(backend->cache, object->name) == NULL)
		return;
	array_append_zero(&positive);
	array_append_zero(&negative);
	set_rights(object, array_front(&positive), array_front(&negative));
}

static void push_marker(struct acl_object *object)
{
	struct acl_rights entry;

	i_zero(&entry);
	entry.id_type = ACL_ID_USER;
	entry.identifier = marker;
	array_push_back(&object->rights, &entry);
}

/* True if it was still there. */
static bool pop_marker(struct acl_object *object)
{
	unsigned int count;
	const struct acl_rights *entries = array_get(&object->rights, &count);

	if (count == 0 || entries[count - 1].identifier != marker)
		return FALSE;
	array_delete(&object->rights, count - 1, 1);
	return TRUE;
}

/* Did it read the entries anew? Entries that were not may be older than what the cache says. */
static int refresh(struct acl_object *object, const struct acl_backend_vfuncs *stock, bool *fresh_r)
{
	bool had_entries = array_is_created(&object->rights);
	int ret;

	if (had_entries)
		push_marker(object);
	ret = stock->object_refresh_cache(object);
	*fresh_r = array_is_created(&object->rights);
	if (had_entries && pop_marker(object))
		*fresh_r = FALSE;
	return ret;
}

int my_rights_refresh(struct acl_object *object, const struct acl_backend_vfuncs *stock,
		      bool has_all, bool has_none)
{
	bool fresh;
	int ret = refresh(object, stock, &fresh);

	if (ret < 0)
		return ret;
	T_BEGIN
	{
		if (has_all)
			give_all_rights(object);
		else if (has_none)
			take_all_rights(object);
		else if (fresh)
			add_up(object);
	}
	T_END;
	return ret;
}
