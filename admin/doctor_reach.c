/*
 * doctor_reach.c - who must reach what: a folder above that is closed to a daemon, a secret of
 * another group, a socket that Postfix may not open. What root sees proves nothing, so a child
 * becomes the user and tries, as far as access(2) tells; lists of access (ACL) count.
 */
#include "doctor.h"
#include "probe.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MILTER, LDA, SPAMTRAIND, WEB };

#define POSTFIX	       P_COUNT /* as a user: Postfix's */
#define OUR_MAIN_CF    P_COUNT /* as a path: our main.cf */
#define ADVICE_OF_FILE "chmod a+r PATH"
#define OF_SOCKET      "chmod a+rw PATH"
#define OF_POSTFIX     "chgrp GROUP PATH; chmod g+rw PATH"
#define OF_FOLDER      "chown USER PATH; chmod u+rwx PATH"
#define OF_SPOOL       "chgrp GROUP PATH; chmod g+rwx PATH"
#define OF_SECRET                                                                                  \
	"adduser USER shoveler-secret; chgrp shoveler-secret PATH; chmod g+r PATH; "               \
	"systemctl restart shoveler-milter spamtraind"
#define OF_DOVECOT "mode = 0666 in Dovecot's unix_listener of it; doveadm reload"

/* Sorted by user, whose closed folder is said once. */
static const struct need {
	int service; /* index in services */
	enum conf_param user, path;
	const char *below; /* of path; "" itself */
	int mode;	   /* of access(2) */
	const char *mend;  /* USER, PATH and his GROUP are filled in */
} needs[] = {
	{MILTER, P_MILTER_USER, OUR_MAIN_CF, "", R_OK, ADVICE_OF_FILE},
	{MILTER, P_MILTER_USER, P_SUBMITTER_SECRET_FILE, "", R_OK, OF_SECRET},
	{MILTER, P_MILTER_USER, P_MILTER_DIRECTORY, "", W_OK | X_OK, OF_FOLDER},
	{MILTER, P_MILTER_USER, P_VIRUS_KEEP_DIRECTORY, "", W_OK | X_OK, OF_FOLDER},
	{MILTER, P_MILTER_USER, P_SCANNER_TEMP_DIRECTORY, "", W_OK | X_OK, OF_FOLDER},
	{MILTER, P_MILTER_USER, P_SCANNER_DATABASE_DIRECTORY, "", R_OK | X_OK, "chmod a+rx PATH"},
	{MILTER, P_MILTER_USER, P_SCANNER_LISTEN, "", W_OK, OF_SOCKET},
	{LDA, P_LDA_USER, OUR_MAIN_CF, "", R_OK, ADVICE_OF_FILE},
	{LDA, P_LDA_USER, P_USERS_DIRECTORY, "", R_OK | W_OK | X_OK, OF_FOLDER},
	{LDA, P_LDA_USER, P_LDA_NEXTHOP, "", W_OK, OF_DOVECOT},
	{SPAMTRAIND, P_LDA_USER, P_SUBMITTER_SECRET_FILE, "", R_OK, OF_SECRET},
	{SPAMTRAIND, P_LDA_USER, P_LINK_SECRET_FILE, "", R_OK, "chown USER PATH; chmod u+r PATH"},
	{SPAMTRAIND, P_LDA_USER, P_RETRAIN_SPOOL, "/new", R_OK | W_OK | X_OK, OF_FOLDER},
	{SPAMTRAIND, P_MAIL_USER, OUR_MAIN_CF, "", R_OK, ADVICE_OF_FILE},
	{SPAMTRAIND, P_MAIL_USER, P_RETRAIN_SPOOL, "/tmp", W_OK | X_OK, OF_SPOOL},
	{SPAMTRAIND, P_MAIL_USER, P_RETRAIN_SPOOL, "/new", W_OK | X_OK, OF_SPOOL},
	{WEB, P_WEB_USER, OUR_MAIN_CF, "", R_OK, ADVICE_OF_FILE},
	{WEB, P_WEB_USER, P_WEB_STATE_DIRECTORY, "", W_OK | X_OK, OF_FOLDER},
	{WEB, P_WEB_USER, P_SPAMTRAIND_LISTEN, "", W_OK, OF_SOCKET},
	{WEB, P_WEB_USER, P_WEB_AUTH_SOCKET, "", W_OK, OF_DOVECOT},
	{MILTER, POSTFIX, P_MILTER_LISTEN, "", W_OK, OF_POSTFIX},
	{LDA, POSTFIX, P_LDA_LISTEN, "", W_OK, OF_POSTFIX},
	{SPAMTRAIND, POSTFIX, P_TRAINING_LISTEN, "", W_OK, OF_POSTFIX},
};

/* ---- to try it ---- */

static bool is_denied(const char *path, int mode)
{
	return access(path, mode) < 0 && errno == EACCES;
}

/* In a child, which is the user then. */
static size_t try_as(const struct passwd *user, const char *path, int mode)
{
	char part[PATH_MAX];
	size_t size = strlen(path);

	if (size >= sizeof(part) || initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (is_denied(part, X_OK))
			return i;
	}
	return is_denied(path, mode) ? size : 0;
}

