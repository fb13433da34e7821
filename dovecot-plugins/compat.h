/*
 * compat.h - every line of the plugins that depends on the version of Dovecot (2.3 and 2.4).
 *
 * Includes Dovecot's config.h first, as all its headers need, so that a plugin's file starts with
 * this one. Nothing else of the tree may ask for the version.
 */
#ifndef SHOVELER_COMPAT_H
#define SHOVELER_COMPAT_H

#include <config.h>
#include <lib.h>

#include <mail-storage-private.h>

/* Modules hide all symbols but those that Dovecot looks for. */
#define PLUGIN_EXPORT __attribute__((visibility("default")))

#if !DOVECOT_PREREQ(2, 3, 0)
#error "Dovecot 2.3 or newer is needed"
#endif

/*
 * doveadm commands: 2.3 hands positional arguments to init(), and asks parse_arg() whether it may
 * keep an option; 2.4 leaves all to doveadm_cmd_param_*(), which 2.3 knows too.
 */
#if DOVECOT_PREREQ(2, 4, 0)
#define COMPAT_DOVEADM_INIT(name, ctx)	   static void name(struct doveadm_mail_cmd_context *ctx)
#define compat_doveadm_accept_options(ctx) ((void)(ctx))
#else
#define COMPAT_DOVEADM_INIT(name, ctx)                                                             \
	static void name(struct doveadm_mail_cmd_context *ctx, const char *const args[] ATTR_UNUSED)
struct doveadm_mail_cmd_context;
static inline bool compat_doveadm_parse_arg(struct doveadm_mail_cmd_context *ctx ATTR_UNUSED,
					    int c ATTR_UNUSED)
{
	return TRUE;
}
#define compat_doveadm_accept_options(ctx) ((ctx)->v.parse_arg = compat_doveadm_parse_arg)
#endif

/*
 * Namespaces that a plugin adds in mail_user_created, see sharing/. Each returns 0, also when the
 * namespace is there already; or -1 and *error_r, and nothing was changed. The separator must be
 * "/" everywhere: names of users and folders hold dots.
 */
#if DOVECOT_PREREQ(2, 4, 0)
#include "compat_namespace_24.h"
#else
#include "compat_namespace_23.h"
#endif

/*
 * What the acl plugin keeps to itself: the functions of its backends, the groups of the user, and
 * the index of who shares with whom.
 */
#if DOVECOT_PREREQ(2, 4, 0)
#include "compat_acl_24.h"
#else
#include "compat_acl_23.h"
#endif

/* The function of a mailbox list that finds the storage of a mailbox by its name. */
#if DOVECOT_PREREQ(2, 4, 0)
#define COMPAT_LIST_GET_STORAGE(name)                                                              \
	static int name(struct mailbox_list **list, const char **_vname,                           \
			enum mailbox_list_get_storage_flags flags,                                 \
			struct mail_storage **storage_r)
#define compat_list_vname		 (*_vname)
#define compat_super_list_get_storage(v) ((v).get_storage(list, _vname, flags, storage_r))
#else
#define COMPAT_LIST_GET_STORAGE(name)                                                              \
	static int name(struct mailbox_list **list, const char *_vname,                            \
			struct mail_storage **storage_r)
#define compat_list_vname		 _vname
#define compat_super_list_get_storage(v) ((v).get_storage(list, _vname, storage_r))
#endif

/* The member of struct auth_user_info that names the protocol. */
#if DOVECOT_PREREQ(2, 4, 0)
#define compat_auth_set_protocol(info, user) ((info)->protocol = (user)->protocol)
#else
#define compat_auth_set_protocol(info, user) ((info)->service = (user)->service)
#endif

#endif
