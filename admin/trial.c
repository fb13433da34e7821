#include "trial.h"

#include "lib/xalloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* ) "/" "Junk E-mail" */
static char *name_behind(const char *flags)
{
	const char *name = strchr(flags, ')');
	size_t size = 0;

	if (name == NULL)
		return NULL;
	/* Behind the separator, which is a character in quotes or NIL. */
	name += strspn(name, ") ");
	name = *name == '"' ? strstr(name + 1, "\" ") : strchr(name, ' ');
	name = name == NULL ? NULL : strchr(name, ' ') + 1;
	if (name == NULL || *name == '{')
		return NULL;
	if (*name != '"')
		return xstrndup(name, strcspn(name, " \r\n"));
	for (name++; name[size] != '"'; size++) {
		if (name[size] == '\\')
			size++;
		if (name[size] == '\0' || name[size] == '\r')
			return NULL;
	}
	return xstrndup(name, size);
}

char *trial_junk_name(const char *answer)
{
	const char *found = strcasestr(answer, "\\Junk");

	return found != NULL ? name_behind(found) : NULL;
}

char *trial_folder_name(const char *line)
{
	const char *end = strchr(line, ')');
	struct span flags = {line, end != NULL ? (size_t)(end - line) : 0};

	if (strncmp(line, "* LIST (", 8) != 0 || end == NULL ||
	    memmem(flags.data, flags.size, "\\No", 3) != NULL)
		return NULL;
	return name_behind(end);
}

/* Others' folders are theirs, and public ones everybody's. */
static void add_folder(struct trial *trial, char *name)
{
	const char *shared = conf_text(trial->conf, P_SHARED_NAMESPACE);
	bool own =
		name[0] != '#' && (shared[0] == '\0' || strncmp(name, shared, strlen(shared)) != 0);

	for (size_t i = 0; i < trial->count; i++)
		own = own && strcmp(trial->folders[i], name) != 0;
	if (own && trial->count < TRIAL_FOLDERS_MAX)
		trial->folders[trial->count++] = name;
	else
		free(name);
}

int trial_find_folders(struct trial *trial, char **error_r)
{
	const char *line;

	if (imap_session_command(trial->session, &line, error_r, "LIST \"\" \"*\"") < 0)
		return -1;
	for (; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		char *name;

		line += *line == '\n';
		name = trial_folder_name(line);
		if (name != NULL)
			add_folder(trial, name);
	}
	return 0;
}

static int find_junk(struct trial *trial, char **error_r)
{
	const char *answer;

	if (imap_session_command(trial->session, &answer, error_r,
				 "LIST (SPECIAL-USE) \"\" \"*\"") < 0)
		return -1;
	trial->junk = trial_junk_name(answer);
	if (trial->junk == NULL)
		trial->junk = xstrdup(conf_list(trial->conf, P_JUNK_FOLDERS)[0] != NULL
					      ? conf_list(trial->conf, P_JUNK_FOLDERS)[0]
					      : "Junk");
	return 0;
}

/* Selects the folder, and appends the UIDs of what has that in its subject: "7,9" or "". */
static int search(const struct trial *trial, const char *folder, const char *subject,
		  struct strbuf *uids, char **error_r)
{
	const char *answer, *numbers;

	if (imap_session_command(trial->session, &answer, error_r, "SELECT \"%s\"", folder) < 0 ||
	    imap_session_command(trial->session, &answer, error_r,
				 "UID SEARCH HEADER Subject \"%s\" HEADER Message-ID \"<%s\"",
				 subject, subject) < 0)
		return -1;
	numbers = strstr(answer, "* SEARCH");
	numbers = numbers != NULL ? numbers + strlen("* SEARCH") : "";
	for (; isdigit((unsigned char)*numbers) || *numbers == ' '; numbers++) {
		if (*numbers != ' ')
			strbuf_append_char(uids, *numbers);
		else if (uids->size > 0)
			strbuf_append_char(uids, ',');
	}
	return 0;
}

static void sweep(const struct trial *trial, const char *folder)
{
	struct strbuf uids = STRBUF_INIT;
	const char *answer;
	char *error = NULL;

	if (search(trial, folder, TRIAL_SUBJECT, &uids, &error) == 0 && uids.size > 0 &&
	    imap_session_command(trial->session, &answer, &error,
				 "UID STORE %s +FLAGS.SILENT (\\Deleted)", strbuf_text(&uids)) == 0)
		(void)imap_session_command(trial->session, &answer, &error, "UID EXPUNGE %s",
					   strbuf_text(&uids));
	free(error);
	strbuf_free(&uids);
}

/* INBOX last: what is selected then is what was before. */
static void sweep_all(const struct trial *trial)
{
	for (size_t i = trial->count; i > 0; i--)
		sweep(trial, trial->folders[i - 1]);
}

