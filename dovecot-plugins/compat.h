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

#endif
