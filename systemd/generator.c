/*
 * shoveler-generator - makes socket units of the addresses in main.cf (systemd.generator(7)).
 *
 * systemd runs it as root at boot and at each daemon-reload, before any unit is loaded. For each
 * daemon that is installed it writes, into the folder it is given:
 *
 *	DAEMON.socket, ...			for each Unix socket and port that the daemon listens on
 *	DAEMON.service.requires/...		so that they are there when the daemon is
 *	DAEMON.service.d/50-main.cf.conf	as whom it runs and where it may write
 *
 * So there is one place where an address, a user or a folder is set, and what is set there is what
 * systemd does. The sockets outlive a restart of their daemon; who connects meanwhile waits.
 *
 * On errors: lines of main.cf that are wrong are as if they were not there, so that what is open
 * stays open; the first is told, and the daemons say it in --check and do not start. A port at a
 * host's name, which only a resolver knows, is left to the daemon.
 */
#include "lib/conf.h"
#include "lib/endpoint.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define PATHS_MAX 8

/* P_COUNT: no such setting. */
struct socket_unit {
	const char *name; /* after the daemon's, in the unit's name */
	enum conf_param address;
	enum conf_param
		group; /* who, beside the daemon, may connect to a Unix socket; else everybody */
	const char *directive;
	bool unix_only; /* a port is bound by the daemon */
	bool (*is_wanted)(const struct conf *conf);
};

struct unit {
	const char *daemon;
	enum conf_param user;
	struct socket_unit sockets[4];
	enum conf_param folders[PATHS_MAX]; /* where it writes; up to P_COUNT */
};

static bool scans(const struct conf *conf)
{
	return conf_bool(conf, P_VIRUS_SCAN);
}

static bool has_training_addresses(const struct conf *conf)
{
	return conf_list(conf, P_TRAINING_SPAM_ADDRESSES)[0] != NULL ||
	       conf_list(conf, P_TRAINING_INNOCENT_ADDRESSES)[0] != NULL ||
	       conf_list(conf, P_SPAM_TRAPS)[0] != NULL;
}

#define STREAM	"ListenStream"
#define PACKETS "ListenSequentialPacket"
#define METRICS(param)                                                                             \
	{                                                                                          \
		"-metrics", param, P_COUNT, STREAM, true, NULL                                     \
	}

static const struct unit units[] = {
	{"shoveler-milter",
	 P_MILTER_USER,
	 {{"", P_MILTER_LISTEN, P_COUNT, STREAM, false, NULL},
	  {"-scanner", P_SCANNER_LISTEN, P_COUNT, PACKETS, true, scans},
	  METRICS(P_MILTER_METRICS_LISTEN)},
	 {P_MILTER_DIRECTORY, P_VIRUS_KEEP_DIRECTORY, P_SCANNER_TEMP_DIRECTORY, P_COUNT}},
	{"shoveler-lda",
	 P_LDA_USER,
	 {{"", P_LDA_LISTEN, P_LDA_LISTEN_GROUP, STREAM, false, NULL},
	  {"-pipe", P_LDA_PIPE_LISTEN, P_COUNT, PACKETS, true, NULL},
	  METRICS(P_LDA_METRICS_LISTEN)},
	 {P_USERS_DIRECTORY, P_SITE_DIRECTORY, P_TEMPORARY_DIRECTORY, P_COUNT}},
	{"spamtraind",
	 P_LDA_USER,
	 {{"", P_SPAMTRAIND_LISTEN, P_COUNT, PACKETS, true, NULL},
	  {"-training", P_TRAINING_LISTEN, P_COUNT, STREAM, false, has_training_addresses},
	  METRICS(P_SPAMTRAIND_METRICS_LISTEN)},
	 {P_USERS_DIRECTORY, P_SITE_DIRECTORY, P_RETRAIN_SPOOL, P_TEMPORARY_DIRECTORY, P_COUNT}},
	{"shoveler-web",
	 P_WEB_USER,
	 {{"", P_WEB_LISTEN, P_WEB_LISTEN_GROUP, STREAM, false, NULL},
	  METRICS(P_WEB_METRICS_LISTEN)},
	 {P_WEB_STATE_DIRECTORY, P_COUNT}},
};

struct generator {
	const struct conf *conf;
	const char *directory;
	int failures;
};

static void complain(struct generator *generator, const char *path)
{
	fprintf(stderr, "shoveler-generator: %s: %s\n", path, strerror(errno));
	generator->failures++;
}

