/*
 * What the scanner says where memory, room or descriptors run out in the middle of a message with a
 * virus: anything but clean.
 */
#include "scanner_engine.h"

#include "lib/file.h"
#include "lib/memory_fault.h"
#include "lib/test_child.h"
#include "lib/test_folder.h"
#include "lib/xalloc.h"
#include "scanner_shortage.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIGNATURE     "SHOVELER-TEST-SIGNATURE"
#define CRASHED	      (-1)
#define FILE_STEP     150  /* bytes between two limits of the size of a file */
#define LAST_SIZE     1800 /* the largest temporary file is smaller */
#define MAX_FREE      24   /* descriptors that are enough for any of them */
#define STEP	      2	   /* between two allocations that fail in one of them */
#define EACH_FOR_GOOD 5	   /* where memory comes back later matters more */

/* Attachments with the signature in them. */
static const struct {
	const char *name, *content;
} samples[] = {
	{"a file", "U0hPVkVMRVItVEVTVC1TSUdOQVRVUkUK\r\n"},
	{"gzip", "H4sIAAAAAAACAwv28A9z9XEN0g1xDQ7RDfZ093MMCQ1y5QIApV9+chgAAAA=\r\n"},
	{"bzip2", "QlpoOTFBWSZTWaNE9GQAAAhWAAAQAAIi5Z8AIAAxTAABTE0NPJqQR5kNC8cBdAxt7pfF3JFOFCQo\r\n"
		  "0T0ZAA==\r\n"},
	{"zip in zip",
	 "UEsDBBQAAAAIAAAAIQC744mFUgAAAH4AAAABAAAAZgvwZmYRYWBg4ABiRYal8XVFUkCWBBAzAnEa\r\n"
	 "97cP/MVfC3kv8Rby8l3k/VbyvZiHk7foKRNDgDcjkwgzbq0w0ADmpAV4s7IxgKUYGfSBtCVYEgBQ\r\n"
	 "SwECFAMUAAAACAAAACEAu+OJhVIAAAB+AAAAAQAAAAAAAAAAAAAAgAEAAAAAZlBLBQYAAAAAAQAB\r\n"
	 "AC8AAABxAAAAAAA=\r\n"},
	{"tar in gzip",
	 "H4sIAAAAAAACA+3OOwoCMRQF0NSuwg0MRBzSWwQVRGGSsbdxAX72b5hK7BVhzmnu4zb3XcP3xSb1\r\n"
	 "/ZTNZ8a4frunPq1iCsv4g9/C8/643NpkmKeyO53zIQ9dzaV2Zb89buo45EUAAAAAAAAAAADgr70A\r\n"
	 "36KLdAAoAAA=\r\n"},
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static char folder[64], *temp;
static struct scanner_engine *engine;
static int messages[SAMPLES];

void memory_fault_failed(void)
{
	scanner_shortage_note(ENOMEM);
}

static int message_of(const char *content)
{
	char *text = xasprintf("From: a@client.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
			       "Content-Type: application/octet-stream; name=\"f\"\r\n"
			       "Content-Transfer-Encoding: base64\r\n\r\n%s",
			       content);
	int fd = memfd_create("message", MFD_CLOEXEC);

	assert_int_equal(file_write_all(fd, span_of(text)), 0);
	free(text);
	return fd;
}

static enum scan_status scan(int fd)
{
	const char *name;

	return scanner_engine_scan(engine, fd, &name);
}

/* ---- memory ---- */

static int is_clean(void *context)
{
	return scan(*(int *)context) == SCAN_CLEAN ? 0 : -1;
}

static int scan_only(void *context)
{
	scan(*(int *)context);
	return 0;
}

/* A child that crashed left files, with the names that the next one would choose. */
static void empty_temp(void)
{
	if (rmdir(temp) < 0)
		test_folder_remove(temp);
	assert_int_equal(mkdir(temp, 0700), 0);
}

static void check_memory(size_t sample, const struct memory_fault *fault)
{
	enum memory_end end = MEMORY_END_REFUSED;

	empty_temp();

	/* libclamav may crash: a worker that does is no less than one that says so. */
	if (memory_fault_run(fault, is_clean, &messages[sample], &end, NULL) &&
	    end == MEMORY_END_DONE)
		fail_msg("%s: no memory at allocation %u%s: clean", samples[sample].name, fault->at,
			 fault->for_good ? " and later" : "");
}

static void test_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		unsigned calls;

		empty_temp();
		calls = memory_fault_count(false, scan_only, &messages[i]);
		assert_in_range(calls, 10, 2000);
		for (unsigned at = 1 + (unsigned)i % STEP; at <= calls; at += STEP) {
			check_memory(i, &(struct memory_fault){.at = at});
			if (at % EACH_FOR_GOOD == 0)
				check_memory(i, &(struct memory_fault){.at = at, .for_good = true});
		}
	}
}

