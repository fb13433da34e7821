#include "doctor.h"

#include "lib/xalloc.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct doctor {
	bool json;
	const char *check, *user;
	unsigned wait_s;
	enum finding worst;
	size_t count[3]; /* of each finding */
	json_t *findings;
};

static const char *const finding_names[] = {"ok", "warning", "error"};

struct doctor *doctor_new(bool json)
{
	struct doctor *doctor = xcalloc(1, sizeof(*doctor));

	doctor->json = json;
	doctor->check = doctor->user = "";
	doctor->wait_s = DOCTOR_WAIT_S;
	doctor->findings = json_array();
	return doctor;
}

void doctor_begin(struct doctor *doctor, const char *check)
{
	doctor->check = check;
}

void doctor_set_user(struct doctor *doctor, const char *user)
{
	doctor->user = user;
}

const char *doctor_user(const struct doctor *doctor)
{
	return doctor->user;
}

void doctor_set_wait(struct doctor *doctor, unsigned seconds)
{
	doctor->wait_s = seconds;
}

unsigned doctor_wait(const struct doctor *doctor)
{
	return doctor->wait_s;
}

static void print_finding(const char *check, enum finding finding, const char *advice,
			  const char *text)
{
	printf("%-8s %-12s %s\n", finding_names[finding], check, text);
	if (finding != FINDING_OK && advice != NULL)
		printf("%-8s %-12s   -> %s\n", "", "", advice);
}

void doctor_report(struct doctor *doctor, enum finding finding, const char *advice,
		   const char *format, ...)
{
	json_t *row, *text;
	va_list args;

	va_start(args, format);
	text = json_vsprintf(format, args);
	va_end(args);
	/* Foreign text that is no UTF-8 has no JSON form. */
	if (text == NULL)
		text = json_string("(text that is no UTF-8)");
	doctor->count[finding]++;
	if (finding > doctor->worst)
		doctor->worst = finding;
	if (!doctor->json)
		print_finding(doctor->check, finding, advice, json_string_value(text));
	row = json_pack("{s:s, s:s, s:o}", "check", doctor->check, "finding",
			finding_names[finding], "text", text);
	if (finding != FINDING_OK && advice != NULL)
		json_object_set_new(row, "advice", json_string(advice));
	json_array_append_new(doctor->findings, row);
}

int doctor_end(struct doctor **doctor)
{
	int worst = (int)(*doctor)->worst;

	if ((*doctor)->json) {
		json_dumpf((*doctor)->findings, stdout, JSON_INDENT(1));
		putchar('\n');
	} else {
		printf("%-8s %-12s %zu ok, %zu warnings, %zu errors\n", finding_names[worst],
		       "summary", (*doctor)->count[FINDING_OK], (*doctor)->count[FINDING_WARNING],
		       (*doctor)->count[FINDING_ERROR]);
	}
	json_decref((*doctor)->findings);
	free(*doctor);
	*doctor = NULL;
	return worst;
}
