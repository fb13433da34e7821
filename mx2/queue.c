#include "queue.h"

#include "lib/child.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM_TIMEOUT_MS 60000

static void copy_member(const json_t *object, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	snprintf(out, size, "%s", text != NULL ? text : "");
}

static char *duplicate_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return xstrdup(text != NULL ? text : "");
}

static void take_recipients(const json_t *list, struct queued *message)
{
	size_t count = json_array_size(list);

	if (count > QUEUE_MAX_RECIPIENTS)
		count = QUEUE_MAX_RECIPIENTS;
	message->recipients = xcalloc(count + 1, sizeof(*message->recipients));
	message->count = count;
	for (size_t i = 0; i < count; i++) {
		const json_t *recipient = json_array_get(list, i);

		message->recipients[i].address = duplicate_member(recipient, "address");
		message->recipients[i].reason = duplicate_member(recipient, "delay_reason");
	}
}

static bool is_queue_id(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						    "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

int queued_parse(struct span line, struct queued *message_r)
{
	json_t *object = json_loadb(line.data, line.size, JSON_ALLOW_NUL, NULL);
	int ret = -1;

	memset(message_r, 0, sizeof(*message_r));
	if (json_is_object(object)) {
		copy_member(object, "queue_id", message_r->id, sizeof(message_r->id));
		copy_member(object, "queue_name", message_r->queue, sizeof(message_r->queue));
		message_r->arrival = json_integer_value(json_object_get(object, "arrival_time"));
		message_r->size =
			(uint64_t)json_integer_value(json_object_get(object, "message_size"));
		message_r->expiring = json_is_true(json_object_get(object, "forced_expire"));
		message_r->sender = duplicate_member(object, "sender");
		if (strcmp(message_r->sender, "MAILER-DAEMON") == 0)
			message_r->sender[0] = '\0';
		take_recipients(json_object_get(object, "recipients"), message_r);
		if (is_queue_id(message_r->id) && message_r->arrival > 0)
			ret = 0;
	}
	json_decref(object);
	return ret;
}

void queued_free(struct queued *message)
{
	for (size_t i = 0; i < message->count; i++) {
		free(message->recipients[i].address);
		free(message->recipients[i].reason);
	}
	free(message->recipients);
	free(message->sender);
	memset(message, 0, sizeof(*message));
}

/* The queue may be larger than memory: postqueue writes into a pipe. NULL with errno. */
static FILE *start_postqueue(const char *config_directory, pid_t *pid_r)
{
	const char *const arguments[] = {"postqueue", "-c", config_directory, "-j", NULL};
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char *environment[] = {path, locale, NULL};
	int fds[2], error;
	FILE *file;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	const struct child_program program = {
		.file = "/usr/sbin/postqueue",
		.arguments = arguments,
		.environment = environment,
		.descriptors = {{CHILD_NOTHING, STDIN_FILENO}, {fds[1], STDOUT_FILENO}},
		.count = 2};
	file = fdopen(fds[0], "r");
	error = file == NULL ? errno : child_start(&program, pid_r);
	close(fds[1]);
	if (error == 0)
		return file;
	if (file != NULL)
		fclose(file);
	else
		close(fds[0]);
	errno = error;
	return NULL;
}

int queue_read(const char *config_directory,
	       void (*each)(void *context, const struct queued *message), void *context,
	       char **error_r)
{
	struct queued message;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	int status = 0;
	bool all;
	pid_t pid;
	FILE *file = start_postqueue(config_directory, &pid);

	if (file == NULL) {
		*error_r = xasprintf("cannot run postqueue: %s", strerror(errno));
		return -1;
	}
	while ((size = getline(&line, &capacity, file)) > 0) {
		if (queued_parse((struct span){line, (size_t)size}, &message) == 0)
			each(context, &message);
		queued_free(&message);
	}
	all = feof(file) != 0; /* getline() marks no error where it has no memory */
	free(line);
	fclose(file);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0 && all)
		return 0;
	*error_r = xstrdup("postqueue -j failed: what it said is above or in Postfix's log");
	return -1;
}

const char *queue_action_name(enum queue_action action)
{
	static const char *const names[QUEUE_ACTIONS] = {"expire", "hold", "discard"};

	return names[action];
}

static int run(const char *const *arguments, struct span input, char **error_r)
{
	struct strbuf out = STRBUF_INIT;
	int code = child_run(arguments, input, PROGRAM_TIMEOUT_MS, &out, &out, error_r);

	if (code > 0)
		*error_r = xasprintf("%s: %s", arguments[0], strbuf_text(&out));
	strbuf_free(&out);
	return code == 0 ? 0 : -1;
}

int queue_change(const char *config_directory, enum queue_action action, struct span ids,
		 char **error_r)
{
	static const char *const options[QUEUE_ACTIONS] = {"-f", "-h", "-d"};
	const char *const arguments[] = {"postsuper",	  "-c", config_directory,
					 options[action], "-",	NULL};

	return ids.size == 0 ? 0 : run(arguments, ids, error_r);
}

int queue_flush(const char *config_directory, const char *domain, char **error_r)
{
	const char *const arguments[] = {"postqueue", "-c", config_directory, "-s", domain, NULL};

	return run(arguments, (struct span){NULL, 0}, error_r);
}
