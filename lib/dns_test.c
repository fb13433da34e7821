/*
 * Lookups beside a name server of our own: what is asked once, kept for its TTL, or never answered.
 */
#include "lib/dns.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 10000
#define HEADER	    12
#define TTL_S	    2
#define AT_ONCE_MS  1400 /* before c-ares asks again */

static int server = -1;
static pthread_t thread;
static atomic_int asked;
static struct dns *dns;

/* The end of the question: a name, its type and class. */
static size_t question_end(const unsigned char *packet, size_t size)
{
	size_t at = HEADER;

	while (at < size && packet[at] != 0)
		at += packet[at] + 1U;
	return at + 5;
}

/* "silent..." gets no answer, everything else 127.0.0.2. */
static void *serve(void *context)
{
	static const unsigned char record[] = {0xc0, HEADER, 0, 1, 0,	1, 0, 0,
					       0,    TTL_S,  0, 4, 127, 0, 0, 2};
	unsigned char packet[1024];
	struct sockaddr_in peer;
	socklen_t peer_size = sizeof(peer);
	ssize_t size;

	(void)context;
	while ((size = recvfrom(server, packet, 512, 0, (struct sockaddr *)&peer, &peer_size)) >
	       HEADER) {
		size_t end = question_end(packet, (size_t)size);

		atomic_fetch_add(&asked, 1);
		if (packet[HEADER] == 6 && memcmp(packet + HEADER + 1, "silent", 6) == 0)
			continue;
		packet[2] = 0x81;
		packet[3] = 0x80;
		memset(packet + 6, 0, 6);
		packet[7] = 1; /* one answer, nothing else */
		memcpy(packet + end, record, sizeof(record));
		(void)sendto(server, packet, end + sizeof(record), 0, (struct sockaddr *)&peer,
			     peer_size);
	}
	return NULL;
}

static int setup(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	char *text, *error = NULL;

	(void)state;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
	text = xasprintf("127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(dns_open((const char *const[]){text, NULL}, &dns, &error), 0);
	free(text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dns_close(&dns);
	shutdown(server, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(server);
	return 0;
}

static void look_up(const char *name)
{
	struct dns_query *query = dns_start(dns, name, DNS_A);
	const struct dns_answer *answer = dns_wait(query, clock_ms() + PATIENCE_MS);

	assert_non_null(answer);
	assert_int_equal(answer->status, DNS_FOUND);
	assert_memory_equal(answer->records[0].data, "\x7f\0\0\2", 4);
	dns_release(&query);
}

static void an_answer_is_kept_for_its_ttl(void **state)
{
	int before = atomic_load(&asked);
	int64_t start = clock_ms();

	(void)state;
	look_up("kept.test");
	look_up("kept.test");
	look_up("KEPT.test");
	/* Unless this machine slept meanwhile. */
	if (clock_ms() - start < AT_ONCE_MS)
		assert_int_equal(atomic_load(&asked), before + 1);
	poll(NULL, 0, TTL_S * 1000 + 100);
	before = atomic_load(&asked);
	look_up("kept.test");
	assert_true(atomic_load(&asked) > before);
}

static void who_waits_for_the_same_asks_once(void **state)
{
	int before = atomic_load(&asked);
	struct dns_query *first = dns_start(dns, "same.test", DNS_A);
	struct dns_query *second = dns_start(dns, "same.test", DNS_A);
	int64_t start = clock_ms();

	(void)state;
	assert_non_null(dns_wait(first, clock_ms() + PATIENCE_MS));
	assert_ptr_equal(dns_wait(first, 0), dns_wait(second, 0));
	if (clock_ms() - start < AT_ONCE_MS)
		assert_int_equal(atomic_load(&asked), before + 1);
	dns_release(&first);
	dns_release(&second);
}

/* A silent server keeps nobody beyond his deadline, nor those who ask others. */
static void silence_ends_at_the_deadline(void **state)
{
	struct dns_query *silent = dns_start(dns, "silent.test", DNS_A);
	int64_t start = clock_ms();

	(void)state;
	look_up("other.test");
	assert_null(dns_wait(silent, start + 200));
	assert_true(clock_ms() - start >= 200);
	dns_release(&silent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_kept_for_its_ttl),
		cmocka_unit_test(who_waits_for_the_same_asks_once),
		cmocka_unit_test(silence_ends_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
