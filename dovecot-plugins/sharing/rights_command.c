#include "compat.h"

#include <imap-common.h>

#include "rights_command.h"

#include <imap-commands.h>
#include <imap-quote.h>
#include <imap-resp-code.h>
#include <mail-namespace.h>
#include <mailbox-list-iter.h>
#include <str.h>

#define CHILDREN "/*"
#define NOT_ADMIN                                                                                  \
	"NO [" IMAP_RESP_CODE_NOPERM "] You lack administrator privileges on this mailbox."

static const struct {
	char letter;
	const char *name;
} letters[] = {
	{'l', MAIL_ACL_LOOKUP},	    {'r', MAIL_ACL_READ},	   {'w', MAIL_ACL_WRITE},
	{'s', MAIL_ACL_WRITE_SEEN}, {'t', MAIL_ACL_WRITE_DELETED}, {'i', MAIL_ACL_INSERT},
	{'p', MAIL_ACL_POST},	    {'e', MAIL_ACL_EXPUNGE},	   {'k', MAIL_ACL_CREATE},
	{'x', MAIL_ACL_DELETE},	    {'a', MAIL_ACL_ADMIN},
};

/* ---- what is meant ---- */

static bool is_prefix(const struct mail_namespace *ns, const char *vname)
{
	size_t size = strlen(vname);

	return ns->prefix_len > 1 &&
	       (strcmp(vname, ns->prefix) == 0 ||
		(size == ns->prefix_len - 1 && strncmp(vname, ns->prefix, size) == 0));
}

static bool exists(struct mail_namespace *ns, const char *vname)
{
	struct mailbox *box =
		mailbox_alloc(ns->list, vname, MAILBOX_FLAG_READONLY | MAILBOX_FLAG_IGNORE_ACLS);
	enum mailbox_existence existence;
	bool found =
		mailbox_exists(box, FALSE, &existence) == 0 && existence != MAILBOX_EXISTENCE_NONE;

	mailbox_free(&box);
	return found;
}

bool rights_target_find(struct mail_namespace *ns, const char *vname,
			struct rights_target *target_r)
{
	struct acl_mailbox_list *alist = ACL_LIST_CONTEXT(ns->list);
	size_t size = strlen(vname), suffix = strlen(CHILDREN);

	i_zero(target_r);
	if (alist == NULL || alist->rights.backend == NULL ||
	    mail_namespace_is_shared_user_root(ns) || mail_namespace_get_sep(ns) != '/')
		return FALSE;
	target_r->ns = ns;
	target_r->vname = vname;
	if (size > suffix && strcmp(vname + size - suffix, CHILDREN) == 0 && !exists(ns, vname)) {
		target_r->below = TRUE;
		target_r->vname = t_strndup(vname, size - suffix);
	}
	if (is_prefix(ns, target_r->vname)) {
		target_r->root = ns->type == MAIL_NAMESPACE_TYPE_PUBLIC;
		target_r->vname = t_strndup(ns->prefix, ns->prefix_len - 1);
	}
	return target_r->root || target_r->below;
}

/* ---- rights and identifiers ---- */

/* "c" and "d" are those of RFC 2086. */
static int parse_rights(const char *text, const char *const **rights_r)
{
	ARRAY_TYPE(const_string) names;

	t_array_init(&names, 16);
	for (; *text != '\0'; text++) {
		bool known = *text == 'c' || *text == 'd';

		for (unsigned int i = 0; i < N_ELEMENTS(letters); i++) {
			char letter = letters[i].letter;

			if (letter == *text || (*text == 'c' && (letter == 'k' || letter == 'x')) ||
			    (*text == 'd' && (letter == 't' || letter == 'e'))) {
				array_push_back(&names, &letters[i].name);
				known = TRUE;
			}
		}
		if (!known)
			return -1;
	}
	array_append_zero(&names);
	*rights_r = array_front(&names);
	return 0;
}

static void parse_identifier(const char *text, struct acl_rights *rights_r)
{
	if (strcmp(text, "anyone") == 0 || strcmp(text, "anonymous") == 0) {
		rights_r->id_type = ACL_ID_ANYONE;
	} else if (strcmp(text, "authenticated") == 0) {
		rights_r->id_type = ACL_ID_AUTHENTICATED;
	} else if (strcmp(text, "owner") == 0) {
		rights_r->id_type = ACL_ID_OWNER;
	} else if (text[0] == '$') {
		rights_r->id_type = ACL_ID_GROUP;
		rights_r->identifier = text + 1;
	} else if (text[0] == '!' && text[1] == '$') {
		rights_r->id_type = ACL_ID_GROUP_OVERRIDE;
		rights_r->identifier = text + 2;
	} else {
		rights_r->id_type = ACL_ID_USER;
		rights_r->identifier = text;
	}
}

