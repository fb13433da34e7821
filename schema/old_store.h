/*
 * old_store.h - for tests: stores of earlier versions, made by the frozen migrations and filled as
 * programs of that time did; and all rows that they hold, as text.
 */
#ifndef SHOVELER_OLD_STORE_H
#define SHOVELER_OLD_STORE_H

#include "lib/strbuf.h"

#include <sqlite3.h>
#include <stdint.h>

struct migration;

struct old_kind {
	const char *file;
	const struct migration *steps;
	const struct old_filling *fillings;
};

extern const struct old_kind user_kind, policy_kind;

/* Features of each message; the dictionary's snapshot has them four times as spam. */
extern const uint32_t old_hashes[3];

/* The folder that they are made in; a template for mkdtemp() at first. */
#define OLD_FOLDER_SIZE 4096
extern char old_folder[OLD_FOLDER_SIZE];

int newest(const struct old_kind *kind); /* number of the last migration */
char *path_of(const struct old_kind *kind);
sqlite3 *database(const struct old_kind *kind);
void execute(sqlite3 *db, const char *sql);
void remove_files(void);

/* A store of that version as its programs left it, with so many messages. */
void make(const struct old_kind *kind, int version, const char *messages);

/* Rows of a statement, a line each. */
void append_rows(struct strbuf *out, sqlite3 *db, const char *sql);

struct content {
	char *statements, *rows;
};

struct content content_of(const struct old_kind *kind);
void content_free(struct content *content);

/* The store is of one version, which is returned, whole, and has every row and value of before. */
int check_content(const struct old_kind *kind, const struct content *before);

#endif
