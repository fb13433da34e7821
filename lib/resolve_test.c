#include "resolve.h"

#include "clock.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
/* after the headers above */
#include <cmocka.h>

static void found(const char *host, int timeout_ms)
{
	char *error = NULL;
	struct addrinfo *list = resolve_within(host, "25", SOCK_STREAM, 0, timeout_ms, &error);

	if (list == NULL)
		fail_msg("%s", error);
	assert_int_equal(list->ai_socktype, SOCK_STREAM);
	freeaddrinfo(list);
}

static void numbers_and_names(void **state)
{
	(void)state;
	found("127.0.0.1", 0);
	found("::1", 0);
	found("localhost", 5000);
}

/* Whatever the resolver of this machine does with it. */
static void unknown_names_take_no_longer(void **state)
{
	int64_t started = clock_ms();
	char *error = NULL;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_null(
			resolve_within("no-such-name.invalid", "25", SOCK_STREAM, 0, 100, &error));
		assert_non_null(strstr(error, "cannot resolve inet:no-such-name.invalid:25: "));
		free(error);
	}
	/* A resolver that does not answer takes 10 s for one; this machine may be busy. */
	assert_in_range(clock_ms() - started, 0, 10000);
}

static void bad_port(void **state)
{
	char *error = NULL;

	(void)state;
	assert_null(resolve_within("127.0.0.1", "no-such-port", SOCK_STREAM, 0, 100, &error));
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_names),
		cmocka_unit_test(unknown_names_take_no_longer),
		cmocka_unit_test(bad_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
