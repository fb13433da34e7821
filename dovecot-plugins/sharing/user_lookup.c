#include "compat.h"
#include "user_lookup.h"

#include <auth-master.h>
#include <mail-user.h>

int user_lookup(struct mail_user *by, const char *name)
{
	struct auth_user_info info;
	const char *username, *const *fields;
	pool_t pool;
	int ret;

	if (mail_user_auth_master_conn == NULL)
		return -1;
	i_zero(&info);
	compat_auth_set_protocol(&info, by);
	pool = pool_alloconly_create("shoveler user lookup", 1024);
	ret = auth_master_user_lookup(mail_user_auth_master_conn, name, &info, pool, &username,
				      &fields);
	pool_unref(&pool);
	return ret;
}
