#include "compat.h"
#include "live_groups.h"

struct live_groups {
	pool_t pool;
	const char *const *at_login;
	const char *const *of_host; /* NULL until the first backend is seen */
};

struct live_groups *live_groups_create(pool_t pool, const char *const *now)
{
	struct live_groups *groups = p_new(pool, struct live_groups, 1);

	groups->pool = pool;
	groups->at_login = p_strarray_dup(pool, now);
	return groups;
}

/* Those of the first list that are not in the second. */
static const char *const *without(const char *const *groups, const char *const *others)
{
	ARRAY_TYPE(const_string) rest;

	t_array_init(&rest, 8);
	for (; *groups != NULL; groups++) {
		if (!str_array_find(others, *groups))
			array_push_back(&rest, groups);
	}
	array_append_zero(&rest);
	return array_front(&rest);
}

static const char *const *merged(const char *const *groups, const char *const *others)
{
	ARRAY_TYPE(const_string) all;

	t_array_init(&all, 8);
	array_append(&all, groups, str_array_length(groups));
	array_append(&all, others, str_array_length(others));
	array_sort(&all, i_strcmp_p);
	array_append_zero(&all);
	return array_front(&all);
}

static bool are_equal(const char *const *groups, const char *const *others)
{
	for (; *groups != NULL && *others != NULL; groups++, others++) {
		if (strcmp(*groups, *others) != 0)
			return FALSE;
	}
	return *groups == *others;
}

void live_groups_apply(struct live_groups *groups, struct acl_backend *backend,
		       const char *const *now)
{
	T_BEGIN
	{
		const char *const *old = compat_acl_groups(backend), *const * new;

		if (groups->of_host == NULL)
			groups->of_host =
				p_strarray_dup(groups->pool, without(old, groups->at_login));
		new = merged(groups->of_host, now);
		if (!are_equal(old, new))
			compat_acl_set_groups(backend, new);
	}
	T_END;
}
