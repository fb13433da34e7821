/*
 * libFuzzer: names that strangers and admins write: addresses, users, folders, groups, domains,
 * networks, sockets, settings of a fallback MX, the queue id in a message. What is accepted is
 * accepted again, unchanged.
 */
#include "lda/queue_id.h"
#include "lib/address.h"
#include "lib/endpoint.h"
#include "lib/xalloc.h"
#include "milter/networks.h"
#include "schema/policy.h"
#include "spamtrain/shared/groups.h"
#include "tests/fuzz/utf8.h"

#include <limits.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void address(struct span text)
{
	struct strbuf user = STRBUF_INIT, again = STRBUF_INIT, path = STRBUF_INIT;
	struct span local, domain;

	if (address_user(text, "+-", &user)) {
		require(address_is_user(strbuf_span(&user)));
		require(address_split(strbuf_span(&user), &local, &domain));
		address_escape(&path, local);
		require(path.size > 0 && path.size <= NAME_MAX && path.data[0] != '.');
		require(memchr(path.data, '/', path.size) == NULL);
		require(address_user(strbuf_span(&user), "", &again));
		require(span_equal(strbuf_span(&user), strbuf_span(&again)));
	} else {
		require(user.size == 0);
	}
	strbuf_free(&user);
	strbuf_free(&again);
	strbuf_free(&path);
}

static void policy_name(const char *text)
{
	static int (*const checks[])(const char *, char *, char **) = {
		policy_name_user, policy_name_group, policy_name_domain, policy_name_folder};

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		char name[POLICY_NAME_MAX + 1] = "", again[POLICY_NAME_MAX + 1] = "";
		char *error = NULL;

		if (checks[i](text, name, &error) != 0) {
			require(error != NULL);
			free(error);
			continue;
		}
		require(strlen(name) <= POLICY_NAME_MAX && name[0] != '\0');
		require(checks[i](name, again, &error) == 0 && strcmp(name, again) == 0);
	}
}

/* Words separated by blanks, as a setting gives them. */
static void groups(const char *text)
{
	char *copy = xstrdup(text), *rest = copy, *word, *error = NULL;
	const char *words[20] = {NULL};
	struct dictionary_groups groups;

	for (size_t i = 0; i < 19 && (word = strsep(&rest, " \t\r\n")) != NULL;)
		if (*word != '\0')
			words[i++] = word;
	if (groups_parse(&groups, words, &error) == 0) {
		for (size_t i = 0; i < groups.count; i++)
			for (size_t k = 0; k < groups.list[i].count; k++)
				require(groups_find(&groups, groups.list[i].members[k]) != NULL);
		groups_free(&groups);
	} else {
		require(error != NULL && strchr(error, '\n') == NULL);
	}
	free(error);
	free(copy);
}

static void fallback(char *text)
{
	struct policy_mx2 mx2;
	char *value = strchr(text, '='), *error = NULL;

	policy_mx2_init(&mx2);
	if (value == NULL)
		return;
	*value++ = '\0';
	if (policy_mx2_set(&mx2, text, value, &error) == 0)
		policy_mx2_check(&mx2, &error);
	free(error);
}

static void others(struct span text, const char *zero_terminated)
{
	struct policy_identifier identifier;
	struct endpoint endpoint;
	struct networks networks = {0, NULL};
	struct ip ip;
	char id[QUEUE_ID_SIZE], *error = NULL;

	if (policy_identifier_parse(zero_terminated, &identifier, &error) == 0)
		require(strlen(identifier.name) <= POLICY_NAME_MAX);
	free(error);
	error = NULL;
	if (endpoint_parse(zero_terminated, &endpoint, &error) != 0)
		require(error != NULL);
	free(error);
	networks_add(&networks, zero_terminated);
	if (ip_parse(zero_terminated, &ip) == 0)
		networks_contain(&networks, &ip);
	networks_free(&networks);
	queue_id_find(text, id);
	require(strlen(id) < QUEUE_ID_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};
	char *copy = xstrndup((const char *)data, size);

	address(text);
	policy_name(copy);
	groups(copy);
	others(text, copy);
	fallback(copy);
	free(copy);
	return 0;
}
