/* `shoveler mx2 export`, `mx2 primary`: what the admin at the other end needs. */
#include "cmd_mx2.h"

#include "lib/strbuf.h"
#include "mx2/ours.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* SHA-256 of the public key, as smtp_tls_fingerprint_digest=sha256 compares it; NULL: no key. */
static char *key_fingerprint(const char *path)
{
	FILE *file = fopen(path, "re");
	X509 *certificate = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	struct strbuf text = STRBUF_INIT;
	unsigned size = 0;
	int length =
		certificate != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der) : -1;

	if (length > 0 && EVP_Digest(der, (size_t)length, digest, &size, EVP_sha256(), NULL) == 1) {
		for (unsigned i = 0; i < size; i++)
			strbuf_printf(&text, "%s%02X", i > 0 ? ":" : "", digest[i]);
	}
	OPENSSL_free(der);
	X509_free(certificate);
	if (file != NULL)
		fclose(file);
	return size > 0 ? strbuf_steal(&text) : NULL;
}

/* All or nothing: a list that lacks some would have their mail refused. */
static void print_recipients(struct admin *admin, const char *domain)
{
	struct recipient_list list = {.serial = 0};
	char *error = NULL;

	snprintf(list.domain, sizeof(list.domain), "%s", domain);
	if (ours_list(conf_text(admin->conf, P_POSTFIX_CONFIG_DIRECTORY), &list, &error) < 0) {
		printf("# %s: %s\n@%s\tOK\n", domain, error, domain);
		complain("%s: all recipients are in the list, since %s", domain, error);
	}
	for (size_t i = 0; error == NULL && i < list.count; i++)
		printf("%s\tOK\n", list.addresses[i]);
	free(error);
	list_free(&list);
}

static int fold_domains(int argc, char **argv)
{
	char name[POLICY_NAME_MAX + 1], *error = NULL;

	for (int i = 0; i < argc; i++) {
		if (policy_name_domain(argv[i], name, &error) < 0)
			return policy_result(POLICY_INVALID, &error);
		/* Lower case is never longer. */
		strcpy(argv[i], name);
	}
	return EX_OK;
}

int mx2_export(struct admin *admin, int argc, char **argv)
{
	char *myhostname, *certificate, *fingerprint;
	int ret = fold_domains(argc, argv);

	if (ret != EX_OK)
		return ret;
	myhostname = postfix_setting(admin, "myhostname");
	certificate = postfix_setting(admin, "smtpd_tls_cert_file");
	fingerprint = key_fingerprint(certificate);
	printf("# For the Postfix of a fallback MX of %s: add to what is in its main.cf\n"
	       "relay_domains = texthash:/etc/postfix/fallback_domains\n"
	       "transport_maps = texthash:/etc/postfix/fallback_transport\n"
	       "relay_recipient_maps = texthash:/etc/postfix/fallback_recipients\n"
	       "smtp_tls_policy_maps = texthash:/etc/postfix/fallback_tls\n"
	       "smtp_tls_fingerprint_digest = sha256\n"
	       "maximal_queue_lifetime = 14d\n",
	       myhostname);
	puts("\n# /etc/postfix/fallback_domains");
	for (int i = 0; i < argc; i++)
		printf("%s\tOK\n", argv[i]);
	puts("\n# /etc/postfix/fallback_transport");
	for (int i = 0; i < argc; i++)
		printf("%s\trelay:[%s]\n", argv[i], myhostname);
	printf("\n# /etc/postfix/fallback_tls: %s\n",
	       fingerprint != NULL ? "the key of our certificate; tell us before a new key"
				   : "no certificate could be read here");
	printf("[%s]\t%s%s\n", myhostname, fingerprint != NULL ? "fingerprint match=" : "may",
	       fingerprint != NULL ? fingerprint : "");
	puts("\n# /etc/postfix/fallback_recipients: who exists; all others are refused");
	for (int i = 0; i < argc; i++)
		print_recipients(admin, argv[i]);
	free(fingerprint);
	free(certificate);
	free(myhostname);
	return EX_OK;
}

int mx2_primary(struct admin *admin, int argc, char **argv)
{
	char *myhostname = postfix_setting(admin, "myhostname");
	struct policy *policy;
	struct policy_mx2 mx2;
	int ret = open_domain(admin, argv[0], &policy, &mx2);

	(void)argc;
	if (ret == EX_OK)
		printf("# For the Postfix of %s's primary: %s holds mail for it and hands it over\n"
		       "# with the address of the client that brought it (XFORWARD).\n"
		       "smtpd_authorized_xforward_hosts = %s\n"
		       "# Also leave %s out of SPF, DNSBL and greylisting checks, as its own address\n"
		       "# says nothing of the sender; with Shoveler: score_exempt_networks.\n"
		       "# What waits comes at once when the primary is back; ETRN %s works, too.\n",
		       mx2.domain, myhostname, myhostname, myhostname, mx2.domain);
	policy_close(&policy);
	free(myhostname);
	return ret;
}
