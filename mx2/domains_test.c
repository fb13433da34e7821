#include "domains.h"
#include "notice.h"
#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY	86400
#define NOW	(1000 * DAY)
#define REFUSED "host mx1[192.0.2.1] said: 550 5.7.1 spam (in reply to end of DATA command)"
#define DOWN	"connect to mx1[192.0.2.1]:25: Connection refused"

/* As mx2_domains_load() gives them: by name. */
static struct mx2_domain list[3];
static struct mx2_domains domains = {list, 3, 0};

static int set_up(void **state)
{
	static const char *const rows[3][3] = {{"bounce.test", "14d", "bounce"},
					       {"drop.test", "2d", "drop"},
					       {"hold.test", "10d", "hold"}};

	(void)state;
	memset(list, 0, sizeof(list));
	for (size_t i = 0; i < 3; i++) {
		char *error = NULL;

		policy_mx2_init(&list[i].mx2);
		assert_int_equal(0, policy_mx2_set(&list[i].mx2, "domain", rows[i][0], &error));
		assert_int_equal(0, policy_mx2_set(&list[i].mx2, "retention", rows[i][1], &error));
		assert_int_equal(0, policy_mx2_set(&list[i].mx2, "refused", rows[i][2], &error));
	}
	return 0;
}

/* What happens to a message of that age; pairs of address and reason, NULL ends. */
static enum queue_action judge(const char *queue, int days, ...)
{
	struct queued_recipient recipients[4];
	struct queued message = {.id = "A1",
				 .arrival = NOW - days * DAY,
				 .sender = (char *)(uintptr_t) "a@b.test",
				 .recipients = recipients};
	va_list args;
	char *address;

	strcpy(message.queue, queue);
	va_start(args, days);
	while ((address = va_arg(args, char *)) != NULL) {
		recipients[message.count].address = address;
		recipients[message.count++].reason = va_arg(args, char *);
	}
	va_end(args);
	return mx2_judge(&domains, &message, 5 * DAY, NOW);
}

static void test_each_domain_has_its_time(void **state)
{
	(void)state;
	assert_int_equal(QUEUE_ACTIONS, judge("deferred", 13, "a@bounce.test", DOWN, NULL));
	assert_int_equal(QUEUE_EXPIRE, judge("deferred", 15, "a@bounce.test", DOWN, NULL));
	assert_int_equal(QUEUE_EXPIRE, judge("deferred", 3, "a@DROP.test", DOWN, NULL));
	assert_int_equal(QUEUE_ACTIONS, judge("deferred", 4, "a@elsewhere.test", DOWN, NULL));
	assert_int_equal(QUEUE_EXPIRE, judge("deferred", 6, "a@elsewhere.test", DOWN, NULL));
	assert_int_equal(QUEUE_EXPIRE, judge("active", 6, "local", DOWN, NULL));
}

static void test_the_most_patient_recipient_counts(void **state)
{
	(void)state;
	assert_int_equal(QUEUE_ACTIONS,
			 judge("deferred", 6, "a@drop.test", DOWN, "b@bounce.test", DOWN, NULL));
	assert_int_equal(QUEUE_EXPIRE,
			 judge("deferred", 15, "a@drop.test", DOWN, "b@bounce.test", DOWN, NULL));
}

static void test_longer_retention_saves_what_waits(void **state)
{
	(void)state;
	list[1].mx2.retention_until = NOW + DAY;
	assert_int_equal(QUEUE_ACTIONS, judge("deferred", 3, "a@drop.test", DOWN, NULL));
	list[1].mx2.retention_until = NOW - 1;
	assert_int_equal(QUEUE_EXPIRE, judge("deferred", 3, "a@drop.test", DOWN, NULL));
}

