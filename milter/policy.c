#include "policy.h"

#include "lib/address.h"
#include "lib/msg.h"
#include "lib/text_list.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "rcpt_class.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How much longer than the scanner's own time-out a session waits for it: the queue before it. */
#define SCANNER_QUEUE_TIME_S 30
#define LIST_TEST_MS	     2000 /* how long a start waits for the self-tests of DNS lists */
#define POSTFIX_LOOK_S	     5	  /* seconds between two looks at the time of main.cf */
#define TEST_KEY	     "shoveler-test.invalid"
#define MAX_OWN_NAMES	     64

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

static void take_training(struct policy *policy, const struct conf *conf)
{
	policy->training =
		text_list_lower(text_list_join(conf_list(conf, P_TRAINING_SPAM_ADDRESSES),
					       conf_list(conf, P_TRAINING_INNOCENT_ADDRESSES)));
}

static void take_traps(struct policy *policy, const struct conf *conf)
{
	policy->delimiters = xstrdup(conf_text(conf, P_RECIPIENT_DELIMITER));
	policy->traps = text_list_lower(text_list_copy(conf_list(conf, P_SPAM_TRAPS)));
}

static int take_secret(struct policy *policy, const struct conf *conf, char **error_r)
{
	if (policy->training[0] == NULL)
		return 0;
	if (submitter_secret_read(conf_name(P_SUBMITTER_SECRET_FILE),
				  conf_text(conf, P_SUBMITTER_SECRET_FILE), &policy->secret,
				  error_r) < 0)
		return -1;
	policy->has_secret = true;
	return 0;
}

static void free_policy(struct policy *policy)
{
	text_list_free(policy->training);
	text_list_free(policy->traps);
	free(policy->delimiters);
	text_list_free(policy->own_names);
	text_list_free(policy->virus_exempt_addresses);
	networks_free(&policy->virus_exempt);
	dns_lists_free(&policy->lookups.lists);
	dns_close(&policy->lookups.dns);
	networks_free(&policy->exempt);
	postfix_config_free(&policy->postfix);
	postfix_maps_free(&policy->maps);
	free(policy->postfix_directory);
	free(policy->keep_directory);
	free(policy->temp_directory);
	free(policy->scanned_header);
	free(policy->score_url);
	explicit_bzero(&policy->secret, sizeof(policy->secret));
	free(policy);
}

static void take_scanner(struct policy *policy, const struct conf *conf)
{
	policy->scan = conf_bool(conf, P_VIRUS_SCAN);
	policy->scan_submitted = policy->scan && conf_bool(conf, P_VIRUS_SCAN_SUBMITTED);
	policy->brake = (int)conf_number(conf, P_VIRUS_BRAKE);
	policy->scanner_timeout_s =
		(int)conf_number(conf, P_SCANNER_TIMEOUT) + SCANNER_QUEUE_TIME_S;
	policy->crash_limit = (int)conf_number(conf, P_SCANNER_CRASH_LIMIT);
	policy->max_file_size = (size_t)conf_number(conf, P_SCANNER_MAX_FILE_SIZE);
	policy->temp_directory = xstrdup(conf_text(conf, P_SCANNER_TEMP_DIRECTORY));
	if (conf_number(conf, P_VIRUS_KEEP) > 0)
		policy->keep_directory = xstrdup(conf_text(conf, P_VIRUS_KEEP_DIRECTORY));
	policy->scanned_header = xstrdup(conf_text(conf, P_VIRUS_SCANNED_HEADER));
	policy->virus_action = find_action(conf_text(conf, P_VIRUS_ACTION));
	policy->virus_action_submitted = find_action(conf_text(conf, P_VIRUS_ACTION_SUBMITTED));
	policy->limit_action = find_action(conf_text(conf, P_SCANNER_LIMIT_ACTION));
}

static struct timespec later(struct timespec a, struct timespec b)
{
	if (a.tv_sec != b.tv_sec)
		return a.tv_sec > b.tv_sec ? a : b;
	return a.tv_nsec > b.tv_nsec ? a : b;
}

static struct timespec postfix_change(const char *directory)
{
	static const char *const names[] = {"main.cf", "master.cf"};
	struct timespec last = {0, 0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = xasprintf("%s/%s", directory, names[i]);
		struct stat st;

		if (stat(path, &st) == 0)
			last = later(st.st_mtim, later(st.st_ctim, last));
		free(path);
	}
	return last;
}

bool policy_is_outdated(const struct policy *policy)
{
	static _Atomic time_t next_look;
	time_t due = atomic_load(&next_look);
	struct timespec now, changed;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < due ||
	    !atomic_compare_exchange_strong(&next_look, &due, now.tv_sec + POSTFIX_LOOK_S))
		return false;
	changed = postfix_change(policy->postfix_directory);
	return changed.tv_sec != policy->postfix_changed.tv_sec ||
	       changed.tv_nsec != policy->postfix_changed.tv_nsec;
}

