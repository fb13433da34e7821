#include "commands.h"

#include "lib/child.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "kept.h"
#include "policy.h"
#include "rcpt_class.h"

#include <stdlib.h>
#include <time.h>

#define MAX_RELEASE_TO	   1000
#define RELEASE_TIMEOUT_MS 60000

static void print_class(const char *address, const struct rcpt_class *class, FILE *out)
{
	char name[RCPT_CLASS_NAME_SIZE];

	fprintf(out, "%s: %s%s\n", address, rcpt_class_name(class->classes, name),
		(class->classes & CLASS_MAILBOX) != 0 ? "; scanned for viruses" : "; not scanned");
	for (size_t i = 0; i < class->target_count; i++)
		fprintf(out, "  leaves to %s\n", class->targets[i]);
}

static int show_class(const struct policy *policy, const char *address, FILE *out, char **error_r)
{
	struct strbuf trace = STRBUF_INIT;
	const struct rcpt_question question = {.address = address, .trace = &trace};
	struct rcpt_class class = {0};
	int ret = policy_class_find(policy, &question, &class, error_r);

	fputs(strbuf_text(&trace), out);
	if (ret == 0)
		print_class(address, &class, out);
	rcpt_class_free(&class);
	strbuf_free(&trace);
	return ret;
}

int milter_show_class(const struct conf *conf, const char *address, FILE *out, char **error_r)
{
	struct policy *policy = NULL;
	int ret;

	if (strchr(address, '@') == NULL) {
		*error_r = xasprintf("\"%s\" is no mail address", address);
		return -1;
	}
	if (policy_create(conf, &policy, error_r) < 0)
		return -1;
	ret = show_class(policy, address, out, error_r);
	policy_release(&policy);
	return ret;
}

static void print_score(const struct policy *policy, const struct score *score, FILE *out)
{
	static const char *const actions[] = {
		[SCORE_TAKE] = "taken",
		[SCORE_NOTE] = "taken, with a note in the header (score_note)",
		[SCORE_GREYLIST] = "has to try again later at first (score_greylist)",
		[SCORE_REJECT] = "refused (score_reject)",
	};
	static const struct {
		unsigned class;
		const char *name;
	} classes[] = {{CLASS_MAILBOX, "mailbox"},
		       {CLASS_REDIRECT, "redirect"},
		       {CLASS_RELAYED, "relayed domain"}};

	for (size_t i = 0; i < score->hit_count; i++)
		fprintf(out, "%+4d  %-24s %s\n", score->hits[i].weight, score->hits[i].name,
			score_text(score->hits[i].name));
	fprintf(out, "%4d  in all\n", score->total);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct score_limits limits =
			score_table_find(&policy->score_table, classes[i].class);

		fprintf(out, "      mail for a %s: %s\n", classes[i].name,
			actions[score_action_find(&limits, score->total, score->hit_count)]);
	}
}

static void show_score(const struct policy *policy, const struct score_question *question,
		       const struct ip *client, FILE *out)
{
	struct lookups *lookups = lookups_new(&policy->lookups, client, NULL);
	struct score score;

	if (question->helo != NULL)
		lookups_helo(lookups, question->helo);
	if (question->sender != NULL)
		lookups_sender(lookups, question->sender);
	lookups_score(lookups, 1, &score);
	lookups_free(&lookups);
	for (size_t i = 0; i < dns_lists_count(policy->lookups.lists); i++) {
		if (!dns_lists_usable(policy->lookups.lists, i))
			fprintf(out, "  --  %s is muted: it failed its self-test\n",
				dns_lists_get(policy->lookups.lists, i)->domain);
	}
	if (policy_is_exempt(policy, client))
		fprintf(out, "  --  this client is in a network that is not scored\n");
	print_score(policy, &score, out);
}

int milter_show_score(const struct conf *conf, const struct score_question *question, FILE *out,
		      char **error_r)
{
	struct policy *policy = NULL;
	struct ip client;

	if (ip_parse(question->client, &client) < 0) {
		*error_r = xasprintf("\"%s\" is no IP address", question->client);
		return -1;
	}
	if (policy_create(conf, &policy, error_r) < 0)
		return -1;
	show_score(policy, question, &client, out);
	policy_release(&policy);
	return 0;
}

static void print_kept(const struct kept_message *message, void *context)
{
	char when[32];
	struct tm parts;

	localtime_r(&message->time, &parts);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &parts);
	fprintf(context, "%s  %s  %s  client=[%s] from=<%s> to=<%s>\n", message->id, when,
		message->signature, message->client, message->sender, message->to);
}

int milter_list_kept(const struct conf *conf, FILE *out, char **error_r)
{
	return kept_list(conf_text(conf, P_VIRUS_KEEP_DIRECTORY), print_kept, out, error_r);
}

int milter_show_kept(const struct conf *conf, const char *id, FILE *out, char **error_r)
{
	struct kept_file file;

	if (kept_read(conf_text(conf, P_VIRUS_KEEP_DIRECTORY), id, &file, error_r) < 0)
		return -1;
	fwrite(file.content.data, 1, file.content.size, out);
	kept_file_free(&file);
	return 0;
}

/* sendmail(1) takes lines that end with LF. */
static void without_cr(struct span content, struct strbuf *out)
{
	for (size_t i = 0; i < content.size; i++) {
		if (content.data[i] != '\r' || i + 1 == content.size || content.data[i + 1] != '\n')
			strbuf_append_char(out, content.data[i]);
	}
}

static int send_again(const struct conf *conf, const struct kept_file *file, char **error_r)
{
	const char *arguments[MAX_RELEASE_TO + 10] = {
		"sendmail",	      "-C", conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY), "-i", "-f",
		file->message.sender, "--"};
	char *to = xstrdup(file->message.to), *rest = to, *address;
	struct strbuf content = STRBUF_INIT, out = STRBUF_INIT;
	size_t count = 7;
	int code;

	while ((address = strsep(&rest, " ")) != NULL && count < MAX_RELEASE_TO + 7)
		arguments[count++] = address;
	without_cr(file->content, &content);
	code = child_run(arguments, strbuf_span(&content), RELEASE_TIMEOUT_MS, &out, &out, error_r);
	if (code > 0)
		*error_r = xasprintf("sendmail: %s", strbuf_text(&out));
	strbuf_free(&content);
	strbuf_free(&out);
	free(to);
	return code == 0 ? 0 : -1;
}

int milter_release_kept(const struct conf *conf, const char *id, char **error_r)
{
	const char *directory = conf_text(conf, P_VIRUS_KEEP_DIRECTORY);
	struct kept_file file;
	int ret;

	if (kept_read(directory, id, &file, error_r) < 0)
		return -1;
	ret = send_again(conf, &file, error_r);
	kept_file_free(&file);
	if (ret == 0)
		(void)kept_remove(directory, id);
	return ret;
}
