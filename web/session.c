#include "web/session.h"

#include "lib/file.h"
#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION	    "1"
#define FIELDS	    9  /* of a token */
#define STALE_PART  6  /* issued again after a sixth of the idle time */
#define NUMBER_SIZE 24 /* bytes of a generation file that are read */
#define UNREADABLE  (~0ULL)

struct session_keeper {
	struct secret secret;
	time_t idle, lifetime;
	char *ended, *generations; /* folders */
	pthread_mutex_t lock;	   /* of generation files */
};

static int make_folder(const char *path, char **error_r)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	*error_r = xasprintf("cannot make %s: %s", path, strerror(errno));
	return -1;
}

int session_keeper_open(const char *directory, time_t idle_seconds, time_t lifetime_seconds,
			struct session_keeper **keeper_r, char **error_r)
{
	struct session_keeper *keeper = xcalloc(1, sizeof(*keeper));
	char *path = xasprintf("%s/secret", directory);

	keeper->idle = idle_seconds;
	keeper->lifetime = lifetime_seconds;
	keeper->ended = xasprintf("%s/ended", directory);
	keeper->generations = xasprintf("%s/generation", directory);
	pthread_mutex_init(&keeper->lock, NULL);
	if (make_folder(keeper->ended, error_r) < 0 ||
	    make_folder(keeper->generations, error_r) < 0 ||
	    secret_open(path, &keeper->secret, error_r) < 0)
		session_keeper_close(&keeper);
	free(path);
	*keeper_r = keeper;
	return keeper != NULL ? 0 : -1;
}

void session_keeper_close(struct session_keeper **keeper)
{
	if (*keeper == NULL)
		return;
	pthread_mutex_destroy(&(*keeper)->lock);
	free((*keeper)->ended);
	free((*keeper)->generations);
	free(*keeper);
	*keeper = NULL;
}

static char *generation_path(const struct session_keeper *keeper, const char *user)
{
	struct strbuf path = STRBUF_INIT;

	strbuf_printf(&path, "%s/", keeper->generations);
	address_escape(&path, span_of(user));
	return strbuf_steal(&path);
}

