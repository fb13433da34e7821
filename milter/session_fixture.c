#include "session_fixture.h"

#include "lib/endpoint.h"
#include "lib/msg.h"
#include "lib/packet.h"
#include "lib/test_child.h"
#include "lib/test_folder.h"
#include "scanner_keeper.h"
#include "sessions.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_NAMES   512 /* that the name server remembers */
#define DNS_HEADER  12
#define MAX_MESSAGE (1024 * 1024)

struct policy *fixture_policy;
bool fixture_scanner_is_ready = true;
struct protocol *fixture_session;
struct strbuf fixture_bytes;

static struct conf *conf;
static char folder[64];
static pid_t name_server, scanner;
static char *name_server_address;

/* Of the name server. */
static struct asked {
	atomic_uint count;
	char names[MAX_NAMES][256];
} * asked;

/* Instead of the keeper's. */
bool scanner_keeper_ready(struct scanner_keeper *keeper)
{
	(void)keeper;
	return fixture_scanner_is_ready;
}

/* ---- the name server ---- */

/* As text, with dots. Returns where it ends. */
static size_t read_name(const unsigned char *packet, size_t size, char *name)
{
	size_t at = DNS_HEADER, length = 0;

	while (at < size && packet[at] != 0 && length + packet[at] < 250) {
		if (length > 0)
			name[length++] = '.';
		memcpy(name + length, packet + at + 1, packet[at]);
		length += packet[at];
		at += packet[at] + 1U;
	}
	name[length] = '\0';
	return at + 5;
}

static bool is_listed(const char *name)
{
	size_t size = strlen(name);

	if (size < 11 || strcmp(name + size - 11, ".dnsbl.test") != 0)
		return false;
	/* Their test entry; x.x.x.66; any address that ends in ::66. */
	return strncmp(name, "2.0.0.127.", 10) == 0 || strncmp(name, "66.", 3) == 0 ||
	       strncmp(name, "6.6.0.0.0.0.", 12) == 0;
}

static size_t reply(unsigned char *packet, size_t size)
{
	static const unsigned char record[] = {0xc0, DNS_HEADER, 0, 1, 0,   1, 0, 0,
					       0,    60,	 0, 4, 127, 0, 0, 2};
	unsigned number = atomic_load(&asked->count);
	char name[256];
	size_t end = read_name(packet, size, name);
	bool listed = is_listed(name);

	if (number < MAX_NAMES) {
		strcpy(asked->names[number], name);
		atomic_store(&asked->count, number + 1);
	}
	packet[2] = 0x81;
	packet[3] = listed ? 0x80 : 0x83;
	memset(packet + 6, 0, 6);
	packet[7] = listed;
	if (!listed)
		return end;
	memcpy(packet + end, record, sizeof(record));
	return end + sizeof(record);
}

static _Noreturn void be_name_server(int fd)
{
	unsigned char packet[1024];
	struct sockaddr_in peer;

	for (;;) {
		socklen_t peer_size = sizeof(peer);
		ssize_t size = recvfrom(fd, packet, 512, 0, (struct sockaddr *)&peer, &peer_size);

		if (size > DNS_HEADER)
			(void)sendto(fd, packet, reply(packet, (size_t)size), 0,
				     (struct sockaddr *)&peer, peer_size);
	}
}

bool fixture_was_asked(const char *name)
{
	for (unsigned i = 0; i < atomic_load(&asked->count); i++) {
		if (strcmp(asked->names[i], name) == 0)
			return true;
	}
	return false;
}

/* ---- the scanner ---- */

static bool has(const char *text, ssize_t size, const char *word)
{
	return size > 0 && memmem(text, (size_t)size, word, strlen(word)) != NULL;
}

static void scan(int connection)
{
	static char content[MAX_MESSAGE];
	struct strbuf answer = STRBUF_INIT;
	struct packet request;
	char *error = NULL;
	int fd = -1;
	ssize_t size;

	if (packet_receive(connection, &request, &fd, &error) != 1) {
		free(error);
		return;
	}
	size = pread(fd, content, sizeof(content), 0);
	packet_put(&answer, "status", has(content, size, "VIRUS") ? "infected" : "clean");
	if (has(content, size, "VIRUS"))
		packet_put(&answer, "signature", "Test.Virus");
	if (!has(content, size, "CRASH"))
		(void)packet_send(connection, &answer, -1);
	strbuf_free(&answer);
	packet_free(&request);
	close(fd);
}

static _Noreturn void be_scanner(int fd)
{
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		scan(connection);
		close(connection);
	}
}

