/* Domains of the fallback MX, and their recipients. */
#include "policy_db.h"

#include "lib/xalloc.h"

#include <string.h>
#include <time.h>

#define MX2_COLUMNS                                                                                \
	"domain, primary_host, retention, coalesce(retention_until, 0), tls, tls_match,"           \
	" tls_cafile, recipients, contact, refused, recipients_changed, list_key, list_url,"       \
	" list_serial"

static enum policy_status no_such_domain(const char *domain, char **error_r)
{
	*error_r = xasprintf("this host is no fallback MX for \"%s\"", domain);
	return POLICY_NOT_FOUND;
}

static enum policy_status write_domain(struct policy *policy, const char *sql, const char *types,
				       const struct policy_mx2 *mx2, int *changes_r, char **error_r)
{
	if (policy_mx2_check(mx2, error_r) < 0)
		return POLICY_INVALID;
	return policy_run(policy, changes_r, error_r, sql, types, mx2->domain, mx2->primary,
			  mx2->retention, mx2->retention_until, mx2->tls, mx2->tls_match,
			  mx2->tls_cafile, mx2->recipients, mx2->contact, mx2->refused,
			  mx2->list_key, mx2->list_url, (int64_t)time(NULL));
}

enum policy_status policy_mx2_add(struct policy *policy, const struct policy_mx2 *mx2,
				  char **error_r)
{
	int changes = 0;
	enum policy_status status;

	status = write_domain(policy,
			      "INSERT OR IGNORE INTO mx2_domain"
			      " (domain, primary_host, retention, retention_until, tls, tls_match,"
			      " tls_cafile, recipients, contact, refused, list_key, list_url,"
			      " created)"
			      " VALUES (?1, ?2, ?3, nullif(?4, 0), ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
			      " ?12, ?13)",
			      "ttiitttttttti", mx2, &changes, error_r);
	if (status == POLICY_OK && changes == 0) {
		*error_r = xasprintf("\"%s\" is there already; `shoveler mx2 set` changes it",
				     mx2->domain);
		status = POLICY_EXISTS;
	}
	return status;
}

enum policy_status policy_mx2_update(struct policy *policy, const struct policy_mx2 *mx2,
				     char **error_r)
{
	int changes = 0;
	enum policy_status status;

	status = write_domain(policy,
			      "UPDATE mx2_domain SET primary_host = ?2, retention = ?3,"
			      " retention_until = nullif(?4, 0), tls = ?5, tls_match = ?6,"
			      " tls_cafile = ?7, recipients = ?8, contact = ?9, refused = ?10,"
			      " list_key = ?11, list_url = ?12"
			      " WHERE domain = ?1",
			      "ttiitttttttt", mx2, &changes, error_r);
	if (status == POLICY_OK && changes == 0)
		status = no_such_domain(mx2->domain, error_r);
	return status;
}

/* A column that is longer than its member (written by somebody else's program) is cut off. */
static void copy_column(sqlite3_stmt *statement, int column, char *out, size_t size)
{
	size_t length = strnlen(policy_column(statement, column), size - 1);

	memcpy(out, policy_column(statement, column), length);
	out[length] = '\0';
}

static void mx2_from_row(sqlite3_stmt *statement, struct policy_mx2 *mx2_r)
{
	copy_column(statement, 0, mx2_r->domain, sizeof(mx2_r->domain));
	copy_column(statement, 1, mx2_r->primary, sizeof(mx2_r->primary));
	mx2_r->retention = sqlite3_column_int64(statement, 2);
	mx2_r->retention_until = sqlite3_column_int64(statement, 3);
	copy_column(statement, 4, mx2_r->tls, sizeof(mx2_r->tls));
	copy_column(statement, 5, mx2_r->tls_match, sizeof(mx2_r->tls_match));
	copy_column(statement, 6, mx2_r->tls_cafile, sizeof(mx2_r->tls_cafile));
	copy_column(statement, 7, mx2_r->recipients, sizeof(mx2_r->recipients));
	copy_column(statement, 8, mx2_r->contact, sizeof(mx2_r->contact));
	copy_column(statement, 9, mx2_r->refused, sizeof(mx2_r->refused));
	mx2_r->recipients_changed = sqlite3_column_int64(statement, 10);
	copy_column(statement, 11, mx2_r->list_key, sizeof(mx2_r->list_key));
	copy_column(statement, 12, mx2_r->list_url, sizeof(mx2_r->list_url));
	mx2_r->list_serial = sqlite3_column_int64(statement, 13);
}

