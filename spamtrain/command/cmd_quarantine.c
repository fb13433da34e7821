/*
 * cmd_quarantine.c - spamtrain quarantine: list is read here; all that changes something, and the
 * message itself, is asked of spamtraind (docs/spamtraind-socket.md).
 */
#include "spamtrain/command/command.h"
#include "spamtrain/daemon/spamtraind_client.h"

#include "lib/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define COPY_SIZE 65536

/* The service's word as an exit code; complains. */
static int code_of(const struct packet *reply)
{
	const char *status = packet_get(reply, "status"), *reason = packet_get(reply, "reason");
	const char *outcome = packet_get(reply, "outcome");

	if (status != NULL && strcmp(status, "ok") == 0)
		return EX_OK;
	complain("%s", reason != NULL ? reason : "spamtraind refused");
	return outcome != NULL && strcmp(outcome, "deferred") == 0 ? EX_TEMPFAIL : EX_DATAERR;
}

/* *content_r: closed by the caller, or -1. */
static int ask(struct session *session, const struct strbuf *request, struct packet *reply_r,
	       int *content_r)
{
	char *error = NULL;
	int code = EX_TEMPFAIL, fd = spamtraind_connect(session->conf, &error);

	*content_r = -1;
	if (fd >= 0 && spamtraind_ask_fd(fd, request, -1, reply_r, content_r, &error) == 0)
		code = EX_OK;
	else
		complain("%s", error);
	free(error);
	if (fd >= 0)
		close(fd);
	return code;
}

static void begin(struct strbuf *request, const char *name, const char *user)
{
	packet_put(request, "request", name);
	packet_put(request, "user", user);
	packet_put(request, "source", "cli");
}

/* ---- what came ---- */

static int copy_out(int fd)
{
	char buffer[COPY_SIZE];
	ssize_t size;

	while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
		if (file_write_all(STDOUT_FILENO, (struct span){buffer, (size_t)size}) < 0) {
			complain("standard output: %s", strerror(errno));
			return EX_IOERR;
		}
	}
	if (size == 0)
		return EX_OK;
	complain("the message cannot be read: %s", strerror(errno));
	return EX_IOERR;
}

static void print_number(const struct session *session, const char *name, const char *value)
{
	long long number = value != NULL ? strtoll(value, NULL, 10) : 0;

	if (session->json)
		json_print(json_pack("{s:I}", name, (json_int_t)number));
	else
		printf("%s %lld\n", name, number);
}

static int print_results(const struct session *session, int fd)
{
	json_t *json = json_loadfd(fd, 0, NULL), *item;
	int code = EX_OK;
	size_t i;

	if (session->json) {
		json_print(json_incref(json));
	}
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		const char *outcome = json_string_value(json_object_get(item, "outcome"));
		bool released = json_is_true(json_object_get(item, "released"));

		if (!released && strcmp(outcome, "waiting") != 0)
			code = EX_DATAERR;
		if (!session->json)
			printf("%s %s%s\n", json_string_value(json_object_get(item, "signature")),
			       outcome, released ? ", released" : "");
	}
	json_decref(json);
	return code;
}

/* ---- the commands ---- */

static int act(struct session *session, const struct strbuf *request, const char *name)
{
	struct packet reply;
	int content, code = ask(session, request, &reply, &content);

	if (code != EX_OK)
		return code;
	code = code_of(&reply);
	if (code == EX_OK && strcmp(name, "quarantine-message") == 0)
		code = copy_out(content);
	else if (code == EX_OK && strcmp(name, "release") == 0)
		code = print_results(session, content);
	else if (code == EX_OK)
		print_number(session, "deleted", packet_get(&reply, "deleted"));
	if (content >= 0)
		close(content);
	packet_free(&reply);
	return code;
}

static int act_on(struct session *session, const char *name, const char *user, int count,
		  char **signatures)
{
	struct strbuf request = STRBUF_INIT, list = STRBUF_INIT;
	int code;

	for (int i = 0; i < count; i++)
		strbuf_printf(&list, "%s%s", i > 0 ? " " : "", signatures[i]);
	begin(&request, name, user);
	if (strcmp(name, "quarantine-message") == 0) {
		packet_put(&request, "signature", strbuf_text(&list));
		packet_put(&request, "max", "1048576");
	} else {
		packet_put(&request, "signatures", strbuf_text(&list));
	}
	code = act(session, &request, name);
	strbuf_free(&list);
	strbuf_free(&request);
	return code;
}

static int flush_all(struct session *session, const char *user)
{
	struct strbuf request = STRBUF_INIT;
	char until[24];
	int code;

	snprintf(until, sizeof(until), "%lld", (long long)time(NULL));
	begin(&request, "quarantine-flush", user);
	packet_put(&request, "until", until);
	code = act(session, &request, "quarantine-flush");
	strbuf_free(&request);
	return code;
}

int command_quarantine(struct session *session, int argc, char **argv)
{
	const char *what = argv[0];
	char *user;
	int code = EX_USAGE;

	if (strcmp(what, "list") == 0 && argc == 2)
		return command_quarantine_list(session, argc, argv);
	user = user_of(session, argv[1]);
	if (user == NULL)
		return EX_USAGE;
	if (strcmp(what, "show") == 0 && argc == 3)
		code = act_on(session, "quarantine-message", user, 1, argv + 2);
	else if (strcmp(what, "release") == 0 && argc > 2)
		code = act_on(session, "release", user, argc - 2, argv + 2);
	else if (strcmp(what, "delete") == 0 && argc > 2)
		code = act_on(session, "quarantine-delete", user, argc - 2, argv + 2);
	else if (strcmp(what, "flush") == 0 && argc == 2)
		code = flush_all(session, user);
	else
		complain("quarantine list USER | show USER SIGNATURE | release USER SIGNATURE... | "
			 "delete USER SIGNATURE... | flush USER");
	free(user);
	return code;
}
