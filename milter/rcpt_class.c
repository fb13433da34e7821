#include "rcpt_class.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "rcpt_transport.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_INCLUDE_FILE (1024 * 1024) /* bytes of an :include: file that are read */

/* One question on its way through the maps. */
struct walk {
	const struct rcpt_maps *maps;
	const struct rcpt_question *question;
	struct rcpt_class *result;
	char **error_r;
	size_t seen_count;
	char *seen[RCPT_CLASS_MAX_ADDRESSES];
};

static int visit(struct walk *walk, const char *address, int depth);
static int visit_list(struct walk *walk, struct span list, const struct rcpt_parts *owner,
		      const char *detail, int depth);

void rcpt_class_free(struct rcpt_class *result)
{
	for (size_t i = 0; i < result->target_count; i++)
		free(result->targets[i]);
	free(result->targets);
	for (size_t i = 0; i < result->mailbox_count; i++)
		free(result->mailboxes[i]);
	free(result->mailboxes);
	*result = (struct rcpt_class){0};
}

const char *rcpt_class_name(unsigned classes, char *buffer)
{
	static const char *const names[] = {"mailbox",	"redirect", "relayed",
					    "training", "nowhere",  "exempt", "trap"};
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((classes & (1u << i)) != 0)
			used += (size_t)snprintf(buffer + used, RCPT_CLASS_NAME_SIZE - used, "%s%s",
						 used == 0 ? "" : ",", names[i]);
	}
	return buffer;
}

/* Returns 1: new; 0: was here before; -1: too many. */
static int mark_seen(struct walk *walk, const char *address)
{
	for (size_t i = 0; i < walk->seen_count; i++) {
		if (strcmp(walk->seen[i], address) == 0)
			return 0;
	}
	if (walk->seen_count == RCPT_CLASS_MAX_ADDRESSES) {
		*walk->error_r = xstrdup("the alias leads to too many addresses");
		return -1;
	}
	walk->seen[walk->seen_count++] = xstrdup(address);
	return 1;
}

static void add_target(struct rcpt_class *result, const char *address)
{
	result->classes |= CLASS_REDIRECT;
	result->targets =
		xrealloc(result->targets, (result->target_count + 1) * sizeof(*result->targets));
	result->targets[result->target_count++] = xstrdup(address);
}

static void add_mailbox(struct rcpt_class *result, const char *address)
{
	result->classes |= CLASS_MAILBOX;
	result->mailboxes = xrealloc(result->mailboxes,
				     (result->mailbox_count + 1) * sizeof(*result->mailboxes));
	result->mailboxes[result->mailbox_count++] = xstrdup(address);
}

static void trace(const struct walk *walk, const char *address, const char *how, const char *what)
{
	if (walk->question->trace != NULL)
		strbuf_printf(walk->question->trace, "%s: %s %s\n", address, how, what);
}

static int visit_aliases(struct walk *walk, const char *address, const struct rcpt_parts *parts,
			 int depth)
{
	char *value = NULL;
	int found = rcpt_maps_find_alias(walk->maps, parts, &value, walk->error_r);

	if (found == 1) {
		trace(walk, address, "alias_maps lead to", value);
		found = visit_list(walk, span_of(value), parts, "", depth);
	} else if (found == 0) {
		trace(walk, address, "is", "a mailbox of local(8)");
		add_mailbox(walk->result, address);
	}
	free(value);
	return found < 0 ? -1 : 0;
}

