#include "memory_fault.h"

#include "test_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sysexits.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_LEAKED 64 /* added to the exit code */

/* Of the sanitizer, where there is one. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *memory, size_t size) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
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

/* What it says of its fate is not for the test's output. */
static void be_quiet(void)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0)
		close(nowhere);
}

static _Noreturn void be_child(const struct memory_fault *with, int (*run)(void *context),
			       void *context, bool look)
{
	int code;

	be_quiet();
	test_child_signals();
	code = run_with(with, run, context) == 0 ? MEMORY_END_DONE : MEMORY_END_REFUSED;
	if (look && __lsan_do_recoverable_leak_check != NULL &&
	    __lsan_do_recoverable_leak_check() != 0)
		code += EXIT_LEAKED;
	_exit(code);
}

bool memory_fault_run(const struct memory_fault *with, int (*run)(void *context), void *context,
		      enum memory_end *end_r, bool *leaked_r)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		be_child(with, run, context, leaked_r != NULL);
	while (pid < 0 || waitpid(pid, &status, 0) < 0) {
		if (pid < 0 || errno != EINTR)
			return false;
	}
	if (!WIFEXITED(status))
		return false;
	status = WEXITSTATUS(status);
	if (leaked_r != NULL)
		*leaked_r = status == EXIT_LEAKED + MEMORY_END_DONE ||
			    status == EXIT_LEAKED + MEMORY_END_REFUSED;
	*end_r = status == EX_OSERR ? MEMORY_END_GONE : (enum memory_end)(status & ~EXIT_LEAKED);
	return *end_r <= MEMORY_END_REFUSED || status == EX_OSERR;
}

unsigned memory_fault_count(bool late, int (*run)(void *context), void *context)
{
	const struct memory_fault none = {.late = late};

	return run_with(&none, run, context) == 0 ? atomic_load(&calls) : 0;
}
