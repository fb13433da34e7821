/*
 * policy.h - the policy store of a host, $state_directory/policy.sqlite: public trees and who
 * administers them, groups, domains that this host is a fallback MX for. No SQL outside schema/.
 *
 * SQLite with a rollback journal, so that a reader needs no more than read access to the file; mode
 * 0640, root and $policy_group. Written by the command `shoveler`, read by the Dovecot plugins and
 * by Postfix's own sqlite: maps (views mx2_postfix_*).
 *
 * A struct policy is used by one thread at a time; any number of processes may have the store open.
 * Whatever is not POLICY_OK comes with a malloc'ed *error_r of one line, freed by the caller. Names
 * are checked by the functions below and folded to lower case (trees and folders keep their case);
 * an argument that is no valid name is POLICY_INVALID.
 */
#ifndef SHOVELER_POLICY_H
#define SHOVELER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_NAME_MAX	     255 /* bytes of any name or address */
#define POLICY_FOLDER_LEVELS 16
#define POLICY_BUSY_MS	     5000 /* how long a lock is waited for */

enum policy_status {
	POLICY_OK = 0,
	POLICY_NOT_FOUND, /* no such store, tree, folder, group, member or domain */
	POLICY_EXISTS,	  /* it is there already */
	POLICY_INVALID,	  /* an argument is not valid; nothing was done */
	POLICY_FAILED /* no permission, locked for too long, disk full, damaged, newer than us */
};

struct policy;

enum policy_mode {
	POLICY_READ,  /* a store that does not exist is POLICY_NOT_FOUND */
	POLICY_CREATE /* for writing; made (with group's gid, if not -1) or upgraded if need be */
};

enum policy_status policy_open(const char *path, enum policy_mode mode, int64_t group,
			       struct policy **policy_r, char **error_r);
void policy_close(struct policy **policy); /* NULL is fine */

/* Did another connection write since the last call (or the opening)? Costs no more than a stat. */
bool policy_changed(struct policy *policy);

/* ---- names: 0, or -1 and *error_r; name_r holds POLICY_NAME_MAX + 1 bytes ---- */

/* user@domain, lower case: local part of atoms and dots, domain of letters, digits and hyphens. */
int policy_name_user(const char *text, char *name_r, char **error_r);
/* "staff", "$staff", "group:staff", "group=staff" -> "staff": letters, digits, '.', '_', '-'. */
int policy_name_group(const char *text, char *name_r, char **error_r);
/* "partner.test": at least two labels, no dot at the end. */
int policy_name_domain(const char *text, char *name_r, char **error_r);
/* "#Tree" or "#Tree/Folder/Sub": UTF-8 without control bytes; no level is empty, "." or "..". */
int policy_name_folder(const char *text, char *name_r, char **error_r);

/*
 * ---- public trees ----
 *
 * On disk: $public_directory/Tree (without '#'), owned by $mail_user, is a maildir location with
 * LAYOUT=fs:UTF-8, so that "#Tree/News/Old" is the Maildir $public_directory/Tree/News/Old. The
 * command `shoveler public` makes the folders; a deleted one is moved to
 * $public_directory/.deleted.
 */

/* A folder is "#Tree" or "#Tree/Path". Its parents are made too. */
enum policy_status policy_public_create(struct policy *policy, const char *folder, char **error_r);
/* With all folders below it. */
enum policy_status policy_public_delete(struct policy *policy, const char *folder, char **error_r);

struct policy_identifier {
	bool is_group;
	char name[POLICY_NAME_MAX + 1];
};

/* "alice@example.test" is a user; "$staff", "group:staff", "group=staff" a group. */
int policy_identifier_parse(const char *text, struct policy_identifier *identifier_r,
			    char **error_r);

/* A delegate administers the folder and all below it. The group must exist when it is added. */
enum policy_status policy_public_delegate(struct policy *policy, const char *folder,
					  const struct policy_identifier *identifier, bool add,
					  char **error_r);

struct policy_folder {
	const char *tree; /* "#MilkyPond" */
	const char *path; /* "News/Old"; "" for the tree itself */
	int64_t created;  /* seconds since 1970 */
};

/*
 * Parents before children, in order of name. each() returns false to stop; what it gets is valid
 * during the call. Other functions must not be called from within.
 */
enum policy_status policy_public_list(struct policy *policy,
				      bool (*each)(void *context,
						   const struct policy_folder *folder),
				      void *context, char **error_r);

/* The delegates of exactly this folder ("#Tree/Path"), or of all folders (NULL). */
enum policy_status policy_delegate_list(struct policy *policy, const char *folder,
					bool (*each)(void *context,
						     const struct policy_folder *folder,
						     const struct policy_identifier *delegate),
					void *context, char **error_r);