/* No virtual alias changes this address any more. */
static int visit_leaf(struct walk *walk, const char *address, const struct rcpt_parts *parts,
		      int depth)
{
	const struct rcpt_question *question = walk->question;
	bool itself = depth == 0;
	enum rcpt_place place = PLACE_NOWHERE;
	int ret;

	if (itself && question->mailer != NULL && question->mailer[0] != '\0')
		ret = rcpt_transport_place(walk->maps, parts, span_of(question->mailer),
					   span_of(question->host != NULL ? question->host : ""),
					   &place, walk->error_r);
	else
		ret = rcpt_transport_find(walk->maps, parts, &place, walk->error_r);
	if (ret < 0)
		return -1;
	switch (place) {
	case PLACE_HERE:
		trace(walk, address, "is", "delivered on this host");
		add_mailbox(walk->result, address);
		break;
	case PLACE_ALIASES:
		return visit_aliases(walk, address, parts, depth);
	case PLACE_AWAY:
		trace(walk, address, "is", "sent to another host");
		if (itself)
			walk->result->classes |= CLASS_RELAYED;
		else
			add_target(walk->result, address);
		break;
	case PLACE_NOWHERE:
		trace(walk, address, "is", "delivered nowhere");
		walk->result->classes |= CLASS_NOWHERE;
		break;
	}
	return 0;
}

static int visit_include(struct walk *walk, struct span item, const struct rcpt_parts *owner,
			 int depth)
{
	char *path = xstrndup(item.data, item.size), *text = xmalloc(MAX_INCLUDE_FILE);
	FILE *file = fopen(path, "re");
	size_t size = file == NULL ? 0 : fread(text, 1, MAX_INCLUDE_FILE, file);
	int ret = -1;

	if (file == NULL || size == MAX_INCLUDE_FILE || ferror(file))
		*walk->error_r = xasprintf("cannot read %s", path);
	else
		ret = visit_list(walk, (struct span){text, size}, owner, "", depth + 1);
	if (file != NULL)
		fclose(file);
	free(text);
	free(path);
	return ret;
}

/* An alias that names itself ends there: that address is delivered as it is. */
static int visit_self(struct walk *walk, const char *address, const struct rcpt_parts *parts)
{
	enum rcpt_place place = PLACE_NOWHERE;

	if (rcpt_transport_find(walk->maps, parts, &place, walk->error_r) < 0)
		return -1;
	if (place == PLACE_AWAY) {
		add_target(walk->result, address);
		walk->result->inseparable = true;
	} else if (place == PLACE_NOWHERE) {
		walk->result->classes |= CLASS_NOWHERE;
	} else {
		add_mailbox(walk->result, address);
	}
	trace(walk, address, "leads to itself and is",
	      place == PLACE_AWAY ? "sent to another host" : "delivered on this host");
	return 0;
}

static int visit_item(struct walk *walk, struct span item, const struct rcpt_parts *owner,
		      const char *detail, int depth)
{
	const char *origin = postfix_config_get(walk->maps->config, PF_MYORIGIN);
	char *address, *self;
	int ret;

	if (span_starts_nocase(item, SPAN_LITERAL(":include:")))
		return visit_include(walk, span_from(item, 9), owner, depth);
	if (item.data[0] == '|' || item.data[0] == '/' || item.data[0] == '"') {
		walk->result->classes |= CLASS_MAILBOX;
		return 0;
	}
	address = rcpt_address_complete(item, owner, detail, origin);
	self = xasprintf("%s@%s", owner->local, owner->domain);
	if (strcmp(address, self) == 0)
		ret = visit_self(walk, address, owner);
	else
		ret = visit(walk, address, depth + 1);
	free(address);
	free(self);
	return ret;
}

/* As postfix_list_next(), but a quoted item, like "|command with arguments", is one. */
static bool next_item(struct span *rest, struct span *item_r)
{
	const char *start, *quote;

	if (!postfix_list_next(rest, item_r))
		return false;
	start = item_r->data;
	if (start[0] != '"' || memchr(start + 1, '"', item_r->size - 1) != NULL)
		return true;
	quote = rest->size == 0 ? NULL : memchr(rest->data, '"', rest->size);
	if (quote != NULL) {
		item_r->size = (size_t)(quote - start) + 1;
		*rest = span_from(*rest, (size_t)(quote - rest->data) + 1);
	}
	return true;
}

