#include "greylist.h"

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define DELAY 300
#define START 1000000

static int check(const char *client, const char *sender, const char *recipient, time_t now)
{
	struct ip ip;

	assert_int_equal(ip_parse(client, &ip), 0);
	return greylist_check(&ip, sender, recipient, DELAY, now);
}

static void the_second_attempt_is_taken(void **state)
{
	(void)state;
	assert_int_equal(check("192.0.2.1", "a@b.test", "alice@x.test", START), DELAY);
	assert_int_equal(check("192.0.2.1", "a@b.test", "alice@x.test", START + 100), 200);
	/* From another host of the same network, in another spelling. */
	assert_int_equal(check("192.0.2.9", "A@b.test", "Alice@X.test", START + DELAY), 0);
	assert_int_equal(check("192.0.2.1", "a@b.test", "alice@x.test", START + DELAY + 1), 0);
	assert_int_equal(check("192.0.2.1", "a@b.test", "bob@x.test", START + DELAY), DELAY);
	assert_int_equal(check("192.0.3.1", "a@b.test", "alice@x.test", START + DELAY), DELAY);
	/* Known for weeks after the last mail, then not any more. */
	assert_int_equal(check("192.0.2.1", "a@b.test", "alice@x.test", START + 30 * 86400), 0);
	assert_int_equal(check("192.0.2.1", "a@b.test", "alice@x.test", START + 70 * 86400), DELAY);
}

static void who_never_comes_back_is_forgotten(void **state)
{
	(void)state;
	assert_int_equal(check("192.0.5.1", "a@b.test", "alice@x.test", START), DELAY);
	assert_int_equal(
		check("192.0.5.1", "a@b.test", "alice@x.test", START + GREYLIST_WINDOW_S + 1),
		DELAY);
}

static void a_network_that_comes_back_is_trusted(void **state)
{
	char sender[32];

	(void)state;
	for (int i = 0; i < GREYLIST_TRUSTED; i++) {
		snprintf(sender, sizeof(sender), "%d@b.test", i);
		assert_int_equal(check("2001:db8:7::1", sender, "alice@x.test", START), DELAY);
		assert_int_equal(check("2001:db8:7::1", sender, "alice@x.test", START + DELAY), 0);
	}
	assert_int_equal(check("2001:db8:7::ff", "new@b.test", "bob@x.test", START + DELAY), 0);
	assert_int_equal(check("2001:db8:8::1", "new@b.test", "bob@x.test", START + DELAY), DELAY);
}

static void a_clock_set_back_lets_nobody_wait_longer(void **state)
{
	(void)state;
	assert_int_equal(check("192.0.7.1", "a@b.test", "alice@x.test", START + 1000000), DELAY);
	assert_int_equal(check("192.0.7.1", "a@b.test", "alice@x.test", START), DELAY);
	assert_int_equal(check("192.0.7.1", "a@b.test", "alice@x.test", START + DELAY), 0);
}

/* A restart is another process with the same folder. */
static void it_survives_a_restart(void **state)
{
	char folder[] = "/tmp/greylist.XXXXXX", *path;
	pid_t child;
	int status;

	(void)state;
	assert_non_null(mkdtemp(folder));
	child = fork();
	if (child == 0) {
		greylist_open(folder);
		_exit(check("192.0.8.1", "a@b.test", "alice@x.test", START) == DELAY ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	greylist_open(folder);
	assert_int_equal(check("192.0.8.1", "a@b.test", "alice@x.test", START + DELAY), 0);
	path = xasprintf("%s/greylist", folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_attempt_is_taken),
		cmocka_unit_test(who_never_comes_back_is_forgotten),
		cmocka_unit_test(a_network_that_comes_back_is_trusted),
		cmocka_unit_test(a_clock_set_back_lets_nobody_wait_longer),
		cmocka_unit_test(it_survives_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