static void test_refused_mail_does_not_bounce(void **state)
{
	(void)state;
	assert_int_equal(QUEUE_HOLD, judge("deferred", 1, "a@hold.test", REFUSED, NULL));
	assert_int_equal(QUEUE_ACTIONS, judge("hold", 1, "a@hold.test", REFUSED, NULL));
	assert_int_equal(QUEUE_DISCARD, judge("hold", 11, "a@hold.test", REFUSED, NULL));
	assert_int_equal(QUEUE_DISCARD, judge("deferred", 1, "a@drop.test", REFUSED, NULL));
	assert_int_equal(QUEUE_HOLD, judge("deferred", 1, "a@drop.test", REFUSED, "b@hold.test",
					   REFUSED, NULL));
	/* Somebody may still want it. */
	assert_int_equal(QUEUE_ACTIONS,
			 judge("deferred", 1, "a@drop.test", REFUSED, "b@hold.test", DOWN, NULL));
	assert_int_equal(QUEUE_ACTIONS, judge("deferred", 1, "a@bounce.test", REFUSED, NULL));
}

static void test_what_somebody_else_holds_is_his(void **state)
{
	(void)state;
	assert_int_equal(QUEUE_ACTIONS, judge("hold", 50, "a@drop.test", DOWN, NULL));
	assert_int_equal(QUEUE_ACTIONS, judge("hold", 50, "a@elsewhere.test", "", NULL));
}

static void test_reasons(void **state)
{
	(void)state;
	assert_true(mx2_is_refusal(REFUSED));
	assert_false(mx2_is_refusal("host mx1[192.0.2.1] said: 450 4.7.1 later"));
	assert_false(mx2_is_refusal("host mx1 said: 5"));
	assert_false(mx2_is_refusal(DOWN));
	assert_true(mx2_is_unreachable(DOWN));
	assert_false(mx2_is_unreachable("Server certificate not verified"));
	assert_false(mx2_is_unreachable(REFUSED));
}

static void test_counting(void **state)
{
	struct queued_recipient recipients[] = {
		{(char *)(uintptr_t) "a@hold.test", (char *)(uintptr_t)DOWN},
		{(char *)(uintptr_t) "b@hold.test", (char *)(uintptr_t)REFUSED},
		{(char *)(uintptr_t) "c@drop.test", (char *)(uintptr_t) ""}};
	struct queued message = {
		.id = "A1", .queue = "hold", .arrival = NOW - DAY, .size = 100, .count = 3};

	(void)state;
	message.recipients = recipients;
	mx2_domains_count(&domains, &message);
	message.arrival = NOW - 2 * DAY;
	mx2_domains_count(&domains, &message);
	assert_int_equal(2, list[2].waiting.messages);
	assert_int_equal(200, list[2].waiting.bytes);
	assert_int_equal(2, list[2].waiting.held);
	assert_int_equal(2, list[2].waiting.refused);
	assert_int_equal(NOW - 2 * DAY, list[2].waiting.oldest);
	assert_int_equal(NOW + 8 * DAY, list[2].waiting.expires);
	assert_true(list[2].waiting.unreachable);
	assert_int_equal(2, list[1].waiting.messages);
	assert_false(list[1].waiting.unreachable);
	assert_int_equal(0, list[0].waiting.messages);
}

/* What a foreign host said cannot begin a line of its own in the mail to the contact. */
static void test_notice(void **state)
{
	struct strbuf mail = STRBUF_INIT;

	(void)state;
	strcpy(list[2].mx2.contact, "admin@hold.test");
	list[2].waiting = (struct mx2_waiting){.messages = 3,
					       .bytes = 20480,
					       .refused = 1,
					       .oldest = NOW - DAY,
					       .expires = NOW + 9 * DAY,
					       .reason = "said: 550\n.\nX: y"};
	notice_format(&mail, &list[2], "mx2.example.test", NOW);
	assert_non_null(strstr(strbuf_text(&mail), "\nTo: admin@hold.test\n"));
	assert_non_null(strstr(strbuf_text(&mail), "Subject: 3 messages for hold.test wait on "
						   "mx2.example.test\n"));
	assert_non_null(strstr(strbuf_text(&mail), "(in 9 d 0 h)"));
	assert_non_null(strstr(strbuf_text(&mail), "  last error  said: 550 . X: y\n"));
	assert_non_null(strstr(strbuf_text(&mail), "they are held"));
	strbuf_free(&mail);
}

