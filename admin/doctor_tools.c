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

char *doctor_postconf(struct doctor *doctor, const struct conf *conf, const char *name)
{
	const char *argv[] = {"postconf", "-c", conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY),
			      "-xh",	  name, NULL};
	struct strbuf output = STRBUF_INIT;
	int code = doctor_run(argv, &output);
	struct span value = span_trim(strbuf_span(&output));
	char *text = xstrndup(value.size > 0 ? value.data : "", code == 0 ? value.size : 0);

	if (code != 0)
		doctor_report(doctor, FINDING_ERROR, "is Postfix installed here?",
			      "postconf %s: %.*s", name, SPAN_ARG(value));
	strbuf_free(&output);
	return text;
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
