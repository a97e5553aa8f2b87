/* SPDX-License-Identifier: Apache-2.0 */
#include "web/db.h"

#include <string.h>

#define BUSY_MS 5000

static void note(struct db *db, int code)
{
    if (!db->err && code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
        db->err = code;
}

bool db_open(struct db *db, const char *path, bool writes, struct iu_buf *why)
{
    int flags =
        (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
    memset(db, 0, sizeof *db);
    note(db, sqlite3_open_v2(path, &db->handle, flags, NULL));
    if (!db->err)
        sqlite3_busy_timeout(db->handle, BUSY_MS);
    if (db_check(db, why))
        return true;
    db_close(db);
    return false;
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < DB_STATEMENTS_MAX; i++)
        sqlite3_finalize(db->prepared[i]);
    sqlite3_close(db->handle);
    memset(db, 0, sizeof *db);
}

void db_statements(struct db *db, const char *const *sql, size_t count)
{
    iu_must(count <= DB_STATEMENTS_MAX);
    db->sql = sql;
    db->count = count;
}

sqlite3_stmt *db_use(struct db *db, int number)
{
    iu_must(number >= 0 && (size_t)number < db->count);
    sqlite3_stmt **at = &db->prepared[number];
    if (db->err)
        return NULL;
    if (!*at)
        note(db, sqlite3_prepare_v3(db->handle, db->sql[number], -1, SQLITE_PREPARE_PERSISTENT, at, NULL));
    if (*at) {
        sqlite3_reset(*at);
        sqlite3_clear_bindings(*at);
    }
    return *at;
}

bool db_step(struct db *db, sqlite3_stmt *statement)
{
    if (!statement)
        return false;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return true;
    note(db, code);
    sqlite3_reset(statement);
    return false;
}

void db_run(struct db *db, sqlite3_stmt *statement)
{
    while (db_step(db, statement))
        ;
}

void db_exec(struct db *db, const char *sql)
{
    if (!db->err)
        note(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

bool db_check(struct db *db, struct iu_buf *why)
{
    int code = db->err;
    db->err = SQLITE_OK;
    if (code)
        iu_buf_printf(why, "%s (%d)", sqlite3_errstr(code), code);
    return code == SQLITE_OK;
}

void db_bind_u64(sqlite3_stmt *statement, int at, uint64_t value)
{
    if (statement)
        sqlite3_bind_int64(statement, at, (sqlite3_int64)value);
}

void db_bind_text(sqlite3_stmt *statement, int at, struct iu_bytes text)
{
    if (statement)
        sqlite3_bind_text(statement, at, text.data ? (const char *)text.data : "", (int)text.len,
                          SQLITE_STATIC);
}

void db_bind_blob(sqlite3_stmt *statement, int at, struct iu_bytes bytes)
{
    if (statement)
        sqlite3_bind_blob(statement, at, bytes.data ? (const void *)bytes.data : "", (int)bytes.len,
                          SQLITE_STATIC);
}

uint64_t db_u64(sqlite3_stmt *statement, int at)
{
    return (uint64_t)sqlite3_column_int64(statement, at);
}

struct iu_bytes db_bytes(sqlite3_stmt *statement, int at)
{
    const void *data = sqlite3_column_blob(statement, at);
    return iu_bytes_of(data, (size_t)sqlite3_column_bytes(statement, at));
}