static int take_exempt(struct policy *policy, const struct conf *conf, char **error_r)
{
	const char *const *networks = conf_list(conf, P_VIRUS_EXEMPT_NETWORKS);

	policy->virus_exempt_addresses = text_list_copy(conf_list(conf, P_VIRUS_EXEMPT_ADDRESSES));
	for (; *networks != NULL; networks++) {
		if (networks_add(&policy->virus_exempt, *networks) == 0)
			continue;
		*error_r = xasprintf("virus_exempt_networks: \"%s\" is no network", *networks);
		return -1;
	}
	return 0;
}

static int take_postfix(struct policy *policy, const struct conf *conf, char **error_r)
{
	const char *directory = conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY);
	int timeout_ms = (int)conf_number(conf, P_POSTFIX_LOOKUP_TIMEOUT) * 1000;

	policy->postfix_directory = xstrdup(directory);
	policy->postfix_changed = postfix_change(directory);
	policy->maps = postfix_maps_new(directory, timeout_ms,
					(int)conf_number(conf, P_POSTFIX_LOOKUP_CACHE_TIME));
	return postfix_config_read(directory, timeout_ms, &policy->postfix, error_r);
}

static int take_sent(struct policy *policy, const struct conf *conf, char **error_r)
{
	policy->learn_sent = conf_bool(conf, P_LEARN_SENT_RECIPIENTS);
	return endpoint_parse(conf_text(conf, P_SPAMTRAIND_LISTEN), &policy->spamtraind, error_r);
}

static int add_lists(struct dns_lists *lists, const struct conf *conf, enum conf_param param,
		     char **error_r)
{
	const char *const *specs = conf_list(conf, param);
	char *problem = NULL;

	for (; *specs != NULL; specs++) {
		if (dns_lists_add(lists, *specs, param == P_RHSBL_SITES, &problem) == 0)
			continue;
		*error_r = xasprintf("%s: %s", conf_name(param), problem);
		free(problem);
		return -1;
	}
	return 0;
}

static int take_lists(struct policy *policy, const struct conf *conf, char **error_r)
{
	const char *const *weights = conf_list(conf, P_SCORE_WEIGHTS);
	int ret = 0;

	policy->lookups.lists = dns_lists_new();
	if (add_lists(policy->lookups.lists, conf, P_DNSBL_SITES, error_r) < 0 ||
	    add_lists(policy->lookups.lists, conf, P_RHSBL_SITES, error_r) < 0)
		return -1;
	score_weights_default(&policy->lookups.weights);
	for (; *weights != NULL && ret == 0; weights++)
		ret = score_weights_set(&policy->lookups.weights, *weights, error_r);
	return ret;
}

/* Of mynetworks only addresses are taken; a file or map in it is not followed. */
static int take_networks(struct policy *policy, const struct conf *conf, char **error_r)
{
	struct span rest = span_of(postfix_config_get(policy->postfix, PF_MYNETWORKS)), item;
	const char *const *exempt = conf_list(conf, P_SCORE_EXEMPT_NETWORKS);

	while (postfix_list_next(&rest, &item)) {
		char *text = xstrndup(item.data, item.size);

		if (networks_add(&policy->exempt, text) < 0)
			msg_warn("mynetworks of Postfix has \"%s\", which is not followed: "
				 "use score_exempt_networks",
				 text);
		free(text);
	}
	for (; *exempt != NULL; exempt++) {
		if (networks_add(&policy->exempt, *exempt) < 0) {
			*error_r =
				xasprintf("score_exempt_networks: \"%s\" is no network", *exempt);
			return -1;
		}
	}
	return 0;
}

/* myhostname, and the names in mydestination: what nobody else may call himself. */
static void take_own_names(struct policy *policy)
{
	struct span rest = span_of(postfix_config_get(policy->postfix, PF_MYDESTINATION)), item;
	size_t count = 0;

	policy->own_names = xcalloc(MAX_OWN_NAMES + 2, sizeof(char *));
	policy->own_names[count++] = text_lower(postfix_config_get(policy->postfix, PF_MYHOSTNAME));
	while (count <= MAX_OWN_NAMES && postfix_list_next(&rest, &item)) {
		char *text = xstrndup(item.data, item.size);

		if (strchr(text, '.') != NULL && strpbrk(text, ":/!") == NULL &&
		    strncmp(text, "localhost.", 10) != 0)
			policy->own_names[count++] = text_lower(text);
		free(text);
	}
	policy->lookups.own_names = (const char *const *)policy->own_names;
}

static int take_limits(struct policy *policy, const struct conf *conf, char **error_r)
{
	const struct score_limits everybody = {
		.note = (int)conf_number(conf, P_SCORE_NOTE),
		.greylist = (int)conf_number(conf, P_SCORE_GREYLIST),
		.reject = (int)conf_number(conf, P_SCORE_REJECT),
	};
	const char *const *limits = conf_list(conf, P_SCORE_LIMITS);
	int ret = 0;

	score_table_default(&policy->score_table, &everybody);
	for (; *limits != NULL && ret == 0; limits++)
		ret = score_table_set(&policy->score_table, *limits, error_r);
	return ret;
}