/* ---- groups: one exists as long as it has a member ---- */

enum policy_status policy_group_add(struct policy *policy, const char *group, const char *user,
				    char **error_r);
/* user NULL: all members. */
enum policy_status policy_group_remove(struct policy *policy, const char *group, const char *user,
				       char **error_r);
/* By group, then member. group NULL: all groups; user NULL: all members. */
enum policy_status policy_group_list(struct policy *policy, const char *group, const char *user,
				     bool (*each)(void *context, const char *group,
						  const char *member),
				     void *context, char **error_r);
/* POLICY_OK or POLICY_NOT_FOUND. */
enum policy_status policy_group_exists(struct policy *policy, const char *group, char **error_r);

/* ---- fallback MX ---- */

#define POLICY_RETENTION_DEFAULT (14 * 86400)
#define POLICY_LIST_KEY		 44 /* characters: the 32 bytes of an Ed25519 key in base64 */
#define POLICY_RETENTION_MAX	 (100 * 86400) /* Postfix: maximal_queue_lifetime is at most 100 d */

struct policy_mx2 {
	char domain[POLICY_NAME_MAX + 1];
	char primary[POLICY_NAME_MAX +
		     9];	 /* "[host]", "[host]:port"; "": the domain's MX records */
	int64_t retention;	 /* seconds */
	int64_t retention_until; /* seconds since 1970; 0: none */
	char tls[16];		 /* a level of Postfix's smtp_tls_policy_maps */
	char tls_match[1024];
	char tls_cafile[1024];
	char recipients[16]; /* "all", "list", "learned" */
	char contact[POLICY_NAME_MAX + 1];
	char refused[16];		    /* what the primary refuses: "hold", "drop", "bounce" */
	int64_t recipients_changed;	    /* seconds since 1970; 0: never. Written by the store */
	char list_key[POLICY_LIST_KEY + 1]; /* the primary signs its list of recipients; "": none */
	char list_url[1024];		    /* where that is fetched; "": it is sent by mail */
	int64_t list_serial; /* of the last list, ms since 1970; 0: none. Written by the store */
};

/* The defaults of a new domain. */
void policy_mx2_init(struct policy_mx2 *mx2);
/*
 * Sets one member from text: primary, retention (14d), until (2026-12-31 or "none"), tls, match,
 * cafile, recipients, contact, refused, key, url. Returns 0, or -1 and *error_r.
 */
int policy_mx2_set(struct policy_mx2 *mx2, const char *name, const char *value, char **error_r);
/* Do the members fit together? Called by policy_mx2_add() and policy_mx2_update() too. */
int policy_mx2_check(const struct policy_mx2 *mx2, char **error_r);

enum policy_status policy_mx2_add(struct policy *policy, const struct policy_mx2 *mx2,
				  char **error_r);
enum policy_status policy_mx2_update(struct policy *policy, const struct policy_mx2 *mx2,
				     char **error_r);
enum policy_status policy_mx2_get(struct policy *policy, const char *domain,
				  struct policy_mx2 *mx2_r, char **error_r);
/* With its recipients. */
enum policy_status policy_mx2_remove(struct policy *policy, const char *domain, char **error_r);
enum policy_status policy_mx2_list(struct policy *policy,
				   bool (*each)(void *context, const struct policy_mx2 *mx2),
				   void *context, char **error_r);

/* address: user@domain of the domain. Adding one twice, removing a missing one, are both fine. */
enum policy_status policy_mx2_recipient(struct policy *policy, const char *domain,
					const char *address, bool add, char **error_r);
/* All known recipients at once: what is not among the addresses is known no more. */
enum policy_status policy_mx2_recipient_replace(struct policy *policy, const char *domain,
						const char *const *addresses, size_t count,
						char **error_r);
/*
 * The same by a list that the primary has signed (mx2/list.h). POLICY_EXISTS: its serial is not
 * larger than that of the last one.
 */
enum policy_status policy_mx2_list_install(struct policy *policy, const char *domain,
					   int64_t serial, const char *const *addresses,
					   size_t count, char **error_r);
enum policy_status policy_mx2_recipient_list(struct policy *policy, const char *domain,
					     bool (*each)(void *context, const char *address),
					     void *context, char **error_r);

/* ---- what Postfix asks ---- */

/* The i-th view for Postfix and the parameter that names it; false behind the last. */
struct policy_map {
	const char *file;	 /* "mx2-transport.cf" */
	const char *view;	 /* SQL view with columns key and value */
	const char *parameter;	 /* "transport_maps"; "" if it belongs into a restriction */
	const char *restriction; /* "check_recipient_access", else NULL */
};
bool policy_map(size_t i, struct policy_map *map_r);

#endif