static int visit_list(struct walk *walk, struct span list, const struct rcpt_parts *owner,
		      const char *detail, int depth)
{
	struct span item;
	int ret = 0;

	if (depth >= RCPT_CLASS_MAX_DEPTH) {
		*walk->error_r = xstrdup("aliases of aliases, without end");
		return -1;
	}
	while (ret == 0 && next_item(&list, &item))
		ret = visit_item(walk, item, owner, detail, depth);
	return ret;
}

static bool propagates_extension(const struct walk *walk)
{
	struct span rest = span_of(postfix_config_get(walk->maps->config, PF_PROPAGATE_EXTENSIONS));
	struct span word;

	while (postfix_list_next(&rest, &word)) {
		if (span_equal(word, SPAN_LITERAL("virtual")))
			return true;
	}
	return false;
}

static int visit_parts(struct walk *walk, const char *address, const struct rcpt_parts *parts,
		       int depth)
{
	char *value = NULL;
	const char *detail;
	int found = rcpt_maps_find_address(walk->maps, PF_VIRTUAL_ALIAS_MAPS, parts, &value,
					   &detail, walk->error_r);
	int ret;

	if (found < 0)
		return -1;
	if (found == 0)
		return visit_leaf(walk, address, parts, depth);
	trace(walk, address, "virtual_alias_maps lead to", value);
	ret = visit_list(walk, span_of(value), parts, propagates_extension(walk) ? detail : "",
			 depth);
	free(value);
	return ret;
}

static int visit(struct walk *walk, const char *address, int depth)
{
	struct rcpt_parts parts;
	int ret = mark_seen(walk, address);

	if (ret <= 0)
		return ret;
	rcpt_parts_split(&parts, address,
			 postfix_config_get(walk->maps->config, PF_RECIPIENT_DELIMITER));
	ret = visit_parts(walk, address, &parts, depth);
	rcpt_parts_free(&parts);
	return ret;
}

/* recipient_canonical_maps and canonical_maps come before all aliases. Freed by the caller. */
static char *canonical(struct walk *walk, const char *address)
{
	static const enum postfix_parameter stages[] = {PF_RECIPIENT_CANONICAL_MAPS,
							PF_CANONICAL_MAPS};
	char *current = xstrdup(address);

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]) && current != NULL; i++) {
		struct rcpt_parts parts;
		char *value = NULL, *next = NULL;
		const char *detail;
		int found;

		rcpt_parts_split(&parts, current,
				 postfix_config_get(walk->maps->config, PF_RECIPIENT_DELIMITER));
		found = rcpt_maps_find_address(walk->maps, stages[i], &parts, &value, &detail,
					       walk->error_r);
		if (found == 0)
			next = xasprintf("%s@%s", parts.local, parts.domain);
		else if (found == 1)
			next = rcpt_address_complete(
				span_of(value), &parts, detail,
				postfix_config_get(walk->maps->config, PF_MYORIGIN));
		rcpt_parts_free(&parts);
		free(value);
		free(current);
		current = next;
	}
	return current;
}

int rcpt_class_find(const struct rcpt_maps *maps, const struct rcpt_question *question,
		    struct rcpt_class *result_r, char **error_r)
{
	struct walk *walk = xcalloc(1, sizeof(*walk));
	char *address;
	int ret = -1;

	*result_r = (struct rcpt_class){0};
	*walk = (struct walk){
		.maps = maps, .question = question, .result = result_r, .error_r = error_r};
	address = canonical(walk, question->address);
	/* An address that was rewritten has another transport than Postfix said. */
	if (address != NULL && strcasecmp(address, question->address) != 0)
		trace(walk, question->address, "canonical maps make it", address);
	if (address != NULL)
		ret = visit(walk, address, strcasecmp(address, question->address) == 0 ? 0 : 1);
	if (ret == 0 && result_r->classes == 0)
		result_r->classes = CLASS_NOWHERE;
	free(address);
	for (size_t i = 0; i < walk->seen_count; i++)
		free(walk->seen[i]);
	free(walk);
	if (ret < 0)
		rcpt_class_free(result_r);
	return ret;
}
