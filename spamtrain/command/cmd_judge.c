/*
 * cmd_judge.c - spamtrain classify, explain.
 */
#include "spamtrain/command/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static json_t *verdict_json(const struct classifier_verdict *verdict)
{
	return json_pack("{s:s, s:f, s:f, s:f}", "result", classifier_result_name(verdict->result),
			 "probability", verdict->probability, "confidence", verdict->confidence,
			 "score", verdict->score);
}

static void verdict_print(const struct classifier_verdict *verdict)
{
	printf("%s probability=%.4f confidence=%.4f score=%.2f\n",
	       classifier_result_name(verdict->result), verdict->probability, verdict->confidence,
	       verdict->score);
}

static const char *basis_text(enum classifier_basis basis)
{
	switch (basis) {
	case CLASSIFIER_BY_CORRESPONDENT:
		return "the user wrote to this sender, whose mail is judged with the least "
		       "sensitivity";
	case CLASSIFIER_BY_SENDER:
		return "the sender is trusted, whatever the score";
	case CLASSIFIER_NEW_ACCOUNT:
		return "fewer than five messages of spam or of innocent mail are known: "
		       "everything is let through";
	case CLASSIFIER_BY_SCORE:
		break;
	}
	return NULL;
}

static void basis_print(const struct classifier_verdict *verdict)
{
	const char *text = basis_text(verdict->basis);

	printf("spam is what scores more than %.2f%s%s\n", verdict->threshold,
	       text != NULL ? "; " : "", text != NULL ? text : "");
}

static json_t *reasons_json(const struct classifier_reason *reasons, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:f, s:i, s:i}", "family", reasons[i].family, "text",
				  json_text(reasons[i].text), "probability", reasons[i].probability,
				  "spam", reasons[i].spam, "innocent", reasons[i].innocent));
	return list;
}

static void reasons_print(const struct classifier_reason *reasons, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		printf("%7.4f  seen in %d spam, %d innocent  ", reasons[i].probability,
		       reasons[i].spam, reasons[i].innocent);
		text_print(stdout, reasons[i].text);
		putchar('\n');
	}
}

static int judge(struct session *session, int argc, char **argv, bool explain)
{
	struct classifier_message *message = NULL;
	struct classifier *classifier = NULL;
	struct classifier_verdict verdict = {0};
	struct classifier_reason *reasons = NULL;
	size_t count = 0;
	char *error = NULL;
	int code = open_user(session, argv[0], true, &classifier);

	if (code == EX_OK)
		code = message_open(argc > 1 ? argv[1] : "-", &message);
	if (code == EX_OK)
		code = result_of(classifier_explain(classifier, message, &verdict, &reasons,
						    explain ? &count : NULL, &error),
				 &error);
	if (code == EX_OK && session->json) {
		json_t *json = verdict_json(&verdict);
		if (explain)
			json_object_update_new(json, json_pack("{s:f, s:s?, s:o}", "threshold",
							       verdict.threshold, "basis",
							       basis_text(verdict.basis), "reasons",
							       reasons_json(reasons, count)));
		json_print(json);
	} else if (code == EX_OK) {
		verdict_print(&verdict);
		if (explain)
			basis_print(&verdict);
		reasons_print(reasons, count);
	}
	classifier_reasons_free(reasons, count);
	classifier_verdict_free(&verdict);
	classifier_close(&classifier);
	classifier_message_free(&message);
	return code;
}

int command_classify(struct session *session, int argc, char **argv)
{
	return judge(session, argc, argv, false);
}

int command_explain(struct session *session, int argc, char **argv)
{
	return judge(session, argc, argv, true);
}
