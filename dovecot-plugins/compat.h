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

#endif
