/*
 * smtp_load - sends unique messages by SMTP, several sessions at a time, and says how fast.
 *
 * usage: smtp_load ADDRESS PORT SESSIONS MESSAGES PER_SESSION BYTES SEED RECIPIENT
 *
 * Each message is other text (scanners remember what they have seen). Prints one line: messages a
 * second, and of the time from MAIL to the reply after the final dot the median and the 95th
 * percentile, in microseconds. Any reply but the one wanted ends the program with 1.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_MESSAGES 1000000
#define LINE_SIZE    70

static struct sockaddr_in server;
static int messages, per_session, bytes;
static unsigned seed;
static const char *recipient;
static atomic_int next_message;
static uint32_t *latencies;

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void fail(const char *what, const char *reply)
{
	fprintf(stderr, "smtp_load: %s: %s\n", what, reply);
	exit(1);
}

static void say(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

		if (sent <= 0)
			fail("send", "the connection is gone");
		data += sent;
		size -= (size_t)sent;
	}
}

/* The last line of a reply begins with its code and a blank. */
static void expect(int fd, const char *what, char code)
{
	char reply[4096];
	size_t size = 0;

	for (;;) {
		ssize_t got = recv(fd, reply + size, sizeof(reply) - 1 - size, 0);
		char *line;

		if (got <= 0)
			fail(what, "the connection is gone");
		size += (size_t)got;
		reply[size] = '\0';
		if (reply[size - 1] != '\n')
			continue;
		reply[size - 1] = '\0';
		line = strrchr(reply, '\n');
		line = line == NULL ? reply : line + 1;
		if (strlen(line) >= 4 && line[3] == '-') {
			reply[size - 1] = '\n';
			continue;
		}
		if (line[0] != code)
			fail(what, line);
		return;
	}
}

static void command(int fd, char code, const char *line)
{
	say(fd, line, strlen(line));
	expect(fd, line, code);
}

/* Words of small letters, other ones for each number. Returns its size. */
static size_t write_message(char *out, int number)
{
	uint64_t state =
		((uint64_t)seed << 32 | (uint32_t)number) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	size_t size =
		(size_t)sprintf(out,
				"From: <s@client.test>\r\nTo: <%s>\r\nSubject: Number %d of %u\r\n"
				"Message-ID: <%u.%d@client.test>\r\n"
				"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n\r\n",
				recipient, number, seed, seed, number);

	for (size_t column = 0; size < (size_t)bytes; column++) {
		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		out[size++] = column % LINE_SIZE == LINE_SIZE - 1 ? '\r'
			      : (state >> 40) % 6 == 0		  ? ' '
								  : (char)('a' + state % 26);
		if (out[size - 1] == '\r')
			out[size++] = '\n';
	}
	memcpy(out + size, "\r\n.\r\n", 5);
	return size + 5;
}

static int open_session(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		fail("connect", "no");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	expect(fd, "connect", '2');
	command(fd, '2', "EHLO mail.client.test\r\n");
	return fd;
}

static void send_message(int fd, char *text, int number)
{
	char line[512];
	size_t size = write_message(text, number);
	int64_t start = now_us();

	command(fd, '2', "MAIL FROM:<s@client.test>\r\n");
	snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", recipient);
	command(fd, '2', line);
	command(fd, '3', "DATA\r\n");
	say(fd, text, size);
	expect(fd, "message", '2');
	latencies[number] = (uint32_t)(now_us() - start);
}

static void *run(void *unused)
{
	char *text = malloc((size_t)bytes + 1024);
	int number = atomic_fetch_add(&next_message, 1);

	while (number < messages) {
		int fd = open_session();

		for (int i = 0; i < per_session && number < messages; i++) {
			send_message(fd, text, number);
			number = atomic_fetch_add(&next_message, 1);
		}
		command(fd, '2', "QUIT\r\n");
		close(fd);
	}
	free(text);
	return unused;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	pthread_t threads[256];
	int64_t start;
	int sessions;

	if (argc != 9) {
		fprintf(stderr,
			"usage: smtp_load ADDRESS PORT SESSIONS MESSAGES PER_SESSION BYTES SEED "
			"RECIPIENT\n");
		return 64;
	}
	server = (struct sockaddr_in){.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)atoi(argv[2]))};
	inet_pton(AF_INET, argv[1], &server.sin_addr);
	sessions = atoi(argv[3]), messages = atoi(argv[4]), per_session = atoi(argv[5]);
	bytes = atoi(argv[6]), seed = (unsigned)atoi(argv[7]), recipient = argv[8];
	if (sessions < 1 || sessions > 256 || messages < 1 || messages > MAX_MESSAGES ||
	    bytes < 1 || per_session < 1)
		fail("arguments", "out of range");
	latencies = calloc((size_t)messages, sizeof(*latencies));
	start = now_us();
	for (int i = 0; i < sessions; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	for (int i = 0; i < sessions; i++)
		pthread_join(threads[i], NULL);
	start = now_us() - start;
	qsort(latencies, (size_t)messages, sizeof(*latencies), compare);
	printf("%lld %u %u\n", (long long)messages * 1000000 / start, latencies[messages / 2],
	       latencies[(size_t)messages * 95 / 100]);
	free(latencies);
	return 0;
}
