/* SPDX-License-Identifier: Apache-2.0 */
/* crash_audit TRACE: for each line "HOME COUNT" audits the store in HOME from its first page to its last, and
 * whether what the first COUNT marks of the trace say is there. Answers "ok", "lost WHAT" or "corrupt WHAT".
 * Does not link lib/store. Marks: entry CITY LOG INDEX ENTRY   this entry, in full held CITY LOG SIZE at
 * least so many entries, all in full chain CITY SERIAL, follow CITY, fault CITY */
#include "crash/audit.h"
#include "crash/tape.h"

#include "base/text.h"
#include "log/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOGS_MAX 16
#define MAP_BYTES (1ULL << 30)

struct store {
    struct audit audit;
    struct audit_log logs[LOGS_MAX];
    size_t log_count;
};

bool audit_wrong(struct audit *audit, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!*audit->why)
        vsnprintf(audit->why, sizeof audit->why, format, args);
    va_end(args);
    return false;
}

bool audit_scan(struct audit *audit, enum audit_table table, struct iu_bytes prefix, audit_row row,
                void *with)
{
    MDB_cursor *cursor;
    uint8_t start[64];
    if (mdb_cursor_open(audit->txn, audit->tables[table], &cursor) != 0)
        return audit_wrong(audit, "a table cannot be read");
    if (prefix.len)
        memcpy(start, prefix.data, prefix.len);
    MDB_val key = {prefix.len, start}, value;
    int rc = mdb_cursor_get(cursor, &key, &value, prefix.len ? MDB_SET_RANGE : MDB_FIRST);
    bool good = true;
    while (rc == 0 && good && key.mv_size >= prefix.len &&
           (!prefix.len || memcmp(key.mv_data, start, prefix.len) == 0)) {
        good = row(with, iu_bytes_of(key.mv_data, key.mv_size), iu_bytes_of(value.mv_data, value.mv_size));
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (rc && rc != MDB_NOTFOUND)
        return audit_wrong(audit, "a table is damaged: %s", mdb_strerror(rc));
    return good;
}

/* --- the whole store --- */

static bool touch(struct audit *audit, MDB_dbi table)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    MDB_stat stat;
    static volatile uint8_t sum;
    size_t count = 0;
    if (mdb_cursor_open(audit->txn, table, &cursor) != 0 || mdb_stat(audit->txn, table, &stat) != 0)
        return audit_wrong(audit, "a table cannot be read");
    int rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        const uint8_t *bytes = value.mv_data;
        for (size_t i = 0; i < value.mv_size; i += 512)
            sum = (uint8_t)(sum + bytes[i]);
        count++;
    }
    mdb_cursor_close(cursor);
    if (rc != MDB_NOTFOUND || count != stat.ms_entries)
        return audit_wrong(audit, "a table holds %zu rows of %zu", count, stat.ms_entries);
    return true;
}

/* Every table that the store names, whether this program knows it or not. */
static bool touch_all(struct audit *audit)
{
    MDB_dbi names, table;
    MDB_cursor *cursor;
    MDB_val key, value;
    char name[64];
    if (mdb_dbi_open(audit->txn, NULL, 0, &names) != 0 || mdb_cursor_open(audit->txn, names, &cursor) != 0)
        return audit_wrong(audit, "the list of tables cannot be read");
    bool good = true;
    while (good && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        snprintf(name, sizeof name, "%.*s", (int)key.mv_size, (const char *)key.mv_data);
        good = mdb_dbi_open(audit->txn, name, 0, &table) == 0 && touch(audit, table);
    }
    mdb_cursor_close(cursor);
    return good || audit_wrong(audit, "a table is damaged");
}

static bool one_log(void *with, struct iu_bytes key, struct iu_bytes value)
{
    struct store *store = with;
    if (store->log_count == LOGS_MAX)
        return audit_wrong(&store->audit, "too many logs");
    return audit_log_check(&store->audit, key, value, &store->logs[store->log_count++]);
}

static bool open_store(struct store *store, const char *home)
{
    static const char *const names[AUDIT_TABLES] = {"logs",   "runs",    "tiles",       "chains",
                                                    "faults", "follows", "attachments", "chunks"};
    struct audit *audit = &store->audit;
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/store", home);
    if (mdb_env_create(&audit->env) != 0)
        abort();
    mdb_env_set_maxdbs(audit->env, 64);
    mdb_env_set_mapsize(audit->env, MAP_BYTES);
    int rc = mdb_env_open(audit->env, dir, MDB_RDONLY | MDB_NOLOCK, 0600);
    if (rc || (rc = mdb_txn_begin(audit->env, NULL, MDB_RDONLY, &audit->txn)) != 0)
        return audit_wrong(audit, "the store cannot be opened: %s", mdb_strerror(rc));
    for (int i = 0; i < AUDIT_TABLES; i++)
        if (mdb_dbi_open(audit->txn, names[i], 0, &audit->tables[i]) != 0)
            return audit_wrong(audit, "the table %s is missing", names[i]);
    return true;
}