static void write_unit(struct generator *generator, const char *name, const struct strbuf *text)
{
	char *path = xasprintf("%s/%s", generator->directory, name);
	FILE *file = fopen(path, "we");

	if (file == NULL || fwrite(text->data, text->size, 1, file) != 1 || fclose(file) != 0)
		complain(generator, path);
	free(path);
}

static void make_folder(struct generator *generator, const char *daemon, const char *suffix)
{
	char *path = xasprintf("%s/%s.service.%s", generator->directory, daemon, suffix);

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		complain(generator, path);
	free(path);
}

/* "%" begins a specifier. */
static void put_text(struct strbuf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '%')
			strbuf_append_char(out, '%');
		strbuf_append_char(out, *text);
	}
}

/* One word of a list. */
static void put_path(struct strbuf *out, const char *path)
{
	strbuf_append_text(out, " \"-");
	for (; *path != '\0'; path++) {
		if (*path == '"' || *path == '\\')
			strbuf_append_char(out, '\\');
		if (*path == '%')
			strbuf_append_char(out, '%');
		strbuf_append_char(out, *path);
	}
	strbuf_append_char(out, '"');
}

/* Returns what systemd calls that address, or NULL: it cannot bind it. */
static char *listen_address(const struct endpoint *endpoint, bool unix_only)
{
	unsigned char address[sizeof(struct in6_addr)];
	struct strbuf path = STRBUF_INIT;

	if (endpoint->is_unix) {
		put_text(&path, endpoint->path);
		return strbuf_steal(&path);
	}
	if (unix_only || strspn(endpoint->port, "0123456789") != strlen(endpoint->port))
		return NULL;
	if (inet_pton(AF_INET, endpoint->host, address) == 1)
		return xasprintf("%s:%s", endpoint->host, endpoint->port);
	if (inet_pton(AF_INET6, endpoint->host, address) == 1)
		return xasprintf("[%s]:%s", endpoint->host, endpoint->port);
	return NULL;
}

static void put_access(struct strbuf *out, const struct conf *conf, const struct unit *unit,
		       const struct socket_unit *socket)
{
	const char *group = socket->group == P_COUNT ? "" : conf_text(conf, socket->group);

	strbuf_append_text(out, "SocketUser=");
	put_text(out, conf_text(conf, unit->user));
	if (group[0] != '\0') {
		strbuf_append_text(out, "\nSocketGroup=");
		put_text(out, group);
	}
	strbuf_printf(out, "\nSocketMode=%s\n", group[0] != '\0' ? "0660" : "0666");
}

static char *socket_text(const struct generator *generator, const struct unit *unit,
			 const struct socket_unit *socket, const char *address, bool is_unix,
			 struct strbuf *out)
{
	strbuf_printf(out,
		      "# Made of %s in %s. After a change there:\n"
		      "# systemctl daemon-reload, stop this unit, start %s.\n"
		      "[Unit]\n"
		      "Description=Shoveler: %s of %s\n"
		      "Documentation=man:%s(8) man:shoveler.cf(5)\n"
		      "SourcePath=%s/main.cf\n\n"
		      "[Socket]\n"
		      "%s=%s\n"
		      "FileDescriptorName=%s\n"
		      "Service=%s.service\n"
		      "RemoveOnStop=yes\n",
		      conf_name(socket->address), conf_directory(generator->conf), unit->daemon,
		      conf_name(socket->address), unit->daemon, unit->daemon,
		      conf_directory(generator->conf), socket->directive, address,
		      conf_name(socket->address), unit->daemon);
	if (is_unix)
		put_access(out, generator->conf, unit, socket);
	return xasprintf("%s%s.socket", unit->daemon, socket->name);
}

static void require_socket(struct generator *generator, const struct unit *unit, const char *name)
{
	char *target = xasprintf("../%s", name);
	char *path =
		xasprintf("%s/%s.service.requires/%s", generator->directory, unit->daemon, name);

	if (symlink(target, path) < 0 && errno != EEXIST)
		complain(generator, path);
	free(target);
	free(path);
}