/* "$staff" */
static const char *identifier_text(const struct acl_rights *rights)
{
	switch (rights->id_type) {
	case ACL_ID_ANYONE:
		return "anyone";
	case ACL_ID_AUTHENTICATED:
		return "authenticated";
	case ACL_ID_OWNER:
		return "owner";
	case ACL_ID_GROUP:
		return t_strconcat("$", rights->identifier, NULL);
	case ACL_ID_GROUP_OVERRIDE:
		return t_strconcat("!$", rights->identifier, NULL);
	case ACL_ID_USER:
	case ACL_ID_TYPE_COUNT:
		break;
	}
	return rights->identifier;
}

static enum acl_modify_mode parse_mode(const char **rights)
{
	switch (**rights) {
	case '+':
		++*rights;
		return ACL_MODIFY_MODE_ADD;
	case '-':
		++*rights;
		return ACL_MODIFY_MODE_REMOVE;
	default:
		return ACL_MODIFY_MODE_REPLACE;
	}
}

static int parse_update(const char *identifier, const char *rights,
			struct acl_rights_update *update_r, const char **reason_r)
{
	bool negative = *identifier == '-';
	enum acl_modify_mode mode = rights == NULL ? ACL_MODIFY_MODE_CLEAR : parse_mode(&rights);
	const char *const *names = NULL;

	i_zero(update_r);
	parse_identifier(negative ? identifier + 1 : identifier, &update_r->rights);
	if (rights != NULL && parse_rights(rights, &names) < 0) {
		*reason_r = "BAD Invalid ACL right.";
		return -1;
	}
	*(negative ? &update_r->neg_modify_mode : &update_r->modify_mode) = mode;
	*(negative ? &update_r->rights.neg_rights : &update_r->rights.rights) = names;
	return 0;
}

/* ---- the root of a tree ---- */

static struct acl_object *root_object(const struct rights_target *target)
{
	struct acl_mailbox_list *alist = ACL_LIST_CONTEXT(target->ns->list);

	return acl_object_init_from_name(alist->rights.backend, "");
}

/* 1, 0 if the user may not, -1 on errors. */
static int may_administer(struct acl_object *object)
{
	return acl_object_have_right(object,
				     acl_backend_lookup_right(object->backend, MAIL_ACL_ADMIN));
}

static int update_root(const struct rights_target *target, const struct acl_rights_update *update)
{
	struct acl_object *object = root_object(target);
	int ret = may_administer(object);

	if (ret > 0)
		ret = acl_object_update(object, update) < 0 ? -1 : 1;
	acl_object_deinit(&object);
	return ret;
}

/* ---- folders ---- */

static int update_box(struct mailbox *box, const struct acl_rights_update *update)
{
	struct mailbox_transaction_context *t;
	enum mailbox_existence existence;
	int ret;

	if (mailbox_exists(box, TRUE, &existence) < 0)
		return -1;
	if (existence != MAILBOX_EXISTENCE_SELECT)
		return 0;
	ret = acl_mailbox_right_lookup(box, ACL_STORAGE_RIGHT_ADMIN);
	if (ret <= 0)
		return ret;
	if (mailbox_open(box) < 0)
		return -1;
	t = mailbox_transaction_begin(box, MAILBOX_TRANSACTION_FLAG_EXTERNAL, __func__);
	ret = acl_mailbox_update_acl(t, update);
	if (mailbox_transaction_commit(&t) < 0)
		ret = -1;
	return ret < 0 ? -1 : 1;
}

/* 1, 0 if the user may not, -1 on errors. */
static int update_folder(struct mail_namespace *ns, const char *vname,
			 const struct acl_rights_update *update)
{
	struct mailbox *box =
		mailbox_alloc(ns->list, vname, MAILBOX_FLAG_READONLY | MAILBOX_FLAG_IGNORE_ACLS);
	int ret = update_box(box, update);

	mailbox_free(&box);
	return ret;
}

/* Those below the target that the user sees. */
static int list_below(const struct rights_target *target, pool_t pool,
		      ARRAY_TYPE(const_string) * vnames)
{
	const char *prefix = t_strconcat(target->vname, "/", NULL), *vname;
	struct mailbox_list_iterate_context *iter =
		mailbox_list_iter_init(target->ns->list, t_strconcat(prefix, "*", NULL),
				       MAILBOX_LIST_ITER_RETURN_NO_FLAGS);
	const struct mailbox_info *info;

	while ((info = mailbox_list_iter_next(iter)) != NULL) {
		/* the name may have signs that match others, too */
		if (strncmp(info->vname, prefix, strlen(prefix)) != 0 ||
		    (info->flags & MAILBOX_NONEXISTENT) != 0)
			continue;
		vname = p_strdup(pool, info->vname);
		array_push_back(vnames, &vname);
	}
	return mailbox_list_iter_deinit(&iter);
}

struct outcome {
	unsigned int changed, refused, failed;
};

static void count(struct outcome *outcome, int ret)
{
	if (ret > 0)
		outcome->changed++;
	else if (ret == 0)
		outcome->refused++;
	else
		outcome->failed++;
}

static void update_below(const struct rights_target *target, const struct acl_rights_update *update,
			 struct outcome *outcome)
{
	ARRAY_TYPE(const_string) vnames;
	pool_t pool = pool_alloconly_create("shoveler folders", 1024);
	const char *vname;

