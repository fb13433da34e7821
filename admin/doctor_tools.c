/* What the checks share: running Postfix's and Dovecot's tools, and asking for settings. */
#include "doctor.h"

#include "lib/child.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int doctor_run(const char *const *arguments, struct strbuf *output)
{
	char *error = NULL;
	struct strbuf errors = STRBUF_INIT;
	int code = child_run(arguments, span_of(""), DOCTOR_TOOL_MS, output, &errors, &error);

	/* A warning beside the answer is no part of it. */
	if (code < 0)
		strbuf_append_text(output, error);
	else if (code != 0)
		strbuf_append_span(output, strbuf_span(&errors));
	strbuf_free(&errors);
	free(error);
	return code;
}

/* What `postconf -x` says, asked once for all checks: "name = value" lines; "" if it failed. */
static const char *postconf_all(struct doctor *doctor, const struct conf *conf)
{
	static struct strbuf all = STRBUF_INIT;
	static bool asked;
	const char *const argv[] = {"postconf", "-c", conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY),
				    "-x", NULL};

	if (!asked && doctor_run(argv, &all) != 0) {
		doctor_report(
			doctor, FINDING_ERROR, "postfix-silent",
			"is Postfix installed here, and its configuration valid? postconf, postfix check",
			"postconf: %.*s", SPAN_ARG(span_trim(strbuf_span(&all))));
		strbuf_free(&all);
	}
	asked = true;
	return strbuf_text(&all);
}

char *doctor_postconf(struct doctor *doctor, const struct conf *conf, const char *name)
{
	const char *line = postconf_all(doctor, conf);
	size_t size = strlen(name);

	while (line != NULL &&
	       (strncmp(line, name, size) != 0 || strncmp(line + size, " =", 2) != 0)) {
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	if (line == NULL)
		return xstrdup("");
	line += size + 2;
	line += strspn(line, " ");
	return xstrndup(line, strcspn(line, "\n"));
}

int64_t doctor_postconf_number(struct doctor *doctor, const struct conf *conf, const char *name)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	char *value = doctor_postconf(doctor, conf, name), *end;
	int64_t number = strtoll(value, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (tolower((unsigned char)*end) == units[i].unit)
			number *= units[i].seconds;
	}
	free(value);
	return number;
}

char *doctor_postconf_list(const struct conf *conf, const char *option)
{
	const char *argv[] = {"postconf", "-c",	  conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY),
			      "-x",	  option, NULL};
	struct strbuf output = STRBUF_INIT;

	if (doctor_run(argv, &output) != 0)
		strbuf_reset(&output);
	return strbuf_steal(&output);
}

const char *doctor_reason(const char *error, const char *address)
{
	const char *place = strstr(error, address);

	if (place == NULL || strncmp(place + strlen(address), ": ", 2) != 0)
		return error;
	return place + strlen(address) + 2;
}
