/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite, as it is used here: statements by number, prepared once per connection; errors stay until they are
 * asked for. */
#ifndef WEB_DB_H
#define WEB_DB_H

#include "base/bytes.h"

#include <sqlite3.h>

#define DB_STATEMENTS_MAX 64

struct db {
    sqlite3 *handle;
    const char *const *sql; /* one text a number */
    size_t count;
    sqlite3_stmt *prepared[DB_STATEMENTS_MAX];
    int err; /* the first one since db_error_take, SQLITE_OK if none */
};

bool db_open(struct db *db, const char *path, bool writes, struct iu_buf *why);
void db_close(struct db *db);
void db_statements(struct db *db, const char *const *sql, size_t count);
/* The statement, reset and without bindings; NULL after an error. */
sqlite3_stmt *db_use(struct db *db, int number);
/* True while there is a row; resets the statement at the end and on an error. */
bool db_step(struct db *db, sqlite3_stmt *statement);
/* For statements without rows. */
void db_run(struct db *db, sqlite3_stmt *statement);
void db_exec(struct db *db, const char *sql);
/* False with the reason if something failed since the last call. */
bool db_check(struct db *db, struct iu_buf *why);

/* Bindings are 1, 2, …; bytes are copied by none of them: they live until the statement is stepped. */
void db_bind_u64(sqlite3_stmt *statement, int at, uint64_t value);
void db_bind_text(sqlite3_stmt *statement, int at, struct iu_bytes text);
void db_bind_blob(sqlite3_stmt *statement, int at, struct iu_bytes bytes);
/* Columns are 0, 1, …; views live until the statement's next step. */
uint64_t db_u64(sqlite3_stmt *statement, int at);
struct iu_bytes db_bytes(sqlite3_stmt *statement, int at);

#endif