static bool get_row(void *context, sqlite3_stmt *statement)
{
	mx2_from_row(statement, context);
	return false;
}

enum policy_status policy_mx2_get(struct policy *policy, const char *domain,
				  struct policy_mx2 *mx2_r, char **error_r)
{
	char name[POLICY_NAME_MAX + 1];
	enum policy_status status;

	if (policy_name_domain(domain, name, error_r) < 0)
		return POLICY_INVALID;
	policy_mx2_init(mx2_r);
	status = policy_rows(policy,
			     policy_prepare(policy, error_r,
					    "SELECT " MX2_COLUMNS
					    " FROM mx2_domain WHERE domain = ?1",
					    "t", name),
			     get_row, mx2_r, error_r);
	if (status == POLICY_OK && mx2_r->domain[0] == '\0')
		status = no_such_domain(name, error_r);
	return status;
}

enum policy_status policy_mx2_remove(struct policy *policy, const char *domain, char **error_r)
{
	char name[POLICY_NAME_MAX + 1];
	enum policy_status status;
	int changes = 0;

	if (policy_name_domain(domain, name, error_r) < 0)
		return POLICY_INVALID;
	status = policy_run(policy, &changes, error_r, "DELETE FROM mx2_domain WHERE domain = ?1",
			    "t", name);
	if (status == POLICY_OK && changes == 0)
		status = no_such_domain(name, error_r);
	return status;
}

struct mx2_each {
	bool (*each)(void *context, const struct policy_mx2 *mx2);
	void *context;
};

static bool list_row(void *context, sqlite3_stmt *statement)
{
	struct mx2_each *each = context;
	struct policy_mx2 mx2;

	mx2_from_row(statement, &mx2);
	return each->each(each->context, &mx2);
}

enum policy_status policy_mx2_list(struct policy *policy,
				   bool (*each)(void *context, const struct policy_mx2 *mx2),
				   void *context, char **error_r)
{
	struct mx2_each bound = {each, context};

	return policy_rows(policy,
			   policy_prepare(policy, error_r,
					  "SELECT " MX2_COLUMNS " FROM mx2_domain ORDER BY domain",
					  ""),
			   list_row, &bound, error_r);
}

/* In a transaction: the list of a domain that there is gets a new date. */
static enum policy_status touch_recipients(struct policy *policy, const char *domain,
					   char **error_r)
{
	int changes = 0;
	enum policy_status status =
		policy_run(policy, &changes, error_r,
			   "UPDATE mx2_domain SET recipients_changed = ?2 WHERE domain = ?1", "ti",
			   domain, (int64_t)time(NULL));

	return status == POLICY_OK && changes == 0 ? no_such_domain(domain, error_r) : status;
}

static enum policy_status write_recipient(struct policy *policy, const char *domain,
					  const char *address, bool add, char **error_r)
{
	char recipient[POLICY_NAME_MAX + 1];

	if (policy_name_user(address, recipient, error_r) < 0)
		return POLICY_INVALID;
	if (strcmp(strrchr(recipient, '@') + 1, domain) != 0) {
		*error_r = xasprintf("%s is no address of %s", recipient, domain);
		return POLICY_INVALID;
	}
	return policy_run(policy, NULL, error_r,
			  add ? "INSERT OR IGNORE INTO mx2_recipient (domain, address)"
				" VALUES (?1, ?2)"
			      : "DELETE FROM mx2_recipient WHERE domain = ?1 AND address = ?2",
			  "tt", domain, recipient);
}

