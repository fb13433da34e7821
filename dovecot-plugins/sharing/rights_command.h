/*
 * rights_command.h - IMAP ACL commands on what imap_acl does not know:
 *
 * - the root of a public tree, "#MilkyPond": its rights are those of all folders in it that have
 *   none of their own, and new folders begin with them. SETACL, DELETEACL, GETACL, MYRIGHTS.
 * - a folder with all that exist below it, named by a slash and an asterisk behind it: SETACL,
 *   DELETEACL. It changes those folders that the user sees and may administer, and says how many.
 */
#ifndef SHOVELER_SHARING_RIGHTS_COMMAND_H
#define SHOVELER_SHARING_RIGHTS_COMMAND_H

#include <stdbool.h>

struct client_command_context;
struct mail_namespace;

struct rights_target {
	struct mail_namespace *ns;
	const char *vname; /* "Projects", or the namespace's prefix without the separator */
	bool root;	   /* of a public tree */
	bool below;	   /* with all below it */
};

/* Is it one of these? vname: as from client_find_namespace(). */
bool rights_target_find(struct mail_namespace *ns, const char *vname,
			struct rights_target *target_r);

/*
 * These answer the command. name: as the client wrote it; identifier: identifier_fold()ed and
 * checked; rights: NULL removes the entry.
 */
void rights_command_set(struct client_command_context *cmd, const struct rights_target *target,
			const char *identifier, const char *rights);
void rights_command_get(struct client_command_context *cmd, const struct rights_target *target,
			const char *name);
void rights_command_mine(struct client_command_context *cmd, const struct rights_target *target,
			 const char *name);

#endif
