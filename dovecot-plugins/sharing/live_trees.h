/*
 * live_trees.h - public trees that are made while a user is logged in.
 *
 * Before each IMAP command the policy store is looked at, at most once a second; a tree that is new
 * becomes a namespace of the session. One that was deleted stays as an empty namespace until the
 * next login: clients may hold folders of it.
 */
#ifndef SHOVELER_SHARING_LIVE_TREES_H
#define SHOVELER_SHARING_LIVE_TREES_H

struct module;

void live_trees_init(struct module *module);
void live_trees_deinit(void);

#endif
