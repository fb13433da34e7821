/*
 * libmilter starts a thread that waits for SIGTERM, SIGHUP and SIGINT with sigwait(3) and ends the
 * milter on any of them, with no way to ask it not to. Signals are the main thread's
 * (lib/daemon.h), which uses sigwaitinfo(2). This definition comes before that of the C library
 * when the dynamic linker binds libmilter: its thread sleeps for ever.
 */
#include <signal.h>
#include <unistd.h>

int sigwait(const sigset_t *restrict set, int *restrict signal_number)
{
	(void)set, (void)signal_number;
	for (;;)
		pause();
}