/* A transaction about the domain. */
static enum policy_status begin(struct policy *policy, const char *domain,
				char name_r[POLICY_NAME_MAX + 1], char **error_r)
{
	if (policy_name_domain(domain, name_r, error_r) < 0)
		return POLICY_INVALID;
	return policy_begin(policy, error_r);
}

enum policy_status policy_mx2_recipient(struct policy *policy, const char *domain,
					const char *address, bool add, char **error_r)
{
	char name[POLICY_NAME_MAX + 1];
	enum policy_status status = begin(policy, domain, name, error_r);

	if (status != POLICY_OK)
		return status;
	status = touch_recipients(policy, name, error_r);
	if (status == POLICY_OK)
		status = write_recipient(policy, name, address, add, error_r);
	return policy_end(policy, status, error_r);
}

/* In a transaction. */
static enum policy_status replace_recipients(struct policy *policy, const char *domain,
					     const char *const *addresses, size_t count,
					     char **error_r)
{
	enum policy_status status = touch_recipients(policy, domain, error_r);

	if (status == POLICY_OK)
		status = policy_run(policy, NULL, error_r,
				    "DELETE FROM mx2_recipient WHERE domain = ?1", "t", domain);
	for (size_t i = 0; status == POLICY_OK && i < count; i++)
		status = write_recipient(policy, domain, addresses[i], true, error_r);
	return status;
}

enum policy_status policy_mx2_recipient_replace(struct policy *policy, const char *domain,
						const char *const *addresses, size_t count,
						char **error_r)
{
	char name[POLICY_NAME_MAX + 1];
	enum policy_status status = begin(policy, domain, name, error_r);

	if (status != POLICY_OK)
		return status;
	status = replace_recipients(policy, name, addresses, count, error_r);
	return policy_end(policy, status, error_r);
}

/* In a transaction: only ever upwards, so that no list is taken twice. */
static enum policy_status advance_serial(struct policy *policy, const char *domain, int64_t serial,
					 char **error_r)
{
	int changes = 0;
	enum policy_status status = policy_run(policy, &changes, error_r,
					       "UPDATE mx2_domain SET list_serial = ?2"
					       " WHERE domain = ?1 AND list_serial < ?2",
					       "ti", domain, serial);

	if (status != POLICY_OK || changes > 0)
		return status;
	*error_r = xasprintf("%s: a list that is as new or newer is known already", domain);
	return POLICY_EXISTS;
}

enum policy_status policy_mx2_list_install(struct policy *policy, const char *domain,
					   int64_t serial, const char *const *addresses,
					   size_t count, char **error_r)
{
	char name[POLICY_NAME_MAX + 1];
	enum policy_status status = begin(policy, domain, name, error_r);

	if (status != POLICY_OK)
		return status;
	status = replace_recipients(policy, name, addresses, count, error_r);
	if (status == POLICY_OK)
		status = advance_serial(policy, name, serial, error_r);
	return policy_end(policy, status, error_r);
}

struct recipient_each {
	bool (*each)(void *context, const char *address);
	void *context;
};

static bool recipient_row(void *context, sqlite3_stmt *statement)
{
	struct recipient_each *each = context;

	return each->each(each->context, policy_column(statement, 0));
}

enum policy_status policy_mx2_recipient_list(struct policy *policy, const char *domain,
					     bool (*each)(void *context, const char *address),
					     void *context, char **error_r)
{
	struct recipient_each bound = {each, context};
	char name[POLICY_NAME_MAX + 1];

	if (policy_name_domain(domain, name, error_r) < 0)
		return POLICY_INVALID;
	return policy_rows(policy,
			   policy_prepare(policy, error_r,
					  "SELECT address FROM mx2_recipient WHERE domain = ?1"
					  " ORDER BY address",
					  "t", name),
			   recipient_row, &bound, error_r);
}