	p_array_init(&vnames, pool, 16);
	if (list_below(target, pool, &vnames) < 0)
		outcome->failed++;
	array_foreach_elem(&vnames, vname)
	{
		T_BEGIN
		{
			count(outcome, update_folder(target->ns, vname, update));
		}
		T_END;
	}
	pool_unref(&pool);
}

/* ---- commands ---- */

void rights_command_set(struct client_command_context *cmd, const struct rights_target *target,
			const char *identifier, const char *rights)
{
	struct acl_rights_update update;
	struct outcome outcome = {0, 0, 0};
	const char *reason;

	if (parse_update(identifier, rights, &update, &reason) < 0) {
		client_send_tagline(cmd, reason);
		return;
	}
	if (update.rights.id_type == ACL_ID_OWNER && target->ns->owner == NULL) {
		client_send_tagline(cmd, "NO [" IMAP_RESP_CODE_CANNOT
					 "] Public namespaces have no owner.");
		return;
	}
	if (target->root)
		count(&outcome, update_root(target, &update));
	else if (!is_prefix(target->ns, target->vname))
		count(&outcome, update_folder(target->ns, target->vname, &update));
	if (target->below)
		update_below(target, &update, &outcome);
	if (outcome.failed > 0)
		reason = "NO [" IMAP_RESP_CODE_UNAVAILABLE "] Not all rights could be changed.";
	else if (outcome.changed == 0)
		reason = NOT_ADMIN;
	else
		reason = t_strdup_printf("OK Rights changed: folders=%u, not allowed=%u.",
					 outcome.changed, outcome.refused);
	client_send_tagline(cmd, reason);
}

/* With "c" and "d", which old clients look for (RFC 4314, section 2.1.1). */
static void append_rights(string_t *line, const char *const *rights)
{
	size_t before = str_len(line);
	bool c = FALSE, d = FALSE;

	for (unsigned int i = 0; i < N_ELEMENTS(letters); i++) {
		char letter = letters[i].letter;

		if (!str_array_find(rights, letters[i].name))
			continue;
		str_append_c(line, letter);
		c = c || letter == 'k' || letter == 'x';
		d = d || letter == 't' || letter == 'e';
	}
	if (c)
		str_append_c(line, 'c');
	if (d)
		str_append_c(line, 'd');
	if (str_len(line) == before)
		str_append(line, "\"\"");
}

static void append_entry(string_t *line, const char *sign, const struct acl_rights *entry,
			 const char *const *rights)
{
	if (rights == NULL)
		return;
	str_append_c(line, ' ');
	imap_append_astring(
		line, t_strconcat(sign, entry->global ? "#" : "", identifier_text(entry), NULL));
	str_append_c(line, ' ');
	append_rights(line, rights);
}

static int append_entries(string_t *line, struct acl_object *object)
{
	struct acl_object_list_iter *iter = acl_object_list_init(object);
	struct acl_rights entry;

	while (acl_object_list_next(iter, &entry)) {
		append_entry(line, "", &entry, entry.rights);
		append_entry(line, "-", &entry, entry.neg_rights);
	}
	return acl_object_list_deinit(&iter);
}

void rights_command_get(struct client_command_context *cmd, const struct rights_target *target,
			const char *name)
{
	struct acl_object *object = root_object(target);
	string_t *line = t_str_new(256);
	int ret = may_administer(object);

	str_append(line, "* ACL ");
	imap_append_astring(line, name);
	if (ret > 0 && append_entries(line, object) < 0)
		ret = -1;
	acl_object_deinit(&object);
	if (ret > 0)
		client_send_line(cmd->client, str_c(line));
	client_send_tagline(cmd, ret > 0    ? "OK Getacl completed."
				 : ret == 0 ? NOT_ADMIN
					    : "NO [" IMAP_RESP_CODE_UNAVAILABLE
					      "] The rights cannot be read now.");
}

void rights_command_mine(struct client_command_context *cmd, const struct rights_target *target,
			 const char *name)
{
	struct acl_object *object = root_object(target);
	string_t *line = t_str_new(128);
	const char *const *rights;
	int ret = acl_object_get_my_rights(object, pool_datastack_create(), &rights);

	acl_object_deinit(&object);
	if (ret < 0) {
		client_send_tagline(cmd, "NO [" IMAP_RESP_CODE_UNAVAILABLE
					 "] The rights cannot be read now.");
	} else if (*rights == NULL) {
		client_send_tagline(cmd, t_strdup_printf("NO [" IMAP_RESP_CODE_NONEXISTENT
							 "] " MAIL_ERRSTR_MAILBOX_NOT_FOUND,
							 name));
	} else {
		str_append(line, "* MYRIGHTS ");
		imap_append_astring(line, name);
		str_append_c(line, ' ');
		append_rights(line, rights);
		client_send_line(cmd->client, str_c(line));
		client_send_tagline(cmd, "OK Myrights completed.");
	}
}
