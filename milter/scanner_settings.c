#include "scanner_settings.h"

#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>

#define FIELD(name, param)                                                                         \
	{                                                                                          \
#name, offsetof(struct scanner_settings, name), param                              \
	}

static const struct {
	const char *name;
	size_t offset;
	enum conf_param param;
} numbers[] = {
	FIELD(workers, P_SCANNER_WORKERS),
	FIELD(timeout_s, P_SCANNER_TIMEOUT),
	FIELD(max_time_s, P_SCANNER_MAX_TIME),
	FIELD(max_memory, P_SCANNER_MAX_MEMORY),
	FIELD(max_file_size, P_SCANNER_MAX_FILE_SIZE),
	FIELD(max_scan_size, P_SCANNER_MAX_SCAN_SIZE),
	FIELD(max_files, P_SCANNER_MAX_FILES),
	FIELD(max_recursion, P_SCANNER_MAX_RECURSION),
};
#define NUMBER_COUNT (sizeof(numbers) / sizeof(numbers[0]))

static int64_t *number_at(struct scanner_settings *settings, size_t i)
{
	return (int64_t *)(void *)((char *)settings + numbers[i].offset);
}

void scanner_settings_from_conf(struct scanner_settings *settings, const struct conf *conf)
{
	const char *const *users = conf_list(conf, P_SCANNER_CLIENTS);

	*settings = (struct scanner_settings){0};
	settings->database_directory = xstrdup(conf_text(conf, P_SCANNER_DATABASE_DIRECTORY));
	settings->temp_directory = xstrdup(conf_text(conf, P_SCANNER_TEMP_DIRECTORY));
	for (size_t i = 0; i < NUMBER_COUNT; i++)
		*number_at(settings, i) = conf_number(conf, numbers[i].param);
	for (; *users != NULL && settings->client_count < SCANNER_MAX_CLIENTS; users++) {
		const struct passwd *entry = getpwnam(*users);

		if (entry != NULL)
			settings->clients[settings->client_count++] = entry->pw_uid;
	}
}

void scanner_settings_write(const struct scanner_settings *settings, struct strbuf *out)
{
	struct scanner_settings copy = *settings;
	struct strbuf clients = STRBUF_INIT;
	char number[32];

	packet_put(out, "database_directory", settings->database_directory);
	packet_put(out, "temp_directory", settings->temp_directory);
	for (size_t i = 0; i < NUMBER_COUNT; i++) {
		snprintf(number, sizeof(number), "%lld", (long long)*number_at(&copy, i));
		packet_put(out, numbers[i].name, number);
	}
	for (size_t i = 0; i < settings->client_count; i++)
		strbuf_printf(&clients, "%u ", (unsigned)settings->clients[i]);
	packet_put(out, "clients", strbuf_text(&clients));
	strbuf_free(&clients);
}

static int read_number(const struct packet *packet, const char *name, int64_t *number_r)
{
	const char *text = packet_get(packet, name);
	char *end;

	if (text == NULL)
		return -1;
	errno = 0;
	*number_r = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *number_r >= 0 ? 0 : -1;
}

static void read_clients(struct scanner_settings *settings, const char *text)
{
	char *end;

	while (settings->client_count < SCANNER_MAX_CLIENTS) {
		unsigned long uid = strtoul(text, &end, 10);

		if (end == text)
			return;
		settings->clients[settings->client_count++] = (uid_t)uid;
		text = end;
	}
}

int scanner_settings_read(struct scanner_settings *settings_r, const struct packet *packet,
			  char **error_r)
{
	const char *database = packet_get(packet, "database_directory");
	const char *temp = packet_get(packet, "temp_directory");
	const char *clients = packet_get(packet, "clients");

	*settings_r = (struct scanner_settings){0};
	if (database == NULL || temp == NULL || clients == NULL) {
		*error_r = xstrdup("the settings of the scanner are not complete");
		return -1;
	}
	for (size_t i = 0; i < NUMBER_COUNT; i++) {
		if (read_number(packet, numbers[i].name, number_at(settings_r, i)) < 0) {
			*error_r = xasprintf("scanner setting %s is not right", numbers[i].name);
			return -1;
		}
	}
	settings_r->database_directory = xstrdup(database);
	settings_r->temp_directory = xstrdup(temp);
	read_clients(settings_r, clients);
	return 0;
}

void scanner_settings_free(struct scanner_settings *settings)
{
	free(settings->database_directory);
	free(settings->temp_directory);
	*settings = (struct scanner_settings){0};
}
