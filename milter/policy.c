#include "policy.h"

#include "lib/xalloc.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* How much longer than the scanner's own time-out a session waits for it: the queue before it. */
#define SCANNER_QUEUE_TIME_S 30

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct policy *current;

static enum virus_action find_action(const char *name)
{
	if (strcmp(name, "discard") == 0)
		return VIRUS_DISCARD;
	if (strcmp(name, "reject") == 0)
		return VIRUS_REJECT;
	return strcmp(name, "hold") == 0 ? VIRUS_HOLD : VIRUS_ACCEPT;
}

static char *lower_case(const char *text)
{
	char *copy = xstrdup(text);

	for (char *each = copy; *each != '\0'; each++)
		*each = (char)tolower((unsigned char)*each);
	return copy;
}

static size_t list_size(const char *const *list)
{
	size_t size = 0;

	while (list[size] != NULL)
		size++;
	return size;
}

static void take_training(struct policy *policy, const struct conf *conf)
{
	const char *const *spam = conf_list(conf, P_TRAINING_SPAM_ADDRESSES);
	const char *const *innocent = conf_list(conf, P_TRAINING_INNOCENT_ADDRESSES);
	size_t count = 0;

	policy->training = xcalloc(list_size(spam) + list_size(innocent) + 1, sizeof(char *));
	for (; *spam != NULL; spam++)
		policy->training[count++] = lower_case(*spam);
	for (; *innocent != NULL; innocent++)
		policy->training[count++] = lower_case(*innocent);
}

static int take_secret(struct policy *policy, const struct conf *conf, char **error_r)
{
	if (policy->training[0] == NULL)
		return 0;
	if (submitter_secret_read(conf_text(conf, P_SUBMITTER_SECRET_FILE), &policy->secret,
				  error_r) < 0)
		return -1;
	policy->has_secret = true;
	return 0;
}

static void free_policy(struct policy *policy)
{
	for (char **each = policy->training; each != NULL && *each != NULL; each++)
		free(*each);
	free(policy->training);
	postfix_config_free(&policy->postfix);
	postfix_maps_free(&policy->maps);
	free(policy->temp_directory);
	free(policy->scanned_header);
	explicit_bzero(&policy->secret, sizeof(policy->secret));
	free(policy);
}

static void take_scanner(struct policy *policy, const struct conf *conf)
{
	policy->scan = conf_bool(conf, P_VIRUS_SCAN);
	policy->scanner_timeout_s =
		(int)conf_number(conf, P_SCANNER_TIMEOUT) + SCANNER_QUEUE_TIME_S;
	policy->crash_limit = (int)conf_number(conf, P_SCANNER_CRASH_LIMIT);
	policy->max_file_size = (size_t)conf_number(conf, P_SCANNER_MAX_FILE_SIZE);
	policy->temp_directory = xstrdup(conf_text(conf, P_SCANNER_TEMP_DIRECTORY));
	policy->scanned_header = xstrdup(conf_text(conf, P_VIRUS_SCANNED_HEADER));
	policy->virus_action = find_action(conf_text(conf, P_VIRUS_ACTION));
	policy->virus_action_submitted = find_action(conf_text(conf, P_VIRUS_ACTION_SUBMITTED));
	policy->limit_action = find_action(conf_text(conf, P_SCANNER_LIMIT_ACTION));
}

static int take_postfix(struct policy *policy, const struct conf *conf, char **error_r)
{
	const char *directory = conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY);
	int timeout_ms = (int)conf_number(conf, P_POSTFIX_LOOKUP_TIMEOUT) * 1000;

	policy->maps = postfix_maps_new(directory, timeout_ms,
					(int)conf_number(conf, P_POSTFIX_LOOKUP_CACHE_TIME));
	return postfix_config_read(directory, timeout_ms, &policy->postfix, error_r);
}

int policy_create(const struct conf *conf, struct policy **policy_r, char **error_r)
{
	struct policy *policy = xcalloc(1, sizeof(*policy));

	policy->references = 1;
	take_scanner(policy, conf);
	take_training(policy, conf);
	if (take_secret(policy, conf, error_r) < 0 || take_postfix(policy, conf, error_r) < 0 ||
	    endpoint_parse(conf_text(conf, P_SCANNER_LISTEN), &policy->scanner, error_r) < 0) {
		free_policy(policy);
		return -1;
	}
	*policy_r = policy;
	return 0;
}

void policy_install(struct policy *policy)
{
	struct policy *old;

	pthread_mutex_lock(&lock);
	old = current;
	current = policy;
	pthread_mutex_unlock(&lock);
	policy_release(&old);
}

struct policy *policy_take(void)
{
	struct policy *policy;

	pthread_mutex_lock(&lock);
	policy = current;
	policy->references++;
	pthread_mutex_unlock(&lock);
	return policy;
}

void policy_release(struct policy **policy_p)
{
	struct policy *policy = *policy_p;
	bool last;

	if (policy == NULL)
		return;
	*policy_p = NULL;
	pthread_mutex_lock(&lock);
	last = --policy->references == 0;
	pthread_mutex_unlock(&lock);
	if (last)
		free_policy(policy);
}

bool policy_is_training(const struct policy *policy, const char *address)
{
	for (char **each = policy->training; *each != NULL; each++) {
		if (strcasecmp(*each, address) == 0)
			return true;
	}
	return false;
}
