/* Do the daemons take their configuration, answer at their sockets, and serve metrics? */
#include "doctor.h"
#include "probe.h"

#include "lib/child.h"
#include "lib/xalloc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK_TIMEOUT_S 30

/* Beside this program where it is installed so, else by PATH. */
static char *find_daemon(const char *program)
{
	char self[PATH_MAX], *path;
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (size <= 0)
		return xstrdup(program);
	self[size] = '\0';
	slash = strrchr(self, '/');
	path = xasprintf("%.*s/%s", (int)(slash - self), self, program);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return xstrdup(program);
}

static void check_daemon(struct doctor *doctor, const struct conf *conf, const char *program)
{
	char *path = find_daemon(program), *error = NULL;
	const char *argv[] = {path, "-c", conf_directory(conf), "--check", NULL};
	struct strbuf output = STRBUF_INIT;
	int ret = child_run(argv, span_of(""), CHECK_TIMEOUT_S * 1000, &output, &output, &error);
	struct span said = span_trim(strbuf_span(&output));

	if (ret == 0)
		doctor_ok(doctor, "%s --check is content", program);
	else if (ret < 0)
		doctor_report(doctor, FINDING_ERROR, "daemon-missing",
			      "install it, or take it out of `services` in main.cf", "%s", error);
	else
		doctor_report(doctor, FINDING_ERROR, "daemon-refuses",
			      "mend what it says; it will not start so", "%s --check: %.*s",
			      program, SPAN_ARG(said));
	free(error);
	free(path);
	strbuf_free(&output);
}

void doctor_check_daemons(struct doctor *doctor, const struct conf *conf)
{
	for (const struct service *service = services; service->program != NULL; service++) {
		if (service_wanted(conf, service))
			check_daemon(doctor, conf, service->program);
	}
}

static int probe_stream(const char *address, char **error_r)
{
	return probe_connect(address, SOCK_STREAM, error_r);
}

static int probe_packets(const char *address, char **error_r)
{
	return probe_connect(address, SOCK_SEQPACKET, error_r);
}

static void report_socket(struct doctor *doctor, const char *name, const char *address,
			  const char *unit, const char *error)
{
	doctor_report(
		doctor, FINDING_ERROR, "socket-silent",
		doctor_advice(doctor,
			      "systemctl restart %s; if that does not help, journalctl -u %s, "
			      "and does %s listen there?",
			      unit, unit, unit),
		"%s = %s: %s", name, address, doctor_reason(error, address));
}

void doctor_check_sockets(struct doctor *doctor, const struct conf *conf)
{
	static const struct {
		unsigned service; /* index in services */
		enum conf_param address;
		int (*probe)(const char *address, char **error_r);
		const char *unit; /* NULL: the service */
	} sockets[] = {
		{0, P_MILTER_LISTEN, probe_milter, NULL},
		{0, P_SCANNER_LISTEN, probe_packets, NULL},
		{1, P_LDA_LISTEN, probe_lmtp, NULL},
		{1, P_LDA_NEXTHOP, probe_lmtp, "dovecot"},
		{2, P_TRAINING_LISTEN, probe_lmtp, NULL},
		{2, P_SPAMTRAIND_LISTEN, probe_ping, NULL},
		{3, P_WEB_LISTEN, probe_stream, NULL},
		{3, P_WEB_AUTH_SOCKET, probe_stream, "dovecot"},
		{3, P_WEB_IMAP_SERVER, probe_imap, "dovecot"},
	};

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		const struct service *service = &services[sockets[i].service];
		const char *name = conf_name(sockets[i].address);
		const char *address = conf_text(conf, sockets[i].address);
		char *error = NULL;

		if (!service_wanted(conf, service) || address[0] == '\0')
			continue;
		if (sockets[i].probe(address, &error) == 0)
			doctor_ok(doctor, "%s = %s answers", name, address);
		else
			report_socket(doctor, name, address,
				      sockets[i].unit != NULL ? sockets[i].unit : service->program,
				      error);
		free(error);
	}
}

/* A package that was upgraded without a restart leaves the old program running. */
static void check_version(struct doctor *doctor, const char *program, const char *page)
{
	static const char label[] = "version=\"";
	const char *info = strstr(page, "\nshoveler_build_info{");
	const char *version = info != NULL ? strstr(info, label) : NULL;
	size_t size;

	if (version == NULL)
		return;
	version += sizeof(label) - 1;
	size = strcspn(version, "\"");
	if (size != strlen(SHOVELER_VERSION) || strncmp(version, SHOVELER_VERSION, size) != 0)
		doctor_report(doctor, FINDING_WARNING, "version-old",
			      doctor_advice(doctor, "systemctl restart %s", program),
			      "%s runs as version %.*s, and %s is installed", program, (int)size,
			      version, SHOVELER_VERSION);
}

void doctor_check_metrics(struct doctor *doctor, const struct conf *conf)
{
	for (const struct service *service = services; service->program != NULL; service++) {
		const char *address = conf_text(conf, service->metrics);
		struct strbuf page = STRBUF_INIT;
		char *error = NULL;

		if (!service_wanted(conf, service) || address[0] == '\0')
			continue;
		if (probe_metrics(address, &page, &error) == 0) {
			doctor_ok(doctor, "%s serves metrics at %s", service->program, address);
			check_version(doctor, service->program, strbuf_text(&page));
		} else {
			doctor_report(
				doctor, FINDING_WARNING, "metrics-silent",
				doctor_advice(
					doctor,
					"systemctl restart %s, which serves them; where nobody reads them: an empty %s",
					service->program, conf_name(service->metrics)),
				"%s: %s", service->program, error);
		}
		free(error);
		strbuf_free(&page);
	}
}
