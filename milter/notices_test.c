#include "notices.h"

#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "lib/test_folder.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 60000

static char folder[] = "/tmp/notices.XXXXXX";
static struct endpoint endpoint;
static struct notices *notices;

/* ---- a spamtraind that says what it is told to ---- */

static pthread_t thread;
static int listener = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct strbuf asked;	  /* "user virus id sender size header," for each request */
static const char *slow = "";	  /* this user is deferred */
static const char *stranger = ""; /* this one is unknown */

static void answer(int connection, const struct packet *request, int fd)
{
	struct strbuf reply = STRBUF_INIT;
	const char *user = packet_get(request, "user");
	char header[64] = "";
	bool deferred, unknown;

	assert_true(pread(fd, header, sizeof(header) - 1, 0) > 0);
	pthread_mutex_lock(&lock);
	deferred = strcmp(user, slow) == 0;
	unknown = strcmp(user, stranger) == 0;
	strbuf_printf(&asked, "%s %s %s %s %s %s %s,", packet_get(request, "request"), user,
		      packet_get(request, "virus"), packet_get(request, "id"),
		      packet_get(request, "sender"), packet_get(request, "size"), header);
	pthread_mutex_unlock(&lock);
	packet_put(&reply, "status", deferred || unknown ? "error" : "ok");
	packet_put(&reply, "outcome", deferred ? "deferred" : unknown ? "unknown" : "noted");
	assert_int_equal(packet_send(connection, &reply, -1), 0);
	strbuf_free(&reply);
}

static void *serve(void *context)
{
	int connection;

	(void)context;
	while ((connection = accept(listener, NULL, NULL)) >= 0) {
		struct packet request;
		char *error = NULL;
		int fd = -1;

		while (packet_receive(connection, &request, &fd, &error) == 1) {
			answer(connection, &request, fd);
			close(fd);
			packet_free(&request);
		}
		free(error);
		close(connection);
	}
	return NULL;
}

