/*
 * What the users learn of a message that was kept from them.
 */
#include "session.h"
#include "sessions.h"

#include "lib/strbuf.h"
#include "notices.h"

#include <time.h>

void session_tell_users(const struct session *session, const struct scan_result *result,
			int message_fd)
{
	const struct transaction *transaction = session->transaction;
	struct strbuf users = STRBUF_INIT;
	struct notice notice = {
		.id = session_queue_id(session),
		.sender = transaction->sender,
		.virus = result->name,
		.time = time(NULL),
	};

	for (size_t i = 0; i < transaction->recipient_count; i++) {
		const struct rcpt_class *class = &transaction->recipients[i].class;

		/* Who is exempt has got it. */
		if ((class->classes & CLASS_MAILBOX) == 0)
			continue;
		for (size_t j = 0; j < class->mailbox_count; j++)
			strbuf_printf(&users, "%s%s", users.size > 0 ? " " : "",
				      class->mailboxes[j]);
	}
	notice.users = strbuf_text(&users);
	notices_add(session_notices, &notice, message_fd);
	strbuf_free(&users);
}