/* 0 for most users, who never signed out everywhere. UNREADABLE: which nobody has. */
static unsigned long long read_generation(const struct session_keeper *keeper, const char *user)
{
	char *path = generation_path(keeper, user), digits[NUMBER_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned long long generation = UNREADABLE;
	ssize_t size;

	if (fd < 0 && errno == ENOENT) {
		generation = 0;
	} else if (fd >= 0) {
		size = read(fd, digits, sizeof(digits) - 1);
		if (size > 0) {
			digits[size] = '\0';
			generation = strtoull(digits, NULL, 10);
		}
		close(fd);
	}
	free(path);
	return generation;
}

void session_begin(const struct session_keeper *keeper, const char *user, bool by_proxy, time_t now,
		   struct session *session_r)
{
	*session_r = (struct session){.signed_in = now, .issued = now, .by_proxy = by_proxy};
	secret_random_hex(session_r->id, sizeof(session_r->id));
	snprintf(session_r->user, sizeof(session_r->user), "%s", user);
	if (user[0] != '\0')
		session_r->generation = read_generation(keeper, user);
}

void session_issue(const struct session_keeper *keeper, struct session *session, time_t now,
		   struct strbuf *token)
{
	struct strbuf text = STRBUF_INIT;
	char mac[MAC_HEX_SIZE];

	session->issued = now;
	strbuf_printf(&text, VERSION ":%s:%llu:%lld:%lld:%d:%s:", session->id, session->generation,
		      (long long)session->signed_in, (long long)session->issued,
		      session->by_proxy ? 1 : 0, session->language);
	address_escape(&text, span_of(session->user));
	mac_make_hex(secret_span(&keeper->secret), strbuf_span(&text), mac);
	strbuf_append_span(token, strbuf_span(&text));
	strbuf_printf(token, ":%s", mac);
	strbuf_free(&text);
}

static void unescape(char *out, size_t size, const char *escaped)
{
	size_t used = 0;
	unsigned c;

	while (*escaped != '\0' && used + 1 < size) {
		if (*escaped == '%' && sscanf(escaped + 1, "%2x", &c) == 1) {
			out[used++] = (char)c;
			escaped += 3;
		} else if (*escaped == '%') {
			/* "%" alone is the empty text. */
			escaped++;
		} else {
			out[used++] = *escaped++;
		}
	}
	out[used] = '\0';
}

/* The token is signed: its fields are what session_issue() wrote. */
static void read_fields(char *text, struct session *session)
{
	char *fields[FIELDS] = {NULL}, *saved = text;

	for (int i = 0; i < FIELDS && saved != NULL; i++)
		fields[i] = strsep(&saved, ":");
	snprintf(session->id, sizeof(session->id), "%s", fields[1]);
	session->generation = strtoull(fields[2], NULL, 10);
	session->signed_in = (time_t)strtoll(fields[3], NULL, 10);
	session->issued = (time_t)strtoll(fields[4], NULL, 10);
	session->by_proxy = fields[5][0] == '1';
	snprintf(session->language, sizeof(session->language), "%s", fields[6]);
	unescape(session->user, sizeof(session->user), fields[7]);
}

static bool is_signed(const struct session_keeper *keeper, struct span token)
{
	const char *colon = token.size > 0 ? memrchr(token.data, ':', token.size) : NULL;
	size_t size = colon != NULL ? (size_t)(colon - token.data) : 0;
	char mac[MAC_HEX_SIZE];

	if (size == 0 || token.size > SESSION_TOKEN_MAX ||
	    memcmp(token.data, VERSION ":", sizeof(VERSION)) != 0)
		return false;
	mac_make_hex(secret_span(&keeper->secret), span_first(token, size), mac);
	return mac_equal(mac, span_from(token, size + 1));
}

static bool was_ended(const struct session_keeper *keeper, const struct session *session)
{
	char *path = xasprintf("%s/%s", keeper->ended, session->id);
	bool ended = access(path, F_OK) == 0 || errno != ENOENT;

	free(path);
	return ended;
}

bool session_read(const struct session_keeper *keeper, struct span token, time_t now,
		  struct session *session_r)
{
	char *text;

	if (!is_signed(keeper, token))
		return false;
	text = xstrndup(token.data, token.size);
	*session_r = (struct session){0};
	read_fields(text, session_r);
	free(text);
	if (now - session_r->issued >= keeper->idle ||
	    now - session_r->signed_in >= keeper->lifetime)
		return false;
	return session_r->user[0] == '\0' ||
	       (session_r->generation == read_generation(keeper, session_r->user) &&
		!was_ended(keeper, session_r));
}

bool session_is_stale(const struct session_keeper *keeper, const struct session *session,
		      time_t now)
{
	return now - session->issued >= keeper->idle / STALE_PART;
}

static int write_note(const char *path, const char *note, char **error_r)
{
	int ret = file_replace(path, span_of(note), 0600, true);

	if (ret < 0)
		*error_r = xasprintf("cannot write %s: %s", path, strerror(errno));
	return ret;
}

int session_end(const struct session_keeper *keeper, const struct session *session, char **error_r)
{
	char *path = xasprintf("%s/%s", keeper->ended, session->id);
	int ret = write_note(path, "", error_r);

	free(path);
	return ret;
}

int session_end_all(const struct session_keeper *keeper, const char *user, char **error_r)
{
	char *path = generation_path(keeper, user), digits[NUMBER_SIZE];
	unsigned long long generation;
	int ret = -1;

	pthread_mutex_lock((pthread_mutex_t *)&keeper->lock);
	generation = read_generation(keeper, user);
	/* One more than unreadable would be 0, that of all his old sessions. */
	if (generation == UNREADABLE) {
		*error_r = xasprintf("cannot read %s", path);
	} else {
		snprintf(digits, sizeof(digits), "%llu\n", generation + 1);
		ret = write_note(path, digits, error_r);
	}
	pthread_mutex_unlock((pthread_mutex_t *)&keeper->lock);
	free(path);
	return ret;
}

void session_sweep(const struct session_keeper *keeper, time_t now)
{
	DIR *folder = opendir(keeper->ended);
	const struct dirent *entry;
	struct stat st;

	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] != '.' &&
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    now - st.st_mtime >= keeper->lifetime)
			unlinkat(dirfd(folder), entry->d_name, 0);
	}
	closedir(folder);
}

void session_form_token(const struct session_keeper *keeper, const struct session *session,
			char token_r[MAC_HEX_SIZE])
{
	char *text = xasprintf("form:%s:%s", session->id, session->user);

	mac_make_hex(secret_span(&keeper->secret), span_of(text), token_r);
	free(text);
}