int trial_begin(struct trial *trial, const struct conf *conf, const char *user, char **error_r)
{
	long long now = (long long)time(NULL);

	*trial = (struct trial){.conf = conf, .user = user};
	trial->subject = xasprintf(TRIAL_SUBJECT "%lld-%ld", now, (long)getpid());
	trial->virus = xasprintf(TRIAL_SUBJECT "virus-%lld-%ld", now, (long)getpid());
	if (imap_session_open(user, &trial->session, error_r) < 0 || find_junk(trial, error_r) < 0)
		return -1;
	add_folder(trial, xstrdup("INBOX"));
	add_folder(trial, xstrdup(trial->junk));
	if (trial_find_folders(trial, error_r) < 0)
		return -1;
	sweep_all(trial);
	return 0;
}

void trial_end(struct trial *trial)
{
	sweep_all(trial);
	if (trial->session != NULL)
		imap_session_close(&trial->session);
	for (size_t i = 0; i < trial->count; i++)
		free(trial->folders[i]);
	free(trial->subject);
	free(trial->virus);
	free(trial->junk);
	free(trial->signature);
}

/* The 68 bytes of eicar.org, in base64: so that no scanner finds them in this program. */
static const char eicar_base64[] =
	"WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFO\r\n"
	"VElWSVJVUy1URVNULUZJTEUhJEgrSCo=\r\n";

void trial_write(const struct trial *trial, bool eicar, struct strbuf *out)
{
	const char *subject = eicar ? trial->virus : trial->subject;
	char *host = conf_hostname(trial->conf), date[64];
	time_t now = time(NULL);
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
	strbuf_printf(out,
		      "From: shoveler doctor <postmaster@%s>\r\nTo: <%s>\r\nSubject: %s\r\n"
		      "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n"
		      "MIME-Version: 1.0\r\nContent-Type: %s\r\n\r\n",
		      host, trial->user, subject, date, subject, host,
		      eicar ? "multipart/mixed; boundary=doctor" : "text/plain");
	if (eicar)
		strbuf_printf(out,
			      "--doctor\r\nContent-Type: text/plain\r\n\r\n"
			      "shoveler doctor looks whether this is found.\r\n"
			      "--doctor\r\nContent-Type: application/octet-stream; "
			      "name=eicar.com\r\nContent-Transfer-Encoding: base64\r\n\r\n"
			      "%s--doctor--\r\n",
			      eicar_base64);
	else
		strbuf_append_text(out,
				   "shoveler doctor sends this message, moves it to Junk and back, "
				   "and deletes it.\r\n");
	free(host);
}

int trial_append(const struct trial *trial, char **error_r)
{
	struct strbuf message = STRBUF_INIT;
	const char *answer;
	int ret;

	trial_write(trial, false, &message);
	ret = imap_session_command(trial->session, &answer, error_r, "APPEND INBOX {%zu+}\r\n%s",
				   message.size, strbuf_text(&message));
	strbuf_free(&message);
	return ret;
}

int trial_find(const struct trial *trial, const char *folder, const char *subject,
	       unsigned long *uid_r, char **error_r)
{
	struct strbuf uids = STRBUF_INIT;
	int ret = search(trial, folder, subject, &uids, error_r);

	*uid_r = strtoul(strbuf_text(&uids), NULL, 10);
	strbuf_free(&uids);
	return ret;
}

int trial_fields(const struct trial *trial, unsigned long uid, const char *names, char **fields_r,
		 char **error_r)
{
	const char *answer;

	if (imap_session_command(trial->session, &answer, error_r,
				 "UID FETCH %lu (BODY.PEEK[HEADER.FIELDS (%s)])", uid, names) < 0)
		return -1;
	*fields_r = xstrdup(answer);
	return 0;
}

int trial_move(const struct trial *trial, const char *from, const char *to, char **error_r)
{
	const char *answer;
	unsigned long uid;

	if (trial_find(trial, from, trial->subject, &uid, error_r) < 0)
		return -1;
	if (uid == 0) {
		*error_r = xasprintf("the message is not in %s", from);
		return -1;
	}
	if (imap_session_command(trial->session, &answer, error_r, "UID MOVE %lu \"%s\"", uid,
				 to) == 0)
		return 0;
	/* Where Dovecot does not make Junk by itself, the user's mail program does, as we do here. */
	if (strstr(*error_r, "[TRYCREATE]") == NULL)
		return -1;
	free(*error_r);
	*error_r = NULL;
	if (imap_session_command(trial->session, &answer, error_r, "CREATE \"%s\"", to) < 0)
		return -1;
	return imap_session_command(trial->session, &answer, error_r, "UID MOVE %lu \"%s\"", uid,
				    to);
}
