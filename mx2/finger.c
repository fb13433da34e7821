#include "finger.h"

#include "lib/child.h"
#include "lib/xalloc.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FINGER_TIMEOUT_MS 40000
#define MAX_NAMES	  32

struct command_line {
	const char *arguments[20 + MAX_NAMES];
	size_t count;
	char *destination, *names;
};

static void add(struct command_line *line, const char *argument)
{
	line->arguments[line->count++] = argument;
}

static bool is_level(const struct policy_mx2 *mx2, const char *level)
{
	return strcmp(mx2->tls, level) == 0;
}

static void add_names(struct command_line *line, const struct policy_mx2 *mx2)
{
	char *rest = line->names, *name;
	/* Fingerprints hold colons. */
	const char *separators = is_level(mx2, "fingerprint") ? "|" : ":|";

	for (size_t i = 0; i < MAX_NAMES && (name = strsep(&rest, separators)) != NULL; i++)
		add(line, name);
}

static void build(struct command_line *line, const struct policy_mx2 *mx2,
		  const struct primary_host *host, const struct finger_trust *trust)
{
	const char *cafile = mx2->tls_cafile[0] != '\0' ? mx2->tls_cafile : trust->file;

	line->destination = xasprintf("[%s]:%s", host->name, host->port);
	line->names = xstrdup(mx2->tls_match);
	line->count = 0;
	add(line, "posttls-finger");
	/* No chat; the chain as PEM; time-outs for connecting and for each command. */
	add(line, "-c");
	add(line, "-C");
	add(line, "-t10");
	add(line, "-T10");
	add(line, "-l");
	add(line, mx2->tls);
	if (cafile[0] != '\0') {
		add(line, "-F");
		add(line, cafile);
	}
	if (mx2->tls_cafile[0] == '\0' && trust->path[0] != '\0') {
		add(line, "-P");
		add(line, trust->path);
	}
	add(line, line->destination);
	if (mx2->tls_match[0] != '\0')
		add_names(line, mx2);
	add(line, NULL);
}

static int64_t end_of_certificate(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	int64_t end = 0;
	struct tm tm;

	if (certificate != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1)
		end = timegm(&tm);
	X509_free(certificate);
	BIO_free(bio);
	return end;
}

/* "posttls-finger: Verified TLS connection established to mx1.example.test[...]:25: TLSv1.3 ..." */
static void read_level(struct finger *finger)
{
	const char *end = strstr(strbuf_text(&finger->said), " TLS connection established to ");
	const char *start = end;

	if (end == NULL)
		return;
	finger->tls = true;
	while (start > strbuf_text(&finger->said) && start[-1] != ' ')
		start--;
	snprintf(finger->level, sizeof(finger->level), "%.*s", (int)(end - start), start);
}

int finger_host(const struct policy_mx2 *mx2, const struct primary_host *host,
		const struct finger_trust *trust, struct finger *finger_r, char **error_r)
{
	struct command_line line;
	int code;

	*finger_r = (struct finger){.said = STRBUF_INIT};
	build(&line, mx2, host, trust);
	code = child_run(line.arguments, (struct span){NULL, 0}, FINGER_TIMEOUT_MS, &finger_r->said,
			 &finger_r->said, error_r);
	finger_r->certificate_end = end_of_certificate(strbuf_text(&finger_r->said));
	finger_r->tlsa = strstr(strbuf_text(&finger_r->said), "Matched DANE ") != NULL ||
			 strstr(strbuf_text(&finger_r->said), "no matching DANE TLSA") != NULL;
	read_level(finger_r);
	free(line.destination);
	free(line.names);
	return code < 0 ? -1 : 0;
}

void finger_free(struct finger *finger)
{
	strbuf_free(&finger->said);
}

bool finger_suffices(const struct policy_mx2 *mx2, const struct finger *finger)
{
	if (is_level(mx2, "none") || is_level(mx2, "may"))
		return true;
	/* Without TLSA records dane is what may is. */
	if (is_level(mx2, "dane") && !finger->tlsa)
		return true;
	if (is_level(mx2, "encrypt"))
		return finger->tls;
	return strcmp(finger->level, "Verified") == 0;
}