/* ---- both ---- */

/* A process that ends with this one. */
static pid_t start(void (*run)(int fd), int fd)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		test_child_signals();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			run(fd);
		_exit(0);
	}
	close(fd);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void start_name_server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	name_server_address = xasprintf("127.0.0.1:%u", ntohs(address.sin_port));
	asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	assert_true(asked != MAP_FAILED);
	name_server = start(be_name_server, fd);
}

static void start_scanner(void)
{
	struct endpoint endpoint = {.is_unix = true};
	char *error = NULL;
	int fd;

	snprintf(endpoint.path, sizeof(endpoint.path), "%s/scanner", folder);
	fd = endpoint_listen(&endpoint, SOCK_SEQPACKET, 0600, &error);
	assert_true(fd >= 0);
	scanner = start(be_scanner, fd);
}

/* ---- configurations ---- */

/* "@/" in it is the folder. */
static void write_file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (const char *each = text; *each != '\0'; each++) {
		if (*each == '@' && each[1] == '/')
			fputs(folder, file);
		else
			fputc(*each, file);
	}
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static void write_postfix(void)
{
	write_file(
		"postfix/main.cf",
		"compatibility_level = 3.6\nmyhostname = mx.example.test\nmydestination =\n"
		"myorigin = mx.example.test\nmynetworks = 127.0.0.0/8 [::1]/128 [2001:db8:5::]/48\n"
		"alias_maps =\nvirtual_mailbox_domains = example.test\n"
		"virtual_transport = lmtp:unix:lda\n"
		"virtual_alias_maps = texthash:@/postfix/redirects\n"
		"relay_domains = texthash:@/postfix/fallback\n"
		"relay_transport = relay\n");
	write_file("postfix/master.cf", "lmtp unix - - n - - lmtp\nrelay unix - - n - - smtp\n"
					"smtp unix - - n - - smtp\n");
	write_file("postfix/redirects", "friend@example.test friend@third.test\n");
	write_file("postfix/fallback", "partner.test x\n");
}

static void write_main(const char *settings)
{
	char *text = xasprintf(
		"postfix_config_directory = @/postfix\nstate_directory = @/\nruntime_directory = @/\n"
		"scanner_listen = unix:@/scanner\nscanner_temp_directory = @/\n"
		"virus_keep_directory = @/kept\nspamtraind_listen = unix:@/nobody\n"
		"dns_servers = %s\ndnsbl_sites = dnsbl.test*100\nscore_reject = 50\n"
		"score_greylist = 50\nscore_note = 50\n"
		"training_spam_addresses = dc-spam@example.test\nsubmitter_secret_file = @/secret\n%s",
		name_server_address, settings);

	write_file("main.cf", text);
	free(text);
}