#define HOUR 3600

static void test_when_a_contact_is_told(void **state)
{
	struct mx2_domain *domain = &list[2];
	json_t *told = json_object();

	(void)state;
	domain->waiting =
		(struct mx2_waiting){.messages = 1, .oldest = NOW, .expires = NOW + 10 * DAY};
	assert_false(told_is_due(told, domain, 4 * HOUR, NOW + 5 * HOUR));
	strcpy(domain->mx2.contact, "admin@hold.test");
	assert_false(told_is_due(told, domain, 4 * HOUR, NOW + 3 * HOUR));
	assert_true(told_is_due(told, domain, 4 * HOUR, NOW + 4 * HOUR));
	/* Half its time is over. */
	domain->waiting.expires = NOW + 2 * HOUR;
	assert_false(told_is_due(told, domain, 4 * HOUR, NOW + HOUR - 1));
	assert_true(told_is_due(told, domain, 4 * HOUR, NOW + HOUR));
	/* Once a day, unless the clock was wrong then. */
	told_note(told, domain, NOW + HOUR);
	assert_false(told_is_due(told, domain, 4 * HOUR, NOW + HOUR + DAY - 1));
	assert_true(told_is_due(told, domain, 4 * HOUR, NOW + HOUR + DAY));
	told_note(told, domain, NOW + 100 * DAY);
	assert_true(told_is_due(told, domain, 4 * HOUR, NOW + DAY));
	/* At once, when the primary refuses. */
	told_forget(told, domain);
	assert_false(told_is_due(told, domain, 4 * HOUR, NOW + 1));
	domain->waiting.refused = 1;
	assert_true(told_is_due(told, domain, 4 * HOUR, NOW + 1));
	json_decref(told);
}

static void test_when_a_list_is_stale(void **state)
{
	struct mx2_domain *domain = &list[2];
	struct strbuf mail = STRBUF_INIT;
	json_t *told = json_object();

	(void)state;
	strcpy(domain->mx2.contact, "admin@hold.test");
	strcpy(domain->mx2.list_key, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
	assert_false(told_stale_is_due(told, domain, 3 * DAY, NOW));
	domain->mx2.list_serial = NOW * 1000LL;
	assert_false(told_stale_is_due(told, domain, 3 * DAY, NOW + 3 * DAY));
	assert_true(told_stale_is_due(told, domain, 3 * DAY, NOW + 3 * DAY + 1));
	told_note_stale(told, domain, NOW + 4 * DAY);
	told_forget(told, domain);
	assert_false(told_stale_is_due(told, domain, 3 * DAY, NOW + 10 * DAY));
	assert_true(told_stale_is_due(told, domain, 3 * DAY, NOW + 11 * DAY));
	notice_stale_format(&mail, domain, "mx2.example.test", NOW + 4 * DAY);
	assert_non_null(strstr(strbuf_text(&mail), "(4 d 0 h ago)"));
	assert_non_null(strstr(strbuf_text(&mail), "shoveler mx2 push hold.test mx2.example.test"));
	strbuf_free(&mail);
	json_decref(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_domain_has_its_time, set_up),
		cmocka_unit_test_setup(test_the_most_patient_recipient_counts, set_up),
		cmocka_unit_test_setup(test_longer_retention_saves_what_waits, set_up),
		cmocka_unit_test_setup(test_refused_mail_does_not_bounce, set_up),
		cmocka_unit_test_setup(test_what_somebody_else_holds_is_his, set_up),
		cmocka_unit_test_setup(test_reasons, set_up),
		cmocka_unit_test_setup(test_counting, set_up),
		cmocka_unit_test_setup(test_notice, set_up),
		cmocka_unit_test_setup(test_when_a_contact_is_told, set_up),
		cmocka_unit_test_setup(test_when_a_list_is_stale, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