/* ---- files ---- */

static void limit(__rlimit_resource_t resource, rlim_t value)
{
	const struct rlimit both = {value, value};

	if (setrlimit(resource, &both) < 0)
		_exit(SCAN_CLEAN);
}

/* In a child that may have no more than that of something. */
static int scan_limited(int fd, __rlimit_resource_t resource, rlim_t value)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		test_child_signals();
		signal(SIGXFSZ, SIG_IGN);
		limit(resource, value);
		_exit((int)scan(fd));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : CRASHED;
}

static void test_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		assert_int_equal(scan_limited(messages[i], RLIMIT_FSIZE, 0), SCAN_ERROR);
		for (rlim_t size = 0; size < LAST_SIZE; size += FILE_STEP) {
			if (scan_limited(messages[i], RLIMIT_FSIZE, size) == SCAN_CLEAN)
				fail_msg("%s: files of %u bytes: clean", samples[i].name,
					 (unsigned)size);
		}
		assert_int_equal(scan_limited(messages[i], RLIMIT_FSIZE, 1000000), SCAN_INFECTED);
	}
}

static void test_descriptors(void **state)
{
	rlim_t used = (rlim_t)dup(0);

	(void)state;
	close((int)used);
	for (size_t i = 0; i < SAMPLES; i++) {
		assert_int_equal(scan_limited(messages[i], RLIMIT_NOFILE, used), SCAN_ERROR);
		for (rlim_t free = 1; free < MAX_FREE; free++) {
			if (scan_limited(messages[i], RLIMIT_NOFILE, used + free) == SCAN_CLEAN)
				fail_msg("%s: %u descriptors: clean", samples[i].name,
					 (unsigned)free);
		}
		assert_int_equal(scan_limited(messages[i], RLIMIT_NOFILE, used + MAX_FREE),
				 SCAN_INFECTED);
	}
}

/* It says what is missing. */
static void test_no_folder(void **state)
{
	char *lost = xasprintf("%s/lost", folder);
	const char *name;

	(void)state;
	assert_int_equal(scanner_engine_set_temp(engine, lost), 0);
	for (size_t i = 0; i < SAMPLES; i++) {
		assert_int_equal(scanner_engine_scan(engine, messages[i], &name), SCAN_ERROR);
		assert_string_equal(name, "temporary files cannot be written "
					  "(scanner_temp_directory): No such file or directory");
	}
	assert_int_equal(scanner_engine_set_temp(engine, temp), 0);
	assert_int_equal(scan(messages[0]), SCAN_INFECTED);
	free(lost);
}

static void write_signature(const char *directory)
{
	char *path = xasprintf("%s/test.ndb", directory);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs("Test.Signature:0:*:", file);
	for (const char *each = SIGNATURE; *each != '\0'; each++)
		fprintf(file, "%02x", (unsigned char)*each);
	fputs("\n", file);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static int set_up(void **state)
{
	char *error = NULL;
	struct scanner_settings settings = {.database_directory = folder,
					    .max_file_size = 10000000,
					    .max_scan_size = 10000000,
					    .max_files = 100,
					    .max_recursion = 17};
	unsigned count;

	(void)state;
	strcpy(folder, "/tmp/scanner_engine_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	write_signature(folder);
	temp = xasprintf("%s/temp", folder);
	assert_int_equal(scanner_engine_load(&settings, &engine, &count, &error), 0);
	assert_int_equal(mkdir(temp, 0700), 0);
	assert_int_equal(scanner_engine_set_temp(engine, temp), 0);
	for (size_t i = 0; i < SAMPLES; i++) {
		messages[i] = message_of(samples[i].content);
		assert_int_equal(scan(messages[i]), SCAN_INFECTED);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++)
		close(messages[i]);
	test_folder_remove(folder);
	free(temp);
	return 0;
}

/* The engine is never freed (scanner_process.c). */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:quarantine_size_mb=1:malloc_context_size=3";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