static void make_folder(const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

void fixture_start(const char *settings)
{
	char *error = NULL;

	strcpy(folder, "/tmp/milter_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(msg_open("test", "/dev/null"), 0);
	make_folder("postfix");
	make_folder("kept");
	start_name_server();
	start_scanner();
	write_postfix();
	write_file("secret", "0123456789abcdef0123456789abcdef\n");
	write_main(settings);
	if (conf_load(folder, &conf, &error) < 0 ||
	    policy_create(conf, &fixture_policy, &error) < 0)
		fail_msg("%s", error);
	policy_install(fixture_policy);
	assert_true(dns_lists_usable(fixture_policy->lookups.lists, 0));
	session_scanner = (struct scanner_keeper *)folder; /* there is one */
}

int fixture_stop(void **state)
{
	(void)state;
	protocol_free(&fixture_session);
	strbuf_free(&fixture_bytes);
	policy_install(NULL);
	conf_free(&conf);
	end(name_server);
	end(scanner);
	munmap(asked, sizeof(*asked));
	free(name_server_address);
	test_folder_remove(folder);
	return 0;
}

void fixture_reopen_dns(void)
{
	const char *const servers[] = {name_server_address, NULL};
	char *error = NULL;

	if (dns_open(servers, &fixture_policy->lookups.dns, &error) < 0)
		_exit(1);
}

/* ---- the protocol ---- */

void fixture_put(struct strbuf *out, char command, const void *data, size_t size)
{
	uint32_t length = htonl((uint32_t)size + 1);

	strbuf_append(out, &length, sizeof(length));
	strbuf_append_char(out, command);
	strbuf_append(out, data, size);
}

/* Strings, each with its NUL; the last is NULL. */
static void put_strings(struct strbuf *out, char command, char prefix, const char *const *strings)
{
	struct strbuf data = STRBUF_INIT;

	if (prefix != '\0')
		strbuf_append_char(&data, prefix);
	for (; *strings != NULL; strings++)
		strbuf_append(&data, *strings, strlen(*strings) + 1);
	fixture_put(out, command, data.data, data.size);
	strbuf_free(&data);
}
#define PUT(out, command, prefix, ...)                                                             \
	put_strings(out, command, prefix, (const char *const[]){__VA_ARGS__, NULL})

void fixture_put_start(struct strbuf *out, char family, const char *client)
{
	struct strbuf data = STRBUF_INIT;

	FIXTURE_PUT(out, 'O', "\0\0\0\6\0\0\1\377\0\37\377\377");
	PUT(out, 'D', 'C', "{daemon_addr}", "203.0.113.25");
	strbuf_append(&data, "mail.client.test", 17);
	strbuf_append_char(&data, family);
	if (family != 'U') {
		strbuf_append(&data, "\0\31", 2);
		strbuf_append(&data, client, strlen(client) + 1);
	}
	fixture_put(out, 'C', data.data, data.size);
	strbuf_free(&data);
	PUT(out, 'H', '\0', "mail.client.test");
}

void fixture_put_mail(struct strbuf *out, const char *sender, const char *login)
{
	if (login != NULL)
		PUT(out, 'D', 'M', "i", "4ABC", "{auth_authen}", login);
	PUT(out, 'M', '\0', sender);
}

void fixture_put_recipient(struct strbuf *out, const char *address, const char *mailer)
{
	if (mailer != NULL)
		PUT(out, 'D', 'R', "i", "4ABC", "{rcpt_mailer}", mailer);
	PUT(out, 'R', '\0', address);
}

void fixture_put_content(struct strbuf *out, const char *fields, const char *body)
{
	PUT(out, 'L', '\0', "Subject", " hello");
	if (fields[0] != '\0')
		PUT(out, 'L', '\0', fields, " x");
	FIXTURE_PUT(out, 'N', "");
	if (body == NULL)
		return;
	fixture_put(out, 'B', body, strlen(body));
	FIXTURE_PUT(out, 'E', "");
}

const char *fixture_letters(struct span out)
{
	static char letters[256];
	struct wire_packet packet;
	size_t count = 0;

	while (count < sizeof(letters) - 1 && wire_next(&out, &packet) == 1)
		letters[count++] = packet.command;
	letters[count] = '\0';
	return letters;
}

const char *fixture_last(struct span out, char letter)
{
	static char text[512];
	struct wire_packet packet;

	text[0] = '\0';
	while (wire_next(&out, &packet) == 1) {
		if (packet.command == letter)
			snprintf(text, sizeof(text), "%.*s", (int)packet.data.size,
				 packet.data.data);
	}
	return text;
}

int fixture_say(struct protocol *protocol, struct strbuf *bytes)
{
	char *error = NULL;
	int ret;

	strbuf_free(protocol_output(protocol));
	ret = protocol_feed(protocol, strbuf_span(bytes), &error);
	free(error);
	strbuf_free(bytes);
	return ret;
}

const char *fixture_answers(struct protocol *protocol, struct strbuf *bytes)
{
	return fixture_say(protocol, bytes) < 0
		       ? "broken"
		       : fixture_letters(strbuf_span(protocol_output(protocol)));
}

/* ---- one session after the other ---- */

void fixture_open(char family, const char *client)
{
	protocol_free(&fixture_session);
	strbuf_free(&fixture_bytes);
	fixture_session = protocol_new(&session_events);
	fixture_put_start(&fixture_bytes, family, client);
}

char fixture_ask_mailbox(void)
{
	const char *letters;

	fixture_put_mail(&fixture_bytes, "<s@client.test>", NULL);
	fixture_put_recipient(&fixture_bytes, "<alice@example.test>", "lmtp");
	letters = fixture_answers(fixture_session, &fixture_bytes);
	return letters[0] == '\0' ? '\0' : letters[strlen(letters) - 1];
}

void fixture_expect_taken(char family, const char *client)
{
	fixture_open(family, client);
	if (fixture_ask_mailbox() != 'c')
		fail_msg("%c %s: not taken", family, client);
}

const char *fixture_send(const char *body)
{
	fixture_put_content(&fixture_bytes, "", body);
	return fixture_answers(fixture_session, &fixture_bytes);
}

const char *fixture_reply(void)
{
	return fixture_last(strbuf_span(protocol_output(fixture_session)), 'y');
}
