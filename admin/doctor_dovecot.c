/*
 * doctor_dovecot.c - are our plugins loaded where they must be, and built for this Dovecot; does it
 * serve LMTP?
 */
#include "doctor.h"
#include "probe.h"

#include "lib/xalloc.h"

#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOVECOTS_OWN "/usr/lib/dovecot/modules/lib01_acl_plugin.so"
#define PLUGINS	     "/usr/lib/dovecot/modules/*shoveler*_plugin.so"

static const char *const retrain_advice =
	"copy /usr/share/shoveler/dovecot/90-shoveler-retrain-2.3.conf (or -2.4) to "
	"/etc/dovecot/conf.d/90-shoveler-retrain.conf; doveadm reload";
static const char *const sharing_advice =
	"copy /usr/share/shoveler/dovecot/90-shoveler-sharing-2.3.conf (or -2.4) to "
	"/etc/dovecot/conf.d/90-shoveler-sharing.conf, or set sharing_plugins = no; doveadm reload";

/* ---- what is loaded ---- */

/* Else that of 2.3 has managesieve list its capabilities each time, which starts doveconf again. */
#define DOVECONF "env", "DUMP_CAPABILITY=1", "doveconf"

/* Appends what doveconf answers, and a space. */
static bool ask_doveconf(const char *filter, struct strbuf *plugins)
{
	const char *const filtered[] = {DOVECONF, "-f", filter, "-h", "mail_plugins", NULL};
	const char *const plain[] = {DOVECONF, "-h", "mail_plugins", NULL};
	struct strbuf answer = STRBUF_INIT;
	bool answered = doctor_run(filter != NULL ? filtered : plain, &answer) == 0;

	if (answered)
		strbuf_append_span(plugins, strbuf_span(&answer));
	strbuf_append_char(plugins, ' ');
	strbuf_free(&answer);
	return answered;
}

/*
 * Appends what a protocol loads. Dovecot 2.3 shows it by service=, 2.4 by protocol= and, apart,
 * what all protocols load; each refuses the other's filter. doveconf takes its time: what is known
 * of it is not asked again.
 */
static bool plugins_of(const char *protocol, struct strbuf *plugins)
{
	static const char *const filters[] = {"service", "protocol"};
	static struct strbuf common = STRBUF_INIT;
	static bool asked, common_answered;
	static size_t known; /* the filter that is not refused */
	bool answered = false;

	if (!asked)
		common_answered = ask_doveconf(NULL, &common);
	asked = true;
	strbuf_append_char(plugins, ' ');
	strbuf_append_span(plugins, strbuf_span(&common));
	for (size_t i = 0; i < 2 && !answered; i++) {
		size_t which = (known + i) % 2;
		char *filter = xasprintf("%s=%s", filters[which], protocol);

		answered = ask_doveconf(filter, plugins);
		if (answered)
			known = which;
		free(filter);
	}
	return answered || common_answered;
}

/* Dovecot 2.4 writes "name = yes" or "= no", and the last one counts. */
static bool has_word(const struct strbuf *plugins, const char *word)
{
	const char *place = strbuf_text(plugins);
	bool has = false;

	for (; (place = strstr(place, word)) != NULL; place++) {
		const char *after = place + strlen(word);

		if (isspace((unsigned char)place[-1]) && isspace((unsigned char)*after))
			has = strncmp(after, " = no", 5) != 0;
	}
	return has;
}

static void check_imap(struct doctor *doctor, const struct conf *conf, const struct strbuf *plugins)
{
	static const struct {
		const char *name, *const *advice;
	} wanted[] = {{"shoveler_retrain", &retrain_advice}, {"shoveler_sharing", &sharing_advice}};
	size_t count = conf_bool(conf, P_SHARING_PLUGINS) ? 2 : 1;

	for (size_t i = 0; i < count; i++) {
		if (has_word(plugins, wanted[i].name))
			doctor_ok(doctor, "IMAP sessions load %s", wanted[i].name);
		else
			doctor_report(doctor, FINDING_WARNING, "plugin-not-loaded",
				      *wanted[i].advice, "IMAP sessions do not load %s",
				      wanted[i].name);
	}
}

/* Folders of others must be there for every program that touches a mailbox. */
static void check_protocol(struct doctor *doctor, const char *protocol)
{
	static const char *const wanted[] = {"shoveler_sharing", "acl", "shoveler_acl"};
	struct strbuf plugins = STRBUF_INIT;
	bool complete = true;

	(void)plugins_of(protocol, &plugins);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (has_word(&plugins, wanted[i]))
			continue;
		complete = false;
		doctor_report(doctor, FINDING_ERROR, "sharing-incomplete", sharing_advice,
			      "protocol %s does not load %s, but imap shares folders: %s", protocol,
			      wanted[i],
			      strcmp(protocol, "lmtp") == 0 ? "mail for shared folders waits"
							    : "they are not there, or open to all");
	}
	if (complete)
		doctor_ok(doctor, "protocol %s loads what sharing needs", protocol);
	strbuf_free(&plugins);
}

