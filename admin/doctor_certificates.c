/*
 * doctor_certificates.c - asks Postfix, Dovecot and the web page's proxy for the certificate that
 * they show, since a renewed file that nobody loaded helps nobody, and looks when it ends.
 */
#include "doctor.h"
#include "probe.h"
#include "talk.h"

#include "lib/xalloc.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define WARN_DAYS 14
#define DAY_S	  86400

enum begin { BEGIN_TLS, BEGIN_SMTP, BEGIN_IMAP };

/* What server shows; name: whose certificate it must be, NULL: anybody's. */
struct server {
	const char *what, *address, *name, *reload, *unit;
	enum begin begin;
};

/* Returns 1 when TLS may begin, 0 if the server has none, -1 and *error_r. */
static int begin_smtp(struct talk *talk, const struct conf *conf, char **error_r)
{
	char line[TALK_LINE_MAX], *host = conf_hostname(conf);
	char *hello = xasprintf("EHLO %s", host);
	int code = talk_smtp(talk, NULL, line, error_r);

	if (code == 220)
		code = talk_smtp(talk, hello, line, error_r);
	if (code == 250)
		code = talk_smtp(talk, "STARTTLS", line, error_r);
	free(hello);
	free(host);
	if (code < 0)
		return -1;
	/* A milter that is down puts off everything, also this. */
	if (code / 100 == 4) {
		*error_r = xstrdup(line);
		return -1;
	}
	return code == 220;
}

static int begin_imap(struct talk *talk, char **error_r)
{
	char line[TALK_LINE_MAX];

	if (talk_read(talk, line, error_r) < 0 ||
	    talk_write(talk, SPAN_LITERAL("t STARTTLS\r\n"), error_r) < 0)
		return -1;
	do {
		if (talk_read(talk, line, error_r) < 0)
			return -1;
	} while (strncmp(line, "t ", 2) != 0);
	return strncmp(line, "t OK", 4) == 0;
}

static int64_t seconds_until(const ASN1_TIME *end)
{
	int days = 0, seconds = 0;

	ASN1_TIME_diff(&days, &seconds, NULL, end);
	return (int64_t)days * DAY_S + seconds;
}

static void judge(struct doctor *doctor, const struct server *server, X509 *certificate)
{
	int64_t left = seconds_until(X509_get0_notAfter(certificate));
	const char *advice = doctor_advice(doctor, "renew it; if that is done: %s", server->reload);

	if (left <= 0)
		doctor_report(doctor, FINDING_ERROR, "certificate-expired", advice,
			      "%s: the certificate has expired", server->what);
	else if (left < (int64_t)WARN_DAYS * DAY_S)
		doctor_report(doctor, FINDING_WARNING, "certificate-expires", advice,
			      "%s: the certificate expires in %lld days", server->what,
			      (long long)(left / DAY_S));
	else
		doctor_ok(doctor, "%s: the certificate is good for %lld days", server->what,
			  (long long)(left / DAY_S));
	if (server->name != NULL && X509_check_host(certificate, server->name, 0, 0, NULL) != 1)
		doctor_report(
			doctor, FINDING_ERROR, "certificate-name",
			doctor_advice(
				doctor,
				"get one for that name, or let web_url say another; if that is done: %s",
				server->reload),
			"%s: the certificate is not for %s", server->what, server->name);
}

static void take_leave(SSL *ssl, const char *command)
{
	char answer[512];

	if (SSL_write(ssl, command, (int)strlen(command)) > 0)
		while (SSL_read(ssl, answer, sizeof(answer)) > 0)
			continue;
}

