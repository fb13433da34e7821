/*
 * doctor_report.c - collects findings, and shows them at the end: what is worst comes first. On a
 * terminal lines are broken between words, and coloured; elsewhere a finding is one line, and its
 * advice another. As JSON they come in the order of the checks.
 */
#include "doctor.h"

#include "lib/xalloc.h"

#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TEXT_COLUMN  22 /* where what was found begins */
#define WIDTH_MIN    40
#define WIDTH_NORMAL 80

struct doctor {
	const struct admin *admin;
	bool json, all, progress;
	const char *check, *user;
	char *advice;
	unsigned wait_s;
	enum finding worst;
	size_t count[3]; /* of each finding */
	json_t *findings;
};

static const char *const finding_names[] = {"ok", "warning", "error"};

struct doctor *doctor_new(const struct admin *admin, bool all)
{
	struct doctor *doctor = xcalloc(1, sizeof(*doctor));

	doctor->admin = admin;
	doctor->json = admin->json;
	doctor->all = all;
	doctor->progress = !admin->json && isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
	doctor->check = doctor->user = "";
	doctor->wait_s = DOCTOR_WAIT_S;
	doctor->findings = json_array();
	return doctor;
}

void doctor_begin(struct doctor *doctor, const char *check)
{
	doctor->check = check;
	if (doctor->progress)
		fprintf(stderr, "\r\033[Kchecking %s", check);
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

/* ---- collecting ---- */

const char *doctor_advice(struct doctor *doctor, const char *format, ...)
{
	va_list args;

	free(doctor->advice);
	va_start(args, format);
	if (vasprintf(&doctor->advice, format, args) < 0)
		xalloc_failed();
	va_end(args);
	return doctor->advice;
}

/* A warning that the admin knows of. Without a configuration nothing is accepted. */
static bool is_accepted(const struct doctor *doctor, enum finding finding, const char *code)
{
	const char *const *accepted;

	if (finding != FINDING_WARNING || doctor->admin->conf == NULL)
		return false;
	accepted = conf_list(doctor->admin->conf, P_DOCTOR_ACCEPT);
	while (*accepted != NULL && strcmp(*accepted, code) != 0)
		accepted++;
	return *accepted != NULL;
}

__attribute__((format(printf, 5, 0))) static void add(struct doctor *doctor, enum finding finding,
						      const char *code, const char *advice,
						      const char *format, va_list args)
{
	json_t *row, *text = json_vsprintf(format, args);

	/* Foreign text that is no UTF-8 has no JSON form. */
	if (text == NULL)
		text = json_string("(text that is no UTF-8)");
	if (is_accepted(doctor, finding, code))
		finding = FINDING_OK;
	doctor->count[finding]++;
	if (finding > doctor->worst)
		doctor->worst = finding;
	row = json_pack("{s:s, s:s, s:o}", "check", doctor->check, "finding",
			finding_names[finding], "text", text);
	if (code != NULL)
		json_object_set_new(row, "code", json_string(code));
	if (finding != FINDING_OK)
		json_object_set_new(row, "advice", json_string(advice));
	json_array_append_new(doctor->findings, row);
}

void doctor_ok(struct doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(doctor, FINDING_OK, NULL, NULL, format, args);
	va_end(args);
}

void doctor_report(struct doctor *doctor, enum finding finding, const char *code,
		   const char *advice, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(doctor, finding, code, advice, format, args);
	va_end(args);
}

/* ---- showing ---- */

/* Columns of the terminal; 0: there is none, lines may be long. */
static size_t width_of_terminal(void)
{
	struct winsize size = {0};

	if (isatty(STDOUT_FILENO) != 1)
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return WIDTH_NORMAL;
	return size.ws_col > WIDTH_MIN ? size.ws_col : WIDTH_MIN;
}

/* What others wrote, such as a server's reply, is one line, and tells the terminal nothing. */
static char *harmless(const char *text)
{
	char *copy = xstrdup(text);

	for (char *at = copy; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at))
			*at = *at == '\n' ? ' ' : '?';
	return copy;
}

/* Text from the column indent on, which is where the cursor is; in one line if width is 0. */
static void print_words(const char *text, size_t indent, size_t width)
{
	size_t column = indent;

	while (*text != '\0') {
		size_t size = width > 0 ? strcspn(text, " ") : strlen(text);

		if (column > indent && column + 1 + size > width) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)size, text);
		column += size;
		text += size + (text[size] != '\0');
	}
	putchar('\n');
}

static void print_text(const char *text, size_t indent, size_t width)
{
	char *line = harmless(text);

	print_words(line, indent, width);
	free(line);
}

static void print_head(enum finding finding, const char *check, size_t width)
{
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[1;31m"};
	const char *none = getenv("NO_COLOR");
	bool colour = width > 0 && (none == NULL || none[0] == '\0');

	printf("%s%-8s%s %-12s ", colour ? colours[finding] : "", finding_names[finding],
	       colour ? "\033[0m" : "", check);
}

static const char *member(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

static void print_advice(const char *advice, size_t width)
{
	if (advice[0] == '\0')
		return;
	printf("%*s-> ", TEXT_COLUMN, "");
	print_text(advice, TEXT_COLUMN + 3, width);
}

/* What ends several findings that follow each other is said once, below them. */
static void print_findings(const struct doctor *doctor, enum finding finding, size_t width)
{
	const char *advice = "";
	const json_t *row;
	size_t i;

	json_array_foreach(doctor->findings, i, row)
	{
		if (strcmp(member(row, "finding"), finding_names[finding]) != 0)
			continue;
		if (strcmp(advice, member(row, "advice")) != 0)
			print_advice(advice, width);
		advice = member(row, "advice");
		print_head(finding, member(row, "check"), width);
		print_text(member(row, "text"), TEXT_COLUMN, width);
	}
	print_advice(advice, width);
}

static void print_all(const struct doctor *doctor)
{
	size_t width = width_of_terminal();

	if (doctor->progress)
		fputs("\r\033[K", stderr);
	print_findings(doctor, FINDING_ERROR, width);
	print_findings(doctor, FINDING_WARNING, width);
	if (doctor->all)
		print_findings(doctor, FINDING_OK, width);
	print_head(doctor->worst, "summary", width);
	printf("%zu error%s, %zu warning%s, %zu ok%s\n", doctor->count[FINDING_ERROR],
	       doctor->count[FINDING_ERROR] == 1 ? "" : "s", doctor->count[FINDING_WARNING],
	       doctor->count[FINDING_WARNING] == 1 ? "" : "s", doctor->count[FINDING_OK],
	       doctor->all ? "" : " (--all shows them)");
}

int doctor_end(struct doctor **doctor)
{
	int worst = (int)(*doctor)->worst;

	if ((*doctor)->json) {
		json_dumpf((*doctor)->findings, stdout, JSON_INDENT(1));
		putchar('\n');
	} else {
		print_all(*doctor);
	}
	json_decref((*doctor)->findings);
	free((*doctor)->advice);
	free(*doctor);
	*doctor = NULL;
	return worst;
}
