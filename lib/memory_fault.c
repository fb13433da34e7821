#include "memory_fault.h"

#include "test_child.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_LEAKED 64 /* added to the exit code */

/* Of the sanitizer, where there is one. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *memory, size_t size) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
void __sanitizer_print_stack_trace(void) __attribute__((weak));
/* Of the C library. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static struct memory_fault fault;
static atomic_bool armed;
static atomic_uint calls;

static bool fails(void)
{
	unsigned call;

	if (!atomic_load(&armed))
		return false;
	call = atomic_fetch_add(&calls, 1) + 1;
	if (fault.at == 0 || call < fault.at || (call > fault.at && !fault.for_good))
		return false;
	if (memory_fault_failed != NULL)
		memory_fault_failed();
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	if (fails())
		return NULL;
	return __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	if (fails())
		return NULL;
	return __interceptor_calloc != NULL ? __interceptor_calloc(count, size)
					    : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	if (fails())
		return NULL;
	return __interceptor_realloc != NULL ? __interceptor_realloc(memory, size)
					     : __libc_realloc(memory, size);
}

void memory_fault_begin(void)
{
	atomic_store(&calls, 0);
	atomic_store(&armed, true);
}

static int run_with(const struct memory_fault *with, int (*run)(void *context), void *context)
{
	int code;

	fault = *with;
	if (!fault.late)
		memory_fault_begin();
	code = run(context);
	atomic_store(&armed, false);
	return code;
}

/* What it says of its fate is for the test's output only if that is not one of those foreseen. */
static void keep_words(int words)
{
	if (words >= 0)
		dup2(words, STDERR_FILENO);
}

static void print_words(int words, int status)
{
	FILE *stream =
		words >= 0 && lseek(words, 0, SEEK_SET) == 0 ? fdopen(dup(words), "r") : NULL;
	char line[1024];

	printf("# the child ended with status %#x\n", (unsigned)status);
	while (stream != NULL && fgets(line, sizeof(line), stream) != NULL)
		printf("# %s", line);
	if (stream != NULL)
		fclose(stream);
}

static void crash(int number)
{
	atomic_store(&armed, false);
	if (__sanitizer_print_stack_trace != NULL)
		__sanitizer_print_stack_trace();
	signal(number, SIG_DFL);
	raise(number);
}

static void show_crashes(void)
{
	static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};

	test_child_signals();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], crash);
}

static _Noreturn void be_child(const struct memory_fault *with, int (*run)(void *context),
			       void *context, bool look, int words)
{
	int code;

	keep_words(words);
	show_crashes();
	code = run_with(with, run, context) == 0 ? MEMORY_END_DONE : MEMORY_END_REFUSED;
	if (look && __lsan_do_recoverable_leak_check != NULL &&
	    __lsan_do_recoverable_leak_check() != 0)
		code += EXIT_LEAKED;
	_exit(code);
}

/* False: it was not one of the ends foreseen. */
static bool read_end(int status, enum memory_end *end_r, bool *leaked_r)
{
	int code = WEXITSTATUS(status);

	if (!WIFEXITED(status))
		return false;
	if (leaked_r != NULL)
		*leaked_r = code == EXIT_LEAKED + MEMORY_END_DONE ||
			    code == EXIT_LEAKED + MEMORY_END_REFUSED;
	*end_r = code == EX_OSERR ? MEMORY_END_GONE : (enum memory_end)(code & ~EXIT_LEAKED);
	return *end_r <= MEMORY_END_REFUSED || code == EX_OSERR;
}

bool memory_fault_run(const struct memory_fault *with, int (*run)(void *context), void *context,
		      enum memory_end *end_r, bool *leaked_r)
{
	int words = memfd_create("words", MFD_CLOEXEC), status = 0;
	pid_t pid = fork();
	bool foreseen;

	if (pid == 0)
		be_child(with, run, context, leaked_r != NULL, words);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		/* Again. */
	}
	foreseen = pid > 0 && read_end(status, end_r, leaked_r);
	if (!foreseen)
		print_words(words, status);
	close(words);
	return foreseen;
}

unsigned memory_fault_count(bool late, int (*run)(void *context), void *context)
{
	const struct memory_fault none = {.late = late};

	return run_with(&none, run, context) == 0 ? atomic_load(&calls) : 0;
}