/* Trust is not judged: a certificate may be the host's own. */
static void shake_hands(struct doctor *doctor, const struct server *server, int fd)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = context != NULL ? SSL_new(context) : NULL;
	X509 *certificate = NULL;

	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1) {
		if (server->name != NULL)
			SSL_set_tlsext_host_name(ssl, server->name);
		if (SSL_connect(ssl) == 1)
			certificate = SSL_get1_peer_certificate(ssl);
		/* Else its log has a lost connection each time, which fail2ban may count. */
		if (certificate != NULL && server->begin != BEGIN_TLS)
			take_leave(ssl, server->begin == BEGIN_SMTP ? "QUIT\r\n" : "q LOGOUT\r\n");
	}
	if (certificate != NULL)
		judge(doctor, server, certificate);
	else
		doctor_report(doctor, FINDING_ERROR, "tls-fails",
			      doctor_advice(doctor, "its log says why; when that is mended: %s",
					    server->reload),
			      "%s: TLS does not begin", server->what);
	X509_free(certificate);
	SSL_free(ssl);
	SSL_CTX_free(context);
}

static void check_server(struct doctor *doctor, const struct conf *conf,
			 const struct server *server)
{
	struct talk talk;
	char *error = NULL;
	int ret = talk_open(&talk, server->address, &error);

	if (ret == 0)
		ret = server->begin == BEGIN_SMTP   ? begin_smtp(&talk, conf, &error)
		      : server->begin == BEGIN_IMAP ? begin_imap(&talk, &error)
						    : 1;
	if (ret == 1)
		shake_hands(doctor, server, talk.fd);
	else if (ret == 0)
		doctor_report(
			doctor, FINDING_WARNING, "tls-missing",
			server->begin == BEGIN_SMTP
				? "mail goes in clear: postconf -e smtpd_tls_security_level=may smtpd_tls_cert_file=FILE smtpd_tls_key_file=FILE; postfix reload"
				: "passwords go in clear: give it a certificate (ssl = yes in Dovecot's conf.d/10-ssl.conf); doveadm reload",
			"%s offers no TLS at %s", server->what, server->address);
	else
		doctor_report(
			doctor, FINDING_ERROR, "server-silent",
			server->begin == BEGIN_SMTP && ret == -1 && error[0] == '4'
				? "it puts off everything, as it does when a milter is silent: `shoveler doctor sockets milters`"
				: doctor_advice(
					  doctor,
					  "does it run there? systemctl restart %s; else its log says why",
					  server->unit),
			"%s at %s: %s", server->what, server->address,
			doctor_reason(error, server->address));
	talk_close(&talk);
	free(error);
}

/* https://name[:port]/path */
static void check_web(struct doctor *doctor, const struct conf *conf)
{
	static const char scheme[] = "https://";
	const char *url = conf_text(conf, P_WEB_URL);
	char *name, *address;
	const char *port;
	size_t size;

	if (strncasecmp(url, scheme, sizeof(scheme) - 1) != 0)
		return;
	url += sizeof(scheme) - 1;
	size = strcspn(url, ":/");
	name = xstrndup(url, size);
	port = url[size] == ':' ? url + size + 1 : "443";
	address = xasprintf("inet:%s:%.*s", name, (int)strcspn(port, "/"), port);
	check_server(doctor, conf,
		     &(struct server){"the web page", address, name,
				      "systemctl reload nginx (or apache2)", "nginx (or apache2)",
				      BEGIN_TLS});
	free(address);
	free(name);
}

void doctor_check_certificates(struct doctor *doctor, const struct conf *conf)
{
	const char *imap = conf_text(conf, P_WEB_IMAP_SERVER);

	if (service_wanted(conf, &services[0]))
		check_server(doctor, conf,
			     &(struct server){"Postfix", conf_text(conf, P_DOCTOR_SMTP_SERVER),
					      NULL, "postfix reload", "postfix", BEGIN_SMTP});
	/* Over a Unix socket nobody needs TLS. */
	if (service_wanted(conf, &services[2]) && strncmp(imap, "inet:", 5) == 0)
		check_server(doctor, conf,
			     &(struct server){"Dovecot", imap, NULL, "doveadm reload", "dovecot",
					      BEGIN_IMAP});
	if (service_wanted(conf, &services[3]))
		check_web(doctor, conf);
}
