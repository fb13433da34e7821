/*
 * progress.c - how far a command is, on standard error.
 */
#include "spamtrain/command/command.h"

#include <time.h>
#include <unistd.h>

#define TERMINAL_EVERY 0.2 /* seconds */
#define PLAIN_EVERY    5.0
#define BAR_SIZE       20

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_start(struct progress *progress, bool plain)
{
	*progress = (struct progress){
		.started = now(), .terminal = isatty(STDERR_FILENO) != 0, .plain = plain};
}

double progress_seconds(const struct progress *progress)
{
	return now() - progress->started;
}

/* "\r[#####     ]  52 %  12345 messages  00:42 left" */
static void bar_print(double part, const char *what, unsigned left)
{
	char bar[BAR_SIZE + 1];

	for (int i = 0; i < BAR_SIZE; i++)
		bar[i] = i < (int)(part * BAR_SIZE) ? '#' : ' ';
	bar[BAR_SIZE] = '\0';
	fprintf(stderr, "\r[%s] %3.0f %%  %s  %02u:%02u left \033[K", bar, part * 100, what,
		left / 60, left % 60);
}

void progress_show(struct progress *progress, double part, const char *what)
{
	double time = now(), every = progress->terminal ? TERMINAL_EVERY : PLAIN_EVERY;
	double before = progress->shown > 0  ? progress->shown
			: progress->terminal ? 0
					     : progress->started;

	if ((!progress->terminal && !progress->plain) || time - before < every)
		return;
	progress->shown = time;
	part = part > 1 ? 1 : part;
	unsigned left = part <= 0 ? 0 : (unsigned)((time - progress->started) / part * (1 - part));
	if (progress->terminal)
		bar_print(part, what, left);
	else
		fprintf(stderr, "%3.0f %%  %s  %02u:%02u left\n", part * 100, what, left / 60,
			left % 60);
}

void progress_end(struct progress *progress)
{
	if (progress->terminal && progress->shown > 0)
		fputc('\n', stderr);
	if (progress->terminal)
		progress->shown = 0;
}
