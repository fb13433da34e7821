#include "lmtp_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void clean(char *text)
{
	for (; *text != '\0'; text++) {
		if ((signed char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

void lmtp_reply_set(struct lmtp_reply *reply, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reply->text, sizeof(reply->text), format, args);
	va_end(args);
	reply->code = code;
	clean(reply->text);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool lmtp_reply_add_line(struct lmtp_reply *reply, struct span line, bool *last_r)
{
	size_t used = reply->code == 0 ? 0 : strlen(reply->text), room;
	int code;

	if (line.size < 3 || line.data[0] < '2' || line.data[0] > '5' || !is_digit(line.data[1]) ||
	    !is_digit(line.data[2]) ||
	    (line.size > 3 && line.data[3] != ' ' && line.data[3] != '-'))
		return false;
	code = (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + line.data[2] - '0';
	if (reply->code != 0 && reply->code != code)
		return false;
	*last_r = line.size == 3 || line.data[3] == ' ';
	room = sizeof(reply->text) - used;
	snprintf(reply->text + used, room, "%s%.*s", used > 0 ? " " : "",
		 SPAN_ARG(span_from(line, 4)));
	reply->code = code;
	clean(reply->text);
	return true;
}