static void close_store(struct store *store)
{
    for (size_t i = 0; i < store->log_count; i++)
        audit_log_fini(&store->logs[i]);
    if (store->audit.txn)
        mdb_txn_abort(store->audit.txn);
    mdb_env_close(store->audit.env);
}

/* --- marks --- */

static const struct audit_log *log_of(const struct store *store, const struct iu_city *city, uint32_t log)
{
    for (size_t i = 0; i < store->log_count; i++)
        if (store->logs[i].log == log && iu_city_equal(&store->logs[i].city, city))
            return &store->logs[i];
    return NULL;
}

static bool entry_there(const struct audit_log *log, uint64_t index, const char *entry)
{
    struct iu_hash id;
    return log && index < log->size && log->forms[index] == IU_FORM_FULL &&
           iu_bech32_get(iu_bytes_str(entry), "entry", id.b) == IU_OK &&
           iu_hash_equal(&id, &log->leaves[index]);
}

static bool all_there(const struct audit_log *log, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        if (!log || i >= log->size || log->forms[i] != IU_FORM_FULL)
            return false;
    return true;
}

static bool count_row(void *with, struct iu_bytes key, struct iu_bytes value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)with;
    return true;
}

static uint64_t rows(struct store *store, enum audit_table table, const struct iu_city *city)
{
    uint64_t count = 0;
    audit_scan(&store->audit, table, iu_bytes_of(city->b, IU_ID_LEN), count_row, &count);
    return count;
}

static bool put_note(void *with, struct iu_bytes key, struct iu_bytes value)
{
    (void)key;
    iu_buf_put_bytes(with, value);
    return true;
}

/* The proof is here, it verifies by the city's chain, and the log is frozen. */
static bool fault_there(struct store *store, const struct iu_city *city)
{
    const struct audit_log *log = log_of(store, city, 1);
    struct iu_buf notes = IU_BUF_INIT, bytes = IU_BUF_INIT;
    struct iu_chain *chain = calloc(1, sizeof *chain);
    struct iu_fault fault;
    struct iu_head a, b;
    uint8_t key[4];
    iu_must(chain);
    iu_store_u32(key, log ? log->no : 0);
    audit_scan(&store->audit, AUDIT_CHAINS, iu_bytes_of(city->b, IU_ID_LEN), put_note, &notes);
    audit_scan(&store->audit, AUDIT_FAULTS, iu_bytes_of(key, sizeof key), put_note, &bytes);
    bool good =
        log && log->frozen_at != UINT64_MAX && iu_chain_get(iu_buf_view(&notes), city, chain) == IU_OK &&
        iu_fault_get(iu_buf_view(&bytes), &fault) == IU_OK && iu_fault_verify(&fault, chain, &a, &b) == IU_OK;
    free(chain);
    iu_buf_fini(&notes);
    iu_buf_fini(&bytes);
    return good;
}

static bool mark_holds(struct store *store, const char *mark)
{
    char what[16] = "", id[80] = "", entry[80] = "";
    unsigned long long a = 0, b = 0;
    struct iu_city city;
    int n = sscanf(mark, "%15s %79s %llu %llu %79s", what, id, &a, &b, entry);
    if (n < 2 || iu_city_get(iu_bytes_str(id), &city))
        return false;
    const struct audit_log *log = log_of(store, &city, (uint32_t)a);
    if (strcmp(what, "entry") == 0)
        return n == 5 && entry_there(log, b, entry);
    if (strcmp(what, "held") == 0)
        return n == 4 && all_there(log, b);
    if (strcmp(what, "chain") == 0)
        return n == 3 && rows(store, AUDIT_CHAINS, &city) >= a;
    if (strcmp(what, "follow") == 0)
        return rows(store, AUDIT_FOLLOWS, &city) == 1;
    return strcmp(what, "fault") == 0 && fault_there(store, &city);
}

static void answer(const struct tape *tape, const char *home, size_t marks)
{
    static struct store store;
    memset(&store, 0, sizeof store);
    struct audit *audit = &store.audit;
    if (!open_store(&store, home) || !touch_all(audit) ||
        !audit_scan(audit, AUDIT_LOGS, (struct iu_bytes){0}, one_log, &store)) {
        printf("corrupt %s\n", *audit->why ? audit->why : "a row");
        marks = 0;
    } else {
        const char *lost = NULL;
        char mark[512];
        for (size_t i = 0; i < tape->count && marks && !lost; i++) {
            if (tape->items[i].head.kind != CRASH_MARK)
                continue;
            marks--;
            snprintf(mark, sizeof mark, "%.*s", (int)tape->items[i].head.data_len,
                     (const char *)tape->items[i].data);
            if (!mark_holds(&store, mark))
                lost = mark;
        }
        printf("%s%s\n", lost ? "lost " : "ok", lost ? lost : "");
    }
    close_store(&store);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct tape tape;
    char line[4096], home[4000];
    size_t marks;
    if (argc != 2 || !tape_open(argv[1], &tape))
        return 2;
    while (fgets(line, sizeof line, stdin))
        if (sscanf(line, "%3999s %zu", home, &marks) == 2)
            answer(&tape, home, marks);
    tape_close(&tape);
    return 0;
}
