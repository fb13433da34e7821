/*
 * queue.h - committed corrections of a user on their way into the spool.
 *
 * They are written after the command was answered, a few milliseconds at a time, so that moving a
 * whole folder delays neither this command nor the next; and all of them before the session ends.
 */
#ifndef SHOVELER_RETRAIN_QUEUE_H
#define SHOVELER_RETRAIN_QUEUE_H

struct mail_user;
struct pending;

/* For the hook mail_user_created. */
void queue_user_created(struct mail_user *user);

/* Takes pending over. What cannot be written is lost and logged, in one line. */
void queue_add(struct mail_user *user, struct pending *pending);

#endif