static void make_socket(struct generator *generator, const struct unit *unit,
			const struct socket_unit *socket)
{
	const char *text = conf_text(generator->conf, socket->address);
	struct strbuf out = STRBUF_INIT;
	struct endpoint endpoint;
	char *address, *name, *error = NULL;

	if (text[0] == '\0' || (socket->is_wanted != NULL && !socket->is_wanted(generator->conf)))
		return;
	if (endpoint_parse(text, &endpoint, &error) < 0) {
		free(error);
		return;
	}
	address = listen_address(&endpoint, socket->unix_only);
	if (address == NULL)
		return;
	name = socket_text(generator, unit, socket, address, endpoint.is_unix, &out);
	write_unit(generator, name, &out);
	require_socket(generator, unit, name);
	free(name);
	free(address);
	strbuf_free(&out);
}

static bool is_in_home(const char *path)
{
	return strncmp(path, "/home/", 6) == 0 || strncmp(path, "/root/", 6) == 0 ||
	       strncmp(path, "/run/user/", 10) == 0;
}

/* The folder of a log file, in which it is made anew after its rotation; NULL: there is none. */
static char *log_folder(const struct conf *conf)
{
	const char *log = conf_text(conf, P_LOG_DESTINATION), *slash = strrchr(log, '/');

	return log[0] == '/' && slash != log ? xasprintf("%.*s", (int)(slash - log), log) : NULL;
}

static void make_drop_in(struct generator *generator, const struct unit *unit)
{
	const struct conf *conf = generator->conf;
	struct strbuf out = STRBUF_INIT;
	char *name = xasprintf("%s.service.d/50-main.cf.conf", unit->daemon);
	char *log = log_folder(conf),
	     *report = xasprintf("%s/report", conf_text(conf, P_STATE_DIRECTORY));
	bool in_home = is_in_home(conf_text(conf, P_STATE_DIRECTORY));

	strbuf_printf(&out, "# Made of main.cf in %s.\n[Service]\nUser=", conf_directory(conf));
	put_text(&out, conf_text(conf, unit->user));
	strbuf_append_text(&out, "\nReadWritePaths=");
	for (size_t i = 0; unit->folders[i] != P_COUNT; i++) {
		put_path(&out, conf_text(conf, unit->folders[i]));
		in_home = in_home || is_in_home(conf_text(conf, unit->folders[i]));
	}
	if (unit->user == P_WEB_USER)
		put_path(&out, report);
	if (log != NULL)
		put_path(&out, log);
	strbuf_append_text(&out, in_home ? "\nProtectHome=no\n" : "\n");
	write_unit(generator, name, &out);
	free(name);
	free(log);
	free(report);
	strbuf_free(&out);
}

/* Beside which programs are we installed? PREFIX/lib/systemd/system-generators, PREFIX/sbin. */
static char *program_folder(void)
{
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (size <= 0)
		return xstrdup("/usr/sbin");
	for (int up = 0; up < 4; up++) {
		while (size > 0 && self[size - 1] != '/')
			size--;
		size -= size > 0;
	}
	return xasprintf("%.*s/sbin", (int)size, self);
}

static void make_units(struct generator *generator)
{
	char *folder = program_folder();

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const struct unit *unit = &units[i];
		char *program = xasprintf("%s/%s", folder, unit->daemon);

		if (access(program, X_OK) == 0) {
			make_folder(generator, unit->daemon, "requires");
			make_folder(generator, unit->daemon, "d");
			for (size_t s = 0; s < 4 && unit->sockets[s].name != NULL; s++)
				make_socket(generator, unit, &unit->sockets[s]);
			make_drop_in(generator, unit);
		}
		free(program);
	}
	free(folder);
}

int main(int argc, char **argv)
{
	struct generator generator = {.directory = argc > 1 ? argv[1] : NULL};
	const char *directory = conf_default_directory();
	struct conf *conf = NULL;
	char *main_cf, *error = NULL;
	int code = EX_OK;

	if (argc != 4) {
		fprintf(stderr, "usage: %s NORMAL EARLY LATE, as systemd.generator(7) says\n",
			argv[0]);
		return EX_USAGE;
	}
	/* Removed and not purged: then there is nothing to do. */
	main_cf = xasprintf("%s/main.cf", directory);
	if (access(main_cf, F_OK) == 0)
		conf = conf_load_what_is_right(directory, &error);
	if (conf != NULL) {
		generator.conf = conf;
		make_units(&generator);
	}
	if (error != NULL) {
		fprintf(stderr, "shoveler-generator: %s\n", error);
		code = EX_CONFIG;
	}
	free(error);
	free(main_cf);
	conf_free(&conf);
	return generator.failures > 0 ? EX_CANTCREAT : code;
}
