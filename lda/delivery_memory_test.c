/*
 * Memory that cannot be had, at allocations all through the delivery of a message to two
 * recipients, one of whom has no store yet and one whose spam is held: whatever comes of it, the
 * mail of each is with Dovecot or in his quarantine if we said 250, Dovecot has no copy of what we
 * put off, and a second attempt brings what is missing. Nothing crashes or leaks, and nothing is
 * refused for good.
 */
#include "lda/delivery.h"

#include "lda/site.h"
#include "lib/endpoint.h"
#include "lib/memory_fault.h"
#include "lib/msg.h"
#include "lib/server.h"
#include "spamtrain/user/quarantine.h"
#include "spamtrain/classifier/site_fixture.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PLACES	  90 /* at which an allocation fails */
#define LEAK_EACH 6  /* one in so many is looked at for leaks, which takes longer */
#define END	  "the last line of mail %u\r\n"

enum { NEW_USER, HELD_USER, USERS };

/* Seen by this process, the one that delivers and the one that is Dovecot. */
static struct shared {
	atomic_uint number;	  /* of the mail; what was on its way before does not count */
	atomic_uint taken[USERS]; /* by Dovecot, whole */
	atomic_int codes[USERS];  /* that the delivery agent said; 0: nothing */
} * shared;

static struct conf *conf;
static pid_t dovecot;
static char *settings_folder;

/* ---- Dovecot ---- */

static void take(void *context, struct lmtp_transaction *transaction,
		 struct lmtp_recipient *recipients, size_t count)
{
	struct span content = transaction->content;
	char end[sizeof(END) + 10];
	size_t size = (size_t)snprintf(end, sizeof(end), END, shared->number);
	bool whole = content.size > size &&
		     span_equal(span_from(content, content.size - size), span_of(end));

	(void)context;
	for (size_t i = 0; i < count; i++) {
		lmtp_reply_set(&recipients[i].reply, 250, "2.0.0 Saved");
		if (whole)
			shared->taken[strncmp(recipients[i].address, "new", 3) == 0 ? NEW_USER
										    : HELD_USER]++;
	}
}

static void dovecot_session(int fd, void *context)
{
	static const struct lmtp_server_settings settings = {.hostname = "dovecot.test",
							     .temporary_directory = "/tmp",
							     .timeout_s = 60,
							     .handler = {.deliver = take}};

	(void)context;
	lmtp_server_session(fd, &settings);
}

static void be_dovecot(int listen_fd)
{
	struct server_settings settings = {.name = "dovecot",
					   .listen_fd = listen_fd,
					   .max_sessions = 10,
					   .io_timeout_s = 60,
					   .drain_timeout_s = 1,
					   .session = dovecot_session};
	struct server *server;
	char *error = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing running */
	if (server_start(&settings, &server, &error) < 0)
		_exit(1);
	for (;;)
		pause();
}

static void dovecot_start(void)
{
	struct endpoint endpoint = {.is_unix = true};
	char *error = NULL;
	int fd;

	snprintf(endpoint.path, sizeof(endpoint.path), "%s/lmtp", settings_folder);
	fd = endpoint_listen(&endpoint, SOCK_STREAM, 0600, &error);
	assert_true(fd >= 0);
	dovecot = fork();
	if (dovecot == 0)
		be_dovecot(fd);
	close(fd);
}

/* ---- a delivery ---- */

struct mail {
	unsigned number;
	char *content, *addresses[USERS];
};

static struct mail mail_new(unsigned number)
{
	struct strbuf text = STRBUF_INIT;
	struct mail mail = {.number = number};

	mail_write(&text, number, true);
	strbuf_printf(&text, END, number);
	mail.content = strbuf_steal(&text);
	mail.addresses[NEW_USER] = xasprintf("new%u@example.test", number);
	mail.addresses[HELD_USER] = xstrdup(BOB);
	return mail;
}

static void mail_free(struct mail *mail)
{
	free(mail->content);
	for (size_t i = 0; i < USERS; i++)
		free(mail->addresses[i]);
}

/* What lmtp_server.c does with it, for those who have no 250 yet. 0: all have one now. */
static int deliver(void *context)
{
	static char nothing[] = "";
	const struct mail *mail = context;
	struct lmtp_recipient recipients[USERS];
	struct lmtp_transaction transaction = {.sender = (char[]){"seller@example.biz"},
					       .sender_parameters = nothing,
					       .recipients = recipients,
					       .content = span_of(mail->content)};
	size_t who[USERS];
	struct site *own;
	char *error = NULL;
	int ret = 0;

	for (size_t i = 0; i < USERS; i++) {
		if (shared->codes[i] == 250)
			continue;
		who[transaction.count] = i;
		recipients[transaction.count++] = (struct lmtp_recipient){
			.address = mail->addresses[i], .parameters = nothing};
	}
	if (transaction.count == 0)
		return 0;
	if (site_new(conf, &own, &error) < 0) {
		free(error);
		return -1;
	}
	own->lmtp.handler.data(own, &transaction);
	for (size_t i = 0; i < transaction.count; i++)
		lmtp_reply_set(&recipients[i].reply, 451, "4.3.0 Not yet");
	own->lmtp.handler.deliver(own, &transaction, recipients, transaction.count);
	for (size_t i = 0; i < transaction.count; i++) {
		shared->codes[who[i]] = recipients[i].reply.code;
		if (recipients[i].reply.code != 250)
			ret = -1;
	}
	own->lmtp.handler.settled(own, &transaction, recipients, transaction.count);
	own->lmtp.handler.reset(own, &transaction);
	site_release(&own);
	return ret;
}