static void check_protocols(struct doctor *doctor)
{
	static const char *const protocols[] = {"imap", "pop3", "lmtp"};
	const char *const argv[] = {DOVECONF, "-h", "protocols", NULL};
	struct strbuf served = STRBUF_INIT;

	strbuf_append_char(&served, ' ');
	(void)doctor_run(argv, &served);
	strbuf_append_char(&served, ' ');
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (has_word(&served, protocols[i]))
			check_protocol(doctor, protocols[i]);
	}
	check_protocol(doctor, "doveadm");
	strbuf_free(&served);
}

/* ---- what it was built for ---- */

/* The text "2.3.ABIv19(2.3.19.1)" that Dovecot compares, in a plugin. malloc'ed, or NULL. */
static char *abi_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *map, *found, *abi = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			size_t size = (size_t)st.st_size, begin, length = 0;

			found = memmem(map, size, ".ABIv", 5);
			begin = found != NULL ? (size_t)(found - map) : 0;
			while (begin > 0 && isgraph((unsigned char)map[begin - 1]))
				begin--;
			while (begin + length < size && isgraph((unsigned char)map[begin + length]))
				length++;
			if (found != NULL)
				abi = xstrndup(map + begin, length);
			munmap(map, size);
		}
	}
	close(fd);
	return abi;
}

static bool check_plugin(struct doctor *doctor, const char *path, const char *dovecot)
{
	char *abi = abi_of(path);
	size_t size = strcspn(dovecot, "(");
	/* As Dovecot compares: without what is in brackets. */
	bool same = abi != NULL && strcspn(abi, "(") == size && strncmp(abi, dovecot, size) == 0;

	if (!same)
		doctor_report(doctor, FINDING_ERROR, "plugin-foreign",
			      "install the shoveler-dovecot of this release: no user can sign in "
			      "with a plugin that does not fit",
			      "%s is built for Dovecot %s, and this is %s", path,
			      abi != NULL ? abi : "(nothing)", dovecot);
	free(abi);
	return same;
}

static void check_builds(struct doctor *doctor)
{
	char *dovecot = abi_of(DOVECOTS_OWN);
	bool all = true;
	glob_t found;

	if (dovecot != NULL && glob(PLUGINS, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			all = check_plugin(doctor, found.gl_pathv[i], dovecot) && all;
		if (all)
			doctor_ok(doctor, "%zu plugins fit Dovecot %s", found.gl_pathc, dovecot);
		globfree(&found);
	}
	free(dovecot);
}

/* ---- LMTP ---- */

/* Why lda_nexthop does not answer, where Dovecot does: dovecot-lmtpd is a package of its own. */
static void check_lmtp(struct doctor *doctor, const struct conf *conf)
{
	const char *const argv[] = {DOVECONF, "-h", "protocols", NULL};
	const char *address = conf_text(conf, P_LDA_NEXTHOP);
	struct strbuf served = STRBUF_INIT;
	char *error = NULL;

	strbuf_append_char(&served, ' ');
	if (strncmp(address, "unix:", 5) == 0 && probe_lmtp(address, &error) < 0 &&
	    doctor_run(argv, &served) == 0) {
		strbuf_append_char(&served, ' ');
		if (!has_word(&served, "lmtp"))
			doctor_report(
				doctor, FINDING_ERROR, "lmtp-missing",
				"apt install dovecot-lmtpd; systemctl restart dovecot; if that does not help, add lmtp to protocols in /etc/dovecot/dovecot.conf",
				"Dovecot's protocols do not have lmtp, and nobody else serves "
				"lda_nexthop = %s: all mail waits",
				address);
	}
	free(error);
	strbuf_free(&served);
}

void doctor_check_dovecot(struct doctor *doctor, const struct conf *conf)
{
	struct strbuf plugins = STRBUF_INIT;

	if (service_wanted(conf, &services[1]))
		check_lmtp(doctor, conf);
	if (!service_wanted(conf, &services[2]))
		return;
	if (!plugins_of("imap", &plugins))
		doctor_report(
			doctor, FINDING_ERROR, "dovecot-silent",
			"doveconf -n says why: is Dovecot installed, and its configuration valid?",
			"doveconf does not answer");
	check_imap(doctor, conf, &plugins);
	if (has_word(&plugins, "shoveler_sharing"))
		check_protocols(doctor);
	strbuf_free(&plugins);
	check_builds(doctor);
}
