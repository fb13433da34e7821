/*
 * libFuzzer: main.cf, and every preference and Postfix's own settings in the same text. What cannot
 * be read gives one line of complaint.
 */
#include "lib/conf.h"
#include "lib/xalloc.h"
#include "milter/postfix_config.h"
#include "spamtrain/user/preferences.h"
#include "tests/fuzz/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(struct span text)
{
	static char folder[] = "/dev/shm/shoveler-fuzz.XXXXXX";
	static char path[sizeof(folder) + 16];
	struct conf *conf = NULL;
	char *error = NULL;

	if (path[0] == '\0') {
		require(mkdtemp(folder) != NULL);
		snprintf(path, sizeof(path), "%s/main.cf", folder);
	}
	FILE *file = fopen(path, "w");
	require(file != NULL && fwrite(text.data, 1, text.size, file) == text.size);
	fclose(file);
	if (conf_load(folder, &conf, &error) == 0) {
		for (int i = 0; i < P_COUNT; i++)
			require(conf_text(conf, (enum conf_param)i) != NULL);
		conf_free(&conf);
	} else {
		require(error != NULL && conf == NULL && strchr(error, '\n') == NULL);
		free(error);
	}
}

static void set_preferences(char *text)
{
	struct preferences preferences;
	char known[PREFERENCE_TEXT_MAX + 1], again[PREFERENCE_TEXT_MAX + 1];
	char *value = strchr(text, '='), *error = NULL;

	preferences_init(&preferences);
	if (value == NULL)
		return;
	*value++ = '\0';
	if (!preferences_set(&preferences, text, value, &error)) {
		require(error != NULL);
		free(error);
		return;
	}
	require(preferences_get(&preferences, text, known, sizeof(known)) != NULL);
	require(preferences_set(&preferences, text, known, &error));
	require(preferences_get(&preferences, text, again, sizeof(again)) != NULL);
	require(strcmp(known, again) == 0);
}

static void postfix(const char *parameters)
{
	struct postfix_config *config = postfix_config_parse(parameters, parameters);
	struct span rest, item;

	for (int i = 0; i < PF_COUNT; i++) {
		const char *value = postfix_config_get(config, (enum postfix_parameter)i);

		for (rest = span_of(value); postfix_list_next(&rest, &item);)
			require(item.size > 0);
		postfix_config_program(config, span_of(value));
	}
	postfix_config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);

	load((struct span){(const char *)data, size});
	postfix(text);
	set_preferences(text);
	free(text);
	return 0;
}