struct held {
	unsigned count;
	char signatures[2 * PLACES + 2][STORE_SIGNATURE_SIZE];
};

static bool note_held(void *context, const struct store_quarantined *row)
{
	struct held *held = context;

	assert_true(held->count < sizeof(held->signatures) / sizeof(held->signatures[0]));
	strcpy(held->signatures[held->count++], row->signature);
	return true;
}

/* How many messages are in his quarantine, all of them whole. */
static unsigned held_count(void)
{
	struct classifier *c = user_open(BOB);
	struct held held = {0};
	char *error = NULL;

	assert_int_equal(store_quarantine_list(classifier_store(c), note_held, &held, &error),
			 STORE_OK);
	for (unsigned i = 0; i < held.count; i++) {
		struct quarantined_file file;

		assert_int_equal(
			quarantine_open(classifier_store(c), held.signatures[i], &file, &error),
			STORE_OK);
		assert_true(file.fd >= 0 && !file.damaged);
		quarantine_close(&file);
	}
	classifier_close(&c);
	return held.count;
}

static void begin(const struct mail *mail)
{
	shared->number = mail->number;
	for (size_t i = 0; i < USERS; i++) {
		shared->taken[i] = 0;
		shared->codes[i] = 0;
	}
}

static void check_place(unsigned number, const struct memory_fault *fault, bool look)
{
	struct mail mail = mail_new(number);
	unsigned held = held_count();
	enum memory_end end;
	bool leaked = false;

	begin(&mail);
	if (!memory_fault_run(fault, deliver, &mail, &end, look ? &leaked : NULL))
		fail_msg("no memory at allocation %u: it crashed", fault->at);
	if (leaked)
		fail_msg("no memory at allocation %u: it leaked", fault->at);
	for (size_t i = 0; i < USERS; i++) {
		int code = shared->codes[i];

		if (code != 0 && code != 250 && (code < 400 || code > 499))
			fail_msg("no memory at allocation %u: the reply is %d", fault->at, code);
		if (code >= 400)
			assert_int_equal(shared->taken[i], 0);
	}
	if (shared->codes[NEW_USER] == 250)
		assert_int_equal(shared->taken[NEW_USER], 1);
	if (shared->codes[HELD_USER] == 250)
		assert_int_equal(shared->taken[HELD_USER] + held_count() - held, 1);
	assert_int_equal(deliver(&mail), 0);
	assert_true(shared->taken[NEW_USER] >= 1);
	assert_true(shared->taken[HELD_USER] + held_count() - held >= 1);
	mail_free(&mail);
}

static void test_memory(void **state)
{
	struct mail mail = mail_new(999);
	unsigned calls, number = 0;

	(void)state;
	begin(&mail);
	calls = memory_fault_count(false, deliver, &mail);
	mail_free(&mail);
	assert_in_range(calls, PLACES, 1000000);
	assert_int_equal(shared->taken[NEW_USER], 1);
	assert_int_equal(shared->taken[HELD_USER], 0);
	assert_int_equal(held_count(), 1);
	for (unsigned at = 1; at <= calls; at += calls / PLACES, number++) {
		const struct memory_fault fault = {.at = at, .for_good = number % 2};

		check_place(1000 + number, &fault, number % LEAK_EACH == 0);
	}
}

/* ---- around it ---- */

static void conf_make(void)
{
	char *path = xasprintf("%s/main.cf", settings_folder), *error = NULL;
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file,
		"lda_nexthop = unix:%s/lmtp\nusers_directory = %s\ntemporary_directory = /tmp\n"
		"lda_parallel = 1\n",
		settings_folder, folder);
	fclose(file);
	assert_int_equal(conf_load(settings_folder, &conf, &error), 0);
	free(path);
}

static int setup(void **state)
{
	struct classifier *c;

	(void)state;
	assert_int_equal(msg_open("test", "/dev/null"), 0);
	strcpy(folder, "/dev/shm/lda.XXXXXX");
	assert_non_null(mkdtemp(folder));
	settings_folder = xasprintf("%s/.settings", folder);
	assert_int_equal(mkdir(settings_folder, 0700), 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_true(shared != MAP_FAILED);
	dovecot_start();
	conf_make();
	site = site_make();
	c = user_open(BOB);
	user_prefers(c, "spamAction", "quarantine");
	user_train(c, 0, 60);
	classifier_close(&c);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kill(dovecot, SIGTERM);
	waitpid(dovecot, NULL, 0);
	conf_free(&conf);
	folder_remove();
	free(settings_folder);
	munmap(shared, sizeof(*shared));
	return 0;
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1:malloc_context_size=3";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
