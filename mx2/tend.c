#include "tend.h"
#include "notice.h"
#include "primary.h"
#include "told.h"

#include <inttypes.h>
#include <stdlib.h>

struct work {
	const struct tend *tend;
	struct mx2_domains *domains;
	struct strbuf ids[QUEUE_ACTIONS]; /* one a line */
};

static void log_action(const struct tend *tend, const struct queued *message,
		       enum queue_action action)
{
	char *age = notice_span(tend->now - message->arrival);

	fprintf(tend->log, "%s: from=<%s>, to=<%s>, nrcpt=%zu, age=%s, action=%s%s\n", message->id,
		message->sender, message->count > 0 ? message->recipients[0].address : "",
		message->count, age, queue_action_name(action), tend->dry_run ? " (dry run)" : "");
	free(age);
}

static void look_at(void *context, const struct queued *message)
{
	struct work *work = context;
	enum queue_action action =
		mx2_judge(work->domains, message, work->tend->other_lifetime, work->tend->now);

	mx2_domains_count(work->domains, message);
	if (action == QUEUE_ACTIONS)
		return;
	log_action(work->tend, message, action);
	strbuf_printf(&work->ids[action], "%s\n", message->id);
}

static int change_queue(struct work *work, char **error_r)
{
	int ret = 0;

	for (int action = 0; action < QUEUE_ACTIONS && ret == 0 && !work->tend->dry_run; action++)
		ret = queue_change(work->tend->postfix_directory, (enum queue_action)action,
				   strbuf_span(&work->ids[action]), error_r);
	return ret;
}

static bool answers_again(const struct tend *tend, const struct mx2_domain *domain)
{
	struct primary primary;
	char *error = NULL;
	bool answers = false;

	if (primary_find(&domain->mx2, tend->myhostname, tend->dns, &primary, &error) == 0) {
		for (size_t i = 0; i < primary.count && !answers; i++) {
			free(error);
			error = NULL;
			answers = primary_greets(&primary.hosts[i], &error) == 0;
		}
	}
	free(error);
	return answers;
}

/* Postfix tries hosts that were down ever more rarely; a contact should not wait for that. */
static int flush_if_back(const struct tend *tend, const struct mx2_domain *domain, char **error_r)
{
	if (!domain->waiting.unreachable || !answers_again(tend, domain))
		return 0;
	fprintf(tend->log, "domain=%s, messages=%" PRIu64 ", primary=back, action=flush%s\n",
		domain->mx2.domain, domain->waiting.messages, tend->dry_run ? " (dry run)" : "");
	return tend->dry_run ? 0
			     : queue_flush(tend->postfix_directory, domain->mx2.domain, error_r);
}

static int mail_notice(const struct tend *tend, const struct mx2_domain *domain,
		       void (*format)(struct strbuf *out, const struct mx2_domain *domain,
				      const char *myhostname, int64_t now),
		       char **error_r)
{
	struct strbuf mail = STRBUF_INIT;
	int ret;

	format(&mail, domain, tend->myhostname, tend->now);
	ret = notice_send(domain, tend->postfix_directory, strbuf_span(&mail), error_r);
	strbuf_free(&mail);
	return ret;
}

static int tell(const struct tend *tend, const struct mx2_domain *domain, json_t *told,
		char **error_r)
{
	if (domain->waiting.messages == 0)
		told_forget(told, domain);
	if (!told_is_due(told, domain, tend->tell_after, tend->now))
		return 0;
	fprintf(tend->log, "domain=%s, messages=%" PRIu64 ", action=tell, contact=<%s>%s\n",
		domain->mx2.domain, domain->waiting.messages, domain->mx2.contact,
		tend->dry_run ? " (dry run)" : "");
	if (tend->dry_run)
		return 0;
	if (mail_notice(tend, domain, notice_format, error_r) < 0)
		return -1;
	told_note(told, domain, tend->now);
	return 0;
}

static int tell_stale(const struct tend *tend, const struct mx2_domain *domain, json_t *told,
		      char **error_r)
{
	if (!told_stale_is_due(told, domain, tend->list_max_age, tend->now))
		return 0;
	fprintf(tend->log, "domain=%s, list=stale, action=tell, contact=<%s>%s\n",
		domain->mx2.domain, domain->mx2.contact, tend->dry_run ? " (dry run)" : "");
	if (tend->dry_run)
		return 0;
	if (mail_notice(tend, domain, notice_stale_format, error_r) < 0)
		return -1;
	told_note_stale(told, domain, tend->now);
	return 0;
}

/* A domain that cannot be helped does not keep the others waiting; the first error is told. */
static int tend_domains(const struct tend *tend, const struct mx2_domains *domains, json_t *told,
			char **error_r)
{
	int ret = 0;

	for (size_t i = 0; i < domains->count; i++) {
		char *error = NULL;

		if (flush_if_back(tend, &domains->list[i], &error) == 0 &&
		    tell(tend, &domains->list[i], told, &error) == 0 &&
		    tell_stale(tend, &domains->list[i], told, &error) == 0)
			continue;
		if (ret == 0)
			*error_r = error;
		else
			free(error);
		ret = -1;
	}
	return ret;
}

int tend_queue(const struct tend *tend, struct mx2_domains *domains, char **error_r)
{
	struct work work = {tend, domains, {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT}};
	json_t *told = told_load(tend->state_file);
	int ret = queue_read(tend->postfix_directory, look_at, &work, error_r);

	if (ret == 0)
		ret = change_queue(&work, error_r);
	if (ret == 0) {
		char *error = NULL;

		ret = tend_domains(tend, domains, told, error_r);
		/*
		 * Kept whatever failed: nobody is told twice. Doctor sees by its time that this
		 * runs.
		 */
		if (!tend->dry_run && told_save(tend->state_file, told, &error) < 0 && ret == 0) {
			*error_r = error;
			error = NULL;
			ret = -1;
		}
		free(error);
	}
	for (int action = 0; action < QUEUE_ACTIONS; action++)
		strbuf_free(&work.ids[action]);
	json_decref(told);
	return ret;
}
