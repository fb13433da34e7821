/*
 * store_bench.h - what the measurements of store_bench share. Whatever fails ends the program.
 */
#ifndef SHOVELER_STORE_BENCH_H
#define SHOVELER_STORE_BENCH_H

#include "spamtrain/classifier/classifier_internal.h"

/* Milliseconds, of this process and by the clock. */
double bench_cpu_ms(void);
double bench_wall_ms(void);

_Noreturn void bench_die(const char *what, const char *error);
void bench_check(enum classifier_status status, const char *what, const char *error);

/* Users' stores below folder, open_max of them kept open. quick: commits are not synced. */
struct classifier_site *bench_site(const char *folder, size_t open_max, bool quick,
				   const char *mode);
struct classifier *bench_open(struct classifier_site *site, const char *user);

/* One message: judged and recorded, judged alone, corrected or taught. */
struct classifier_verdict bench_process(struct classifier *c, const struct classifier_message *m);
void bench_score(struct classifier *c, const struct classifier_message *m);
void bench_correct(struct classifier *c, enum classifier_teaching teaching, bool spam,
		   const char *signature, const struct classifier_message *m);

/* Both are freed by the caller. */
struct classifier_message *bench_file_message(const char *path);
struct classifier_message *bench_synthetic_message(bool spam);

/* The three measurements; they print what they find. */
void bench_cost(const char *index, const char *folder);
void bench_growth(const char *folder, char **sizes, int count);
void bench_users(const char *folder, unsigned users);

#endif
