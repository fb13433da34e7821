/*
 * act_as.h - root works with somebody else's files as that somebody, so that neither a link leads
 * it astray nor a file it makes stays root's.
 */
#ifndef SHOVELER_ACT_AS_H
#define SHOVELER_ACT_AS_H

/*
 * The effective uid and gid of a system user; nothing when we are not root. 0, or -1 and *error_r.
 */
int act_as(const char *user, char **error_r);

/* Back; also after an act_as() that failed. */
void act_as_self(void);

#endif
