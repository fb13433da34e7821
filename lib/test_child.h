/*
 * test_child.h - for tests that fork.
 */
#ifndef SHOVELER_TEST_CHILD_H
#define SHOVELER_TEST_CHILD_H

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

/* In the child: a crash ends it, where cmocka would go on with the tests there. No core is left. */
static inline void test_child_signals(void)
{
	static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	prctl(PR_SET_DUMPABLE, 0);
}

#endif
