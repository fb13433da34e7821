#include "smtp_send.h"

#include "talk.h"

#include "lib/xalloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Commands in order, until one is not answered as it should be: that answer counts. */
static int converse(struct talk *talk, const char *const *commands, const int *expected,
		    size_t count, char *line, char **error_r)
{
	int code = 0;

	for (size_t i = 0; i < count; i++) {
		code = talk_smtp(talk, commands[i], line, error_r);
		if (code < 0 || code / 100 != expected[i])
			break;
	}
	return code;
}

static int send_on(struct talk *talk, const struct conf *conf, const char *recipient,
		   struct span message, char *line, char **error_r)
{
	static const int expected[] = {2, 2, 2, 2, 3};
	char *host = conf_hostname(conf), *hello = xasprintf("EHLO %s", host);
	char *to = xasprintf("RCPT TO:<%s>", recipient);
	const char *const commands[] = {NULL, hello, "MAIL FROM:<>", to, "DATA"};
	int code = converse(talk, commands, expected, 5, line, error_r);

	if (code == 354)
		code = talk_write(talk, message, error_r) < 0 ? -1
							      : talk_smtp(talk, ".", line, error_r);
	if (code > 0)
		(void)talk_write(talk, SPAN_LITERAL("QUIT\r\n"), error_r);
	free(to);
	free(hello);
	free(host);
	return code;
}

static char *queue_id_in(const char *line)
{
	static const char prefix[] = "queued as ";
	const char *id = strstr(line, prefix);
	size_t size = 0;

	if (id == NULL)
		return xstrdup("");
	id += sizeof(prefix) - 1;
	while (isalnum((unsigned char)id[size]))
		size++;
	return xstrndup(id, size);
}

int smtp_send(const struct conf *conf, const char *recipient, struct span message,
	      struct smtp_answer *answer_r, char **error_r)
{
	const char *address = conf_text(conf, P_DOCTOR_SMTP_SERVER);
	char line[TALK_LINE_MAX] = "", *problem = NULL;
	struct talk talk;
	int code = talk_open(&talk, address, &problem);

	if (code == 0)
		code = send_on(&talk, conf, recipient, message, line, &problem);
	talk_close(&talk);
	if (code > 0) {
		*answer_r = (struct smtp_answer){code, xstrdup(line), queue_id_in(line)};
		free(problem);
		return 0;
	}
	*error_r = xasprintf("doctor_smtp_server = %s: %s", address, problem);
	free(problem);
	return -1;
}

void smtp_answer_free(struct smtp_answer *answer)
{
	free(answer->text);
	free(answer->queue_id);
	*answer = (struct smtp_answer){0};
}