static void service_start(void)
{
	char *error = NULL;

	strbuf_reset(&asked);
	listener = endpoint_listen(&endpoint, SOCK_SEQPACKET, 0600, &error);
	assert_true(listener >= 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
}

static void service_stop(void)
{
	if (listener < 0)
		return;
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	unlink(endpoint.path);
	listener = -1;
}

/* ---- */

static size_t files(void)
{
	char *path = xasprintf("%s/new", folder);
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(directory);
	free(path);
	return count;
}

static void expect_files(size_t count)
{
	for (int i = 0; i < WAIT_MS && files() != count; i++)
		poll(NULL, 0, 1);
	assert_int_equal(files(), count);
}

static void expect_asked(const char *text)
{
	bool same = false;

	for (int i = 0; i < WAIT_MS && !same; i++) {
		pthread_mutex_lock(&lock);
		same = strcmp(strbuf_text(&asked), text) == 0;
		pthread_mutex_unlock(&lock);
		poll(NULL, 0, 1);
	}
	assert_string_equal(strbuf_text(&asked), text);
}

/* The same, whatever came behind it: asked again. */
static void expect_asked_first(const char *text)
{
	bool same = false;

	for (int i = 0; i < WAIT_MS && !same; i++) {
		pthread_mutex_lock(&lock);
		same = strncmp(strbuf_text(&asked), text, strlen(text)) == 0;
		pthread_mutex_unlock(&lock);
		poll(NULL, 0, 1);
	}
	assert_true(same);
}

static void begin(void)
{
	char *path = xasprintf("%s/new", folder), *error = NULL;

	assert_int_equal(notices_start(path, &endpoint, &notices, &error), 0);
	free(path);
}

static void add(const char *id, const char *users, time_t when)
{
	const struct notice notice = {
		.id = id, .users = users, .sender = "s@x.test", .virus = "Eicar", .time = when};
	int fd = memfd_create("message", 0);

	assert_int_equal(write(fd, "Subject: x", 10), 10);
	notices_add(notices, &notice, fd);
	close(fd);
}

static int setup(void **state)
{
	char *path;

	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	path = xasprintf("mkdir %s/new", folder);
	assert_int_equal(system(path), 0);
	free(path);
	endpoint.is_unix = true;
	snprintf(endpoint.path, sizeof(endpoint.path), "%s/socket", folder);
	slow = stranger = "";
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	notices_stop(&notices);
	service_stop();
	strbuf_free(&asked);
	test_folder_remove(folder);
	return 0;
}

static void each_user_is_told(void **state)
{
	(void)state;
	service_start();
	begin();
	add("4A", "alice@x.test bob@x.test", time(NULL));
	expect_asked("virus alice@x.test Eicar 4A s@x.test 10 Subject: x,"
		     "virus bob@x.test Eicar 4A s@x.test 10 Subject: x,");
	expect_files(0);
}

static void nobody_is_told_of_nothing(void **state)
{
	(void)state;
	begin();
	add("4A", "", time(NULL));
	expect_files(0);
	notices_stop(&notices);
	/* Of a host that does not scan. */
	add("4A", "alice@x.test", time(NULL));
	expect_files(0);
}

static void it_waits_for_the_service_and_for_our_restart(void **state)
{
	(void)state;
	begin();
	add("4A", "alice@x.test", time(NULL));
	add("4B", "alice@x.test", time(NULL));
	expect_files(2);
	notices_stop(&notices);
	expect_files(2);
	service_start();
	begin();
	expect_asked("virus alice@x.test Eicar 4A s@x.test 10 Subject: x,"
		     "virus alice@x.test Eicar 4B s@x.test 10 Subject: x,");
	expect_files(0);
}

static void the_service_comes_back(void **state)
{
	(void)state;
	begin();
	add("4A", "alice@x.test", time(NULL));
	poll(NULL, 0, 100);
	service_start();
	expect_asked("virus alice@x.test Eicar 4A s@x.test 10 Subject: x,");
	expect_files(0);
}

static void only_who_was_not_told_is_asked_again(void **state)
{
	(void)state;
	slow = "slow@x.test";
	stranger = "stranger@x.test";
	service_start();
	begin();
	add("4A", "alice@x.test slow@x.test stranger@x.test", time(NULL));
	expect_asked_first("virus alice@x.test Eicar 4A s@x.test 10 Subject: x,"
			   "virus slow@x.test Eicar 4A s@x.test 10 Subject: x,"
			   "virus stranger@x.test Eicar 4A s@x.test 10 Subject: x,");
	pthread_mutex_lock(&lock);
	strbuf_reset(&asked);
	slow = "";
	pthread_mutex_unlock(&lock);
	expect_asked("virus slow@x.test Eicar 4A s@x.test 10 Subject: x,");
	expect_files(0);
}

static void old_and_damaged_ones_go(void **state)
{
	char *command = xasprintf("echo damaged >%s/new/000000000001.0000000001", folder);

	(void)state;
	assert_int_equal(system(command), 0);
	free(command);
	slow = "alice@x.test";
	service_start();
	begin();
	expect_files(0);
	add("4A", "alice@x.test", time(NULL) - NOTICES_MAX_AGE_S - 10);
	expect_files(0);
	expect_asked("virus alice@x.test Eicar 4A s@x.test 10 Subject: x,");
}

static void users_beyond_the_limit_are_cut_between_addresses(void **state)
{
	struct strbuf users = STRBUF_INIT;

	(void)state;
	while (users.size < NOTICES_MAX_USERS + 100)
		strbuf_printf(&users, "u%05zu@x.test ", users.size / 14);
	begin();
	add("4A", strbuf_text(&users), time(NULL));
	expect_files(1);
	service_start();
	expect_files(0);
	assert_null(strstr(strbuf_text(&asked), "virus u Eicar"));
	assert_non_null(strstr(strbuf_text(&asked), "virus u02339@x.test Eicar"));
	assert_null(strstr(strbuf_text(&asked), "virus u02340"));
	strbuf_free(&users);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_user_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_told_of_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(it_waits_for_the_service_and_for_our_restart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_service_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(only_who_was_not_told_is_asked_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(old_and_damaged_ones_go, setup, teardown),
		cmocka_unit_test_setup_teardown(users_beyond_the_limit_are_cut_between_addresses,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
