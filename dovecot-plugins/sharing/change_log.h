/*
 * change_log.h - a line in Dovecot's log for each change of rights: who, where, for whom, before,
 * after. "shoveler: rights changed: by=<bob@example.test>, folder=<Projects>, owner=<...>,
 * for=<user=alice@example.test>, before=<>, after=<lookup read>". The rights are those of the
 * entry; the prefix that Dovecot gives the line has service, process and session. What doveadm
 * changes is by=<doveadm>; run from a shell, it says so there, and in our log (log_destination).
 */
#ifndef SHOVELER_SHARING_CHANGE_LOG_H
#define SHOVELER_SHARING_CHANGE_LOG_H

struct acl_object;
struct acl_rights;
struct mail_namespace;

/* "lookup read -admin" of the entry as it stands now; "" if there is none. On the data stack. */
const char *change_log_entry(struct acl_object *object, const struct acl_rights *entry);

/* Nothing is written when both are equal. */
void change_log_write(struct acl_object *object, const struct acl_rights *entry, const char *before,
		      const char *after);

/* The folder as the user sees it; name: as in storage, "" for the namespace itself. */
const char *change_log_folder(struct mail_namespace *ns, const char *name);

#endif
