/*
 * store_bench_mail.c - synthetic mail, with as many features as real mail has.
 */
#include "store_bench.h"

#include <math.h>
#include <unistd.h>

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

/* xorshift64*: Vigna, 2016. 0..1 */
static double random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (double)(random_state * UINT64_C(2685821657736338717) >> 11) / 9007199254740992.0;
}

#define VOCABULARY 3e6
#define WORDS	   330 /* of a message: about as many features as real mail has */

/* A word by Zipf's law: the n-th is used n times less often than the first. */
static void append_word(struct strbuf *out, bool spam)
{
	uint64_t rank = (uint64_t)exp(random_next() * log(VOCABULARY));

	/* A third of the words are told by one class only. */
	rank = rank * 3 + (rank % 3 == 0 ? (spam ? 1 : 2) : 0);
	for (uint64_t n = rank * UINT64_C(2654435761) % UINT64_C(4294967291); n > 0; n /= 26)
		strbuf_append_char(out, (char)('a' + n % 26));
	strbuf_append_char(out, ' ');
}

struct classifier_message *bench_synthetic_message(bool spam)
{
	static unsigned number;
	struct strbuf text = STRBUF_INIT;

	strbuf_printf(&text, "From: %s%.0f@example.%s\nTo: user@example.test\nSubject: ",
		      spam ? "seller" : "friend", random_next() * 200, spam ? "biz" : "org");
	for (int i = 0; i < 6; i++)
		append_word(&text, spam);
	strbuf_printf(&text, "\nMessage-ID: <%u.%d@example.test>\n\n", number++, getpid());
	for (int i = 0; i < WORDS; i++) {
		append_word(&text, spam);
		if (i % 11 == 10)
			strbuf_append_char(&text, '\n');
	}
	struct classifier_message *m = classifier_message_read(strbuf_span(&text), text.size);
	strbuf_free(&text);
	return m;
}
