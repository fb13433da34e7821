/* A struct spamtraind of the configuration; the one in use. */
#include "spamtrain/daemon/spamtraind.h"

#include "lib/address.h"
#include "lib/endpoint.h"
#include "lib/msg.h"
#include "lib/text_list.h"
#include "lib/xalloc.h"

#include <pwd.h>
#include <pthread.h>
#include <stdlib.h>

#define DATA_TIMEOUT_SECONDS 60 /* from the final dot to Dovecot's reply */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct spamtraind *current;

static const char *find_common(char *const *a, char *const *b)
{
	for (; *a != NULL; a++) {
		for (char *const *each = b; *each != NULL; each++) {
			if (strcmp(*a, *each) == 0)
				return *a;
		}
	}
	return NULL;
}

static int read_addresses(struct spamtraind *service, const struct conf *conf, char **error_r)
{
	const char *common;

	service->spam_addresses =
		text_list_lower(text_list_copy(conf_list(conf, P_TRAINING_SPAM_ADDRESSES)));
	service->innocent_addresses =
		text_list_lower(text_list_copy(conf_list(conf, P_TRAINING_INNOCENT_ADDRESSES)));
	service->traps = text_list_lower(text_list_copy(conf_list(conf, P_SPAM_TRAPS)));
	common = find_common(service->spam_addresses, service->innocent_addresses);
	if (common != NULL) {
		*error_r = xasprintf("%s: \"%s\" is also one of %s",
				     conf_name(P_TRAINING_SPAM_ADDRESSES), common,
				     conf_name(P_TRAINING_INNOCENT_ADDRESSES));
		return -1;
	}
	if (service->spam_addresses[0] == NULL && service->innocent_addresses[0] == NULL)
		return 0;
	return submitter_secret_read(conf_name(P_SUBMITTER_SECRET_FILE),
				     conf_text(conf, P_SUBMITTER_SECRET_FILE), &service->secret,
				     error_r);
}

static int open_nexthop(struct spamtraind *service, const struct conf *conf, char **error_r)
{
	struct endpoint endpoint;
	char *problem;

	if (conf_text(conf, P_LDA_NEXTHOP)[0] == '\0') {
		*error_r = xasprintf("%s is empty", conf_name(P_LDA_NEXTHOP));
		return -1;
	}
	if (endpoint_parse(conf_text(conf, P_LDA_NEXTHOP), &endpoint, &problem) < 0) {
		*error_r = xasprintf("%s: %s", conf_name(P_LDA_NEXTHOP), problem);
		free(problem);
		return -1;
	}
	service->nexthop = lmtp_pool_new(&endpoint, service->hostname, DATA_TIMEOUT_SECONDS);
	return 0;
}

/* -1 when this host has not that user. */
static uid_t uid_of(const char *name)
{
	const struct passwd *user = getpwnam(name);

	return user != NULL ? user->pw_uid : (uid_t)-1;
}

/* Users that this host has not are passed over: not everybody has the web page. */
static void read_clients(struct spamtraind *service, const struct conf *conf)
{
	const char *const *names = conf_list(conf, P_SPAMTRAIND_CLIENTS);
	const struct passwd *user;
	size_t count = 0;

	service->mail_uid = uid_of(conf_text(conf, P_MAIL_USER));
	service->milter_uid = uid_of(conf_text(conf, P_MILTER_USER));
	while (names[count] != NULL)
		count++;
	service->clients = xcalloc(count + 1, sizeof(*service->clients));
	for (; *names != NULL; names++) {
		user = getpwnam(*names);
		if (user != NULL)
			service->clients[service->client_count++] = user->pw_uid;
	}
}

static int read_links(struct spamtraind *service, const struct conf *conf, char **error_r)
{
	const char *url = conf_text(conf, P_WEB_URL);
	size_t size = strlen(url);

	while (size > 0 && url[size - 1] == '/')
		size--;
	service->web_url = xstrndup(url, size);
	service->link_seconds = conf_number(conf, P_LINK_LIFETIME);
	if (size == 0)
		return 0;
	if ((strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) ||
	    strpbrk(url, " \t\"<>") != NULL) {
		*error_r =
			xasprintf("%s: \"%s\" is no https:// address", conf_name(P_WEB_URL), url);
		return -1;
	}
	return submitter_secret_read(conf_name(P_LINK_SECRET_FILE),
				     conf_text(conf, P_LINK_SECRET_FILE), &service->link_secret,
				     error_r);
}

