/* `shoveler status`: which daemons run, by their metrics. */
#include "command.h"
#include "probe.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static json_t *number(const char *text, size_t size)
{
	return memchr(text, '.', size) != NULL ? json_real(strtod(text, NULL))
					       : json_integer(strtoll(text, NULL, 10));
}

/* Lines of Prometheus' text format: name{labels} value. */
static json_t *metrics_to_json(const char *page)
{
	json_t *metrics = json_object();

	while (*page != '\0') {
		size_t size = strcspn(page, "\n");
		const char *space = memrchr(page, ' ', size);

		if (*page != '#' && space != NULL)
			json_object_setn_new(metrics, page, (size_t)(space - page),
					     number(space + 1, strcspn(space + 1, "\n")));
		page += size + (page[size] == '\n');
	}
	return metrics;
}

static json_t *service_to_json(const struct conf *conf, const struct service *service)
{
	const char *address = conf_text(conf, service->metrics);
	struct strbuf page = STRBUF_INIT;
	char *error = NULL;
	json_t *status;

	if (address[0] == '\0')
		return json_pack("{s:n, s:s}", "up", "reason", "its metrics are not served");
	if (probe_metrics(address, &page, &error) < 0)
		status = json_pack("{s:b, s:s}", "up", 0, "reason", error);
	else
		status = json_pack("{s:b, s:o}", "up", 1, "metrics",
				   metrics_to_json(strbuf_text(&page)));
	free(error);
	strbuf_free(&page);
	return status;
}

static void print_service(const char *program, const json_t *status)
{
	const json_t *up = json_object_get(status, "up");
	const char *name;
	json_t *metric;

	if (json_is_null(up))
		printf("%s: unknown, %s\n", program,
		       json_string_value(json_object_get(status, "reason")));
	else if (!json_is_true(up))
		printf("%s: DOWN, %s\n", program,
		       json_string_value(json_object_get(status, "reason")));
	else
		printf("%s: up\n", program);
	json_object_foreach(json_object_get(status, "metrics"), name, metric)
		printf("  %-60s %.15g\n", name, json_number_value(metric));
}

int command_status(struct admin *admin, int argc, char **argv)
{
	json_t *all = json_object();
	int ret = EX_OK;

	(void)argc;
	(void)argv;
	for (const struct service *service = services; service->program != NULL; service++) {
		json_t *status;

		if (!service_wanted(admin->conf, service))
			continue;
		status = service_to_json(admin->conf, service);
		if (json_is_false(json_object_get(status, "up")))
			ret = EX_UNAVAILABLE;
		if (!admin->json)
			print_service(service->program, status);
		json_object_set_new(all, service->program, status);
	}
	if (admin->json) {
		json_dumpf(all, stdout, JSON_INDENT(1));
		putchar('\n');
	}
	json_decref(all);
	return ret;
}
