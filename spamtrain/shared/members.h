/*
 * members.h - reading the dictionaries of a group's other members.
 *
 * Each user's lessons stay in his own store, also while he is in a group: what the group shares is
 * the sum of its members' dictionaries, taken when a message is judged. So nothing is written
 * twice, who joins brings his lessons and who leaves takes them along, and a store that cannot be
 * read is left out without harm to the others.
 *
 * Stores are opened for reading, which waits for no writer, and kept open as those of users are.
 * Functions may be called from any thread; a thread has at most one of the stores at a time and
 * waits for nothing else meanwhile.
 */
#ifndef SHOVELER_MEMBERS_H
#define SHOVELER_MEMBERS_H

#include "schema/dictionary.h"

struct members;

/* open_max: stores kept open, at least 1. */
struct members *members_new(const char *users_directory, size_t open_max);
void members_free(struct members **members);

/*
 * Calls visit() with the user's store, its dictionary up to date. A user without a store, or whose
 * store cannot be read (logged), is left out.
 */
void members_visit(struct members *members, const char *user,
		   void (*visit)(const struct store *store, void *context), void *context);

#endif