static int take_scoring(struct policy *policy, const struct conf *conf, char **error_r)
{
	policy->score_url = xstrdup(conf_text(conf, P_SCORE_URL));
	policy->greylist_delay_s = (int)conf_number(conf, P_GREYLIST_DELAY);
	policy->lookups.budget_ms = (int)conf_number(conf, P_DNS_BUDGET) * 1000;
	take_own_names(policy);
	if (take_limits(policy, conf, error_r) < 0 || take_lists(policy, conf, error_r) < 0 ||
	    take_networks(policy, conf, error_r) < 0)
		return -1;
	return dns_open(conf_list(conf, P_DNS_SERVERS), &policy->lookups.dns, error_r);
}

static int read_policy(const struct conf *conf, struct policy **policy_r, char **error_r)
{
	struct policy *policy = xcalloc(1, sizeof(*policy));

	policy->references = 1;
	take_scanner(policy, conf);
	take_training(policy, conf);
	take_traps(policy, conf);
	if (take_exempt(policy, conf, error_r) < 0 || take_secret(policy, conf, error_r) < 0 ||
	    take_postfix(policy, conf, error_r) < 0 || take_scoring(policy, conf, error_r) < 0 ||
	    endpoint_parse(conf_text(conf, P_SCANNER_LISTEN), &policy->scanner, error_r) < 0 ||
	    take_sent(policy, conf, error_r) < 0) {
		free_policy(policy);
		return -1;
	}
	*policy_r = policy;
	return 0;
}

int policy_create(const struct conf *conf, struct policy **policy_r, char **error_r)
{
	if (read_policy(conf, policy_r, error_r) < 0)
		return -1;
	dns_lists_test_now((*policy_r)->lookups.lists, (*policy_r)->lookups.dns, LIST_TEST_MS);
	return 0;
}

int policy_check(const struct conf *conf, char **error_r)
{
	struct policy *policy = NULL;

	if (read_policy(conf, &policy, error_r) < 0)
		return -1;
	free_policy(policy);
	return 0;
}

static void test_maps(struct policy *policy, enum postfix_parameter parameter)
{
	struct span rest = span_of(postfix_config_get(policy->postfix, parameter)), map;

	while (postfix_list_next(&rest, &map)) {
		char *name = xstrndup(map.data, map.size), *value = NULL, *error = NULL;

		if (strchr(name, ':') != NULL &&
		    postfix_maps_find(policy->maps, name, TEST_KEY, parameter == PF_ALIAS_MAPS,
				      &value, &error) < 0)
			msg_warn("recipients that need this map are deferred: %s", error);
		free(value);
		free(error);
		free(name);
	}
}

void policy_test_maps(struct policy *policy)
{
	for (size_t i = 0; i < POSTFIX_CONFIG_ASKED; i++)
		test_maps(policy, postfix_config_asked[i]);
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

bool policy_is_exempt(const struct policy *policy, const struct ip *client)
{
	return networks_contain(&policy->exempt, client);
}

static bool is_exempt_address(const struct policy *policy, const char *address)
{
	const char *at = strrchr(address, '@');

	for (char **each = policy->virus_exempt_addresses; *each != NULL; each++) {
		const char *what = (*each)[0] == '@' ? at : address;

		if (what != NULL && strcasecmp(*each, what) == 0)
			return true;
	}
	return false;
}

bool policy_is_virus_exempt(const struct policy *policy, const struct ip *client,
			    const char *sender, const char *recipient)
{
	return (client != NULL && networks_contain(&policy->virus_exempt, client)) ||
	       is_exempt_address(policy, sender) || is_exempt_address(policy, recipient);
}

static bool is_training(const struct policy *policy, const char *address)
{
	for (char **each = policy->training; *each != NULL; each++) {
		if (strcasecmp(*each, address) == 0)
			return true;
	}
	return false;
}

static bool is_trap(const struct policy *policy, const char *address)
{
	return address_is_listed((const char *const *)policy->traps, address, policy->delimiters);
}

static int look_up(void *context, const char *map, const char *key, bool alias, char **value_r,
		   char **error_r)
{
	return postfix_maps_find(context, map, key, alias, value_r, error_r);
}

static void look_up_several(void *context, const char *map, const char *const *keys, size_t count,
			    bool alias)
{
	postfix_maps_prefetch(context, map, keys, count, alias);
}

int policy_class_find(const struct policy *policy, const struct rcpt_question *question,
		      struct rcpt_class *class_r, char **error_r)
{
	const struct rcpt_lookup lookup = {look_up, look_up_several, policy->maps};
	const struct rcpt_maps maps = {policy->postfix, &lookup};
	bool trap = is_trap(policy, question->address);

	if (!trap && !is_training(policy, question->address))
		return rcpt_class_find(&maps, question, class_r, error_r);
	class_r->classes = trap ? CLASS_TRAP : CLASS_TRAINING;
	if (question->trace != NULL)
		strbuf_printf(question->trace, "%s: named by %s\n", question->address,
			      trap ? "spam_traps"
				   : "training_spam_addresses or training_innocent_addresses");
	return 0;
}