static void read_rest(struct spamtraind *service, const struct conf *conf)
{
	service->users_directory = xstrdup(conf_text(conf, P_USERS_DIRECTORY));
	service->temporary_directory = xstrdup(conf_text(conf, P_TEMPORARY_DIRECTORY));
	service->delimiters = xstrdup(conf_text(conf, P_RECIPIENT_DELIMITER));
	service->login_domain = text_lower(conf_text(conf, P_TRAINING_LOGIN_DOMAIN));
	service->training_size_max = (uint64_t)conf_number(conf, P_TRAINING_SIZE_LIMIT);
	service->answers = conf_bool(conf, P_TRAINING_ANSWERS);
	service->receipts = conf_bool(conf, P_TRAINING_RECEIPTS);
	service->answer_from = xstrdup(conf_text(conf, P_TRAINING_ANSWER_FROM));
	service->language = strcmp(conf_text(conf, P_TRAINING_LANGUAGE), "fr") == 0
				    ? TRAINING_FRENCH
				    : TRAINING_ENGLISH;
	service->quarantine_seconds = conf_number(conf, P_QUARANTINE_LIFETIME);
	service->quarantine_max = (uint64_t)conf_number(conf, P_QUARANTINE_SIZE_LIMIT);
	service->purge_interval = conf_number(conf, P_PURGE_INTERVAL);
	if (conf_bool(conf, P_SITE_DICTIONARY))
		service->site_file = classifier_site_file(conf);
	service->site_users = (unsigned)conf_number(conf, P_SITE_DICTIONARY_USERS);
	service->opt_in = conf_bool(conf, P_LDA_OPT_IN);
	service->digest_hour = (int)conf_number(conf, P_DIGEST_HOUR);
}

struct spamtraind *spamtraind_new(const struct conf *conf, char **error_r)
{
	struct spamtraind *service = xcalloc(1, sizeof(*service));

	atomic_init(&service->users, 1);
	service->hostname = conf_hostname(conf);
	read_rest(service, conf);
	read_clients(service, conf);
	service->site = classifier_site_new(conf, error_r);
	if (service->site == NULL || read_addresses(service, conf, error_r) < 0 ||
	    read_links(service, conf, error_r) < 0 || open_nexthop(service, conf, error_r) < 0)
		spamtraind_drop(&service);
	return service;
}

static void free_service(struct spamtraind *service)
{
	lmtp_pool_free(&service->nexthop);
	classifier_site_free(&service->site);
	text_list_free(service->spam_addresses);
	text_list_free(service->innocent_addresses);
	text_list_free(service->traps);
	free(service->site_file);
	free(service->hostname);
	free(service->users_directory);
	free(service->temporary_directory);
	free(service->delimiters);
	free(service->login_domain);
	free(service->answer_from);
	free(service->clients);
	free(service->web_url);
	free(service);
}

void spamtraind_set_current(struct spamtraind *service)
{
	struct spamtraind *before;

	pthread_mutex_lock(&lock);
	before = current;
	current = service;
	pthread_mutex_unlock(&lock);
	spamtraind_drop(&before);
}

struct spamtraind *spamtraind_current(void)
{
	struct spamtraind *service;

	pthread_mutex_lock(&lock);
	service = current;
	atomic_fetch_add(&service->users, 1);
	pthread_mutex_unlock(&lock);
	return service;
}

void spamtraind_drop(struct spamtraind **service)
{
	if (*service != NULL && atomic_fetch_sub(&(*service)->users, 1) == 1)
		free_service(*service);
	*service = NULL;
}

bool spamtraind_user(const struct spamtraind *service, const char *login, struct strbuf *out)
{
	struct strbuf address = STRBUF_INIT;
	bool ok;

	strbuf_append_text(&address, login);
	if (strchr(login, '@') == NULL && service->login_domain[0] != '\0')
		strbuf_printf(&address, "@%s", service->login_domain);
	ok = address_user(strbuf_span(&address), service->delimiters, out);
	strbuf_free(&address);
	return ok;
}

enum training_language spamtraind_language(const struct spamtraind *service,
					   const struct preferences *preferences)
{
	switch (preferences->locale) {
	case LOCALE_ENGLISH:
		return TRAINING_ENGLISH;
	case LOCALE_FRENCH:
		return TRAINING_FRENCH;
	case LOCALE_AUTO:
		break;
	}
	return service->language;
}
