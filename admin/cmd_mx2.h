/*
 * cmd_mx2.h - the actions of `shoveler mx2` that have files of their own.
 */
#ifndef SHOVELER_CMD_MX2_H
#define SHOVELER_CMD_MX2_H

#include "command.h"
#include "mx2/domains.h"

int mx2_postfix(struct admin *admin, int argc, char **argv);
int mx2_queue(struct admin *admin, int argc, char **argv);
int mx2_tend(struct admin *admin, int argc, char **argv);
int mx2_check(struct admin *admin, int argc, char **argv);
int mx2_export(struct admin *admin, int argc, char **argv);
int mx2_primary(struct admin *admin, int argc, char **argv);
int mx2_key(struct admin *admin, int argc, char **argv);
int mx2_sign(struct admin *admin, int argc, char **argv);
int mx2_push(struct admin *admin, int argc, char **argv);
int mx2_accept(struct admin *admin, int argc, char **argv);
int mx2_fetch(struct admin *admin, int argc, char **argv);

/* Where signed lists of recipients wait (mx2/inbox.h), malloc'ed. */
char *inbox_folder(struct admin *admin);
int make_inbox(struct admin *admin);
/*
 * Installs lists that came, fetches those that are due. EX_OK, or an exit code after the complaint.
 */
int take_lists(struct admin *admin);

/*
 * The policy store, and what it says of a domain. EX_OK, or an exit code after the complaint;
 * *policy_r is closed by the caller, whatever comes back.
 */
int open_domain(struct admin *admin, const char *domain, struct policy **policy_r,
		struct policy_mx2 *mx2_r);

/* EX_OK, or an exit code after the complaint. No policy store: no domains. */
int load_domains(struct admin *admin, struct mx2_domains *domains_r);
/* What postconf prints with these options for a name, malloc'ed; "" if it cannot be had. */
char *ask_postconf(struct admin *admin, const char *options, const char *name);
/* A setting of this host's Postfix, malloc'ed; "" if it cannot be had. */
char *postfix_setting(struct admin *admin, const char *name);

#endif