size_t doctor_closed_part(const struct passwd *user, const char *path, int mode)
{
	size_t closed = 0;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		closed = try_as(user, path, mode);
		_exit(write(fds[1], &closed, sizeof(closed)) != (ssize_t)sizeof(closed));
	}
	close(fds[1]);
	if (pid > 0 && read(fds[0], &closed, sizeof(closed)) != (ssize_t)sizeof(closed))
		closed = 0;
	close(fds[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return closed;
}

/* ---- what to say ---- */

/* Which of its bits count for the user: 'u', 'g' or 'o'. */
static char class_of(const struct passwd *user, const struct stat *st)
{
	gid_t groups[NGROUPS_MAX];
	int count = NGROUPS_MAX;

	if (st->st_uid == user->pw_uid)
		return 'u';
	if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		return 'o';
	for (int i = 0; i < count; i++) {
		if (groups[i] == st->st_gid)
			return 'g';
	}
	return 'o';
}

static void report_folder(struct doctor *doctor, const struct passwd *user, const char *path,
			  const char *folder)
{
	struct stat st;

	if (stat(folder, &st) < 0)
		return;
	doctor_report(doctor, FINDING_ERROR, "path-closed",
		      doctor_advice(doctor, "chmod %c+x %s", class_of(user, &st), folder),
		      "%s cannot reach %s: %s has mode %04o", user->pw_name, path, folder,
		      (unsigned)(st.st_mode & 07777));
}

/* The commands of a row; they belong to doctor, until the next. */
static const char *fill_in(struct doctor *doctor, const char *mend, const struct passwd *user,
			   const char *path)
{
	const struct group *group = getgrgid(user->pw_gid);
	const char *const words[][2] = {
		{"USER", user->pw_name},
		{"PATH", path},
		{"GROUP", group != NULL ? group->gr_name : user->pw_name},
	};
	struct strbuf text = STRBUF_INIT;
	const char *advice;

	while (*mend != '\0') {
		size_t i = 0;

		while (i < 3 && strncmp(mend, words[i][0], strlen(words[i][0])) != 0)
			i++;
		if (i < 3)
			strbuf_append_text(&text, words[i][1]);
		else
			strbuf_append_char(&text, *mend);
		mend += i < 3 ? strlen(words[i][0]) : 1;
	}
	advice = doctor_advice(doctor, "%s", strbuf_text(&text));
	strbuf_free(&text);
	return advice;
}

/* ---- the check ---- */

/* The file of a setting: of a socket its path. malloc'ed; NULL: there is none, or not here. */
static char *path_of(const struct conf *conf, const struct need *need)
{
	char *path, *real;
	const char *text;

	if (need->path == OUR_MAIN_CF) {
		path = xasprintf("%s/main.cf", conf_directory(conf));
	} else {
		text = conf_text(conf, need->path);
		if (strncmp(text, "inet:", 5) == 0)
			return NULL;
		path = xasprintf("%s%s", strncmp(text, "unix:", 5) == 0 ? text + 5 : text,
				 need->below);
	}
	/* What is missing, others tell; where a link leads counts. */
	real = realpath(path, NULL);
	free(path);
	return real;
}

static const struct passwd *user_of(struct doctor *doctor, const struct conf *conf,
				    const struct need *need)
{
	char *name = need->user == POSTFIX ? doctor_postconf(doctor, conf, "mail_owner")
					   : xstrdup(conf_text(conf, need->user));
	const struct passwd *user = name[0] != '\0' ? getpwnam(name) : NULL;

	free(name);
	return user;
}

/* A folder that is closed is said once for each user: last_r is the one before. */
static bool check_need(struct doctor *doctor, const struct conf *conf, const struct need *need,
		       char **last_r)
{
	const struct passwd *user = user_of(doctor, conf, need);
	char *path = user != NULL ? path_of(conf, need) : NULL, *folder = NULL, *key = NULL;
	size_t closed = path != NULL ? doctor_closed_part(user, path, need->mode) : 0;

	if (closed > 0 && closed < strlen(path)) {
		folder = xstrndup(path, closed);
		key = xasprintf("%s %s", user->pw_name, folder);
		if (*last_r == NULL || strcmp(*last_r, key) != 0)
			report_folder(doctor, user, path, folder);
		free(*last_r);
		*last_r = key;
		free(folder);
	} else if (closed > 0) {
		doctor_report(doctor, FINDING_ERROR, "path-closed",
			      fill_in(doctor, need->mend, user, path), "%s may not %s %s",
			      user->pw_name, (need->mode & W_OK) != 0 ? "write to" : "read", path);
	}
	free(path);
	return closed == 0;
}

void doctor_check_reach(struct doctor *doctor, const struct conf *conf)
{
	bool all = true;
	char *last = NULL;

	if (geteuid() != 0)
		return;
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (service_wanted(conf, &services[needs[i].service]))
			all = check_need(doctor, conf, &needs[i], &last) && all;
	}
	if (all)
		doctor_ok(doctor, "who needs a file or socket can reach it");
	free(last);
}
