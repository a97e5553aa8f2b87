/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tables.h"

#include "store/inner.h"

#include <string.h>

/* LMDB takes keys and values by pointers that are not const, and writes through neither. */
static MDB_val val_of(struct iu_bytes bytes)
{
    union {
        const uint8_t *in;
        void *out;
    } data = {.in = bytes.data};
    return (MDB_val){.mv_size = bytes.len, .mv_data = data.out};
}

static struct iu_bytes bytes_of(MDB_val val)
{
    return (struct iu_bytes){.data = val.mv_data, .len = val.mv_size};
}

static MDB_dbi dbi(const struct iu_snap *snap, enum iu_table table)
{
    iu_must(snap->store->opened[table]);
    return snap->store->tables[table];
}

/* True if a row was found; anything but "not found" is kept as the snapshot's error. */
static bool found(const struct iu_snap *snap, int rc)
{
    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND)
        iu_snap_fail(snap, iu_mdb_err(rc));
    return rc == MDB_SUCCESS;
}

static bool readable(const struct iu_snap *snap)
{
    return snap->mdb && (!snap->writes || *snap->err == IU_OK);
}

bool iu_get(const struct iu_snap *snap, enum iu_table table, struct iu_bytes key, struct iu_bytes *value)
{
    *value = (struct iu_bytes){0};
    if (!readable(snap))
        return false;
    MDB_val k = val_of(key), v;
    if (!found(snap, mdb_get(snap->mdb, dbi(snap, table), &k, &v)))
        return false;
    *value = bytes_of(v);
    return true;
}

static void put(struct iu_txn *txn, enum iu_table table, MDB_val *key, MDB_val *value)
{
    int rc = mdb_put(txn->reads.mdb, dbi(&txn->reads, table), key, value, 0);
    if (rc)
        iu_txn_fail(txn, iu_mdb_err(rc));
}

void iu_put(struct iu_txn *txn, enum iu_table table, struct iu_bytes key, struct iu_bytes value)
{
    if (txn->err)
        return;
    MDB_val k = val_of(key), v = val_of(value);
    put(txn, table, &k, &v);
}

void iu_append(struct iu_txn *txn, enum iu_table table, struct iu_bytes key, struct iu_bytes value)
{
    if (txn->err)
        return;
    MDB_val k = val_of(key), v = val_of(value);
    int rc = mdb_put(txn->reads.mdb, dbi(&txn->reads, table), &k, &v, MDB_APPEND);
    if (rc == MDB_KEYEXIST)
        put(txn, table, &k, &v);
    else if (rc)
        iu_txn_fail(txn, iu_mdb_err(rc));
}

void iu_del(struct iu_txn *txn, enum iu_table table, struct iu_bytes key)
{
    if (txn->err)
        return;
    MDB_val k = val_of(key);
    int rc = mdb_del(txn->reads.mdb, dbi(&txn->reads, table), &k, NULL);
    if (rc && rc != MDB_NOTFOUND)
        iu_txn_fail(txn, iu_mdb_err(rc));
}

uint64_t iu_table_count(const struct iu_snap *snap, enum iu_table table)
{
    MDB_stat stat;
    if (!readable(snap) || !found(snap, mdb_stat(snap->mdb, dbi(snap, table), &stat)))
        return 0;
    return stat.ms_entries;
}

uint64_t iu_table_bytes(const struct iu_snap *snap, enum iu_table table)
{
    MDB_stat stat;
    if (!readable(snap) || !found(snap, mdb_stat(snap->mdb, dbi(snap, table), &stat)))
        return 0;
    return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * (uint64_t)stat.ms_psize;
}

void iu_scan_open(const struct iu_snap *snap, enum iu_table table, struct iu_bytes prefix,
                  struct iu_bytes from, struct iu_scan *out)
{
    memset(out, 0, sizeof *out);
    out->snap = snap;
    struct iu_bytes start = from.len ? from : prefix;
    iu_must(prefix.len <= sizeof out->prefix);
    iu_must(start.len <= sizeof out->start);
    out->prefix_len = prefix.len;
    out->start_len = start.len;
    if (prefix.len)
        memcpy(out->prefix, prefix.data, prefix.len);
    if (start.len)
        memcpy(out->start, start.data, start.len);
    MDB_cursor *cursor = NULL;
    if (readable(snap) && found(snap, mdb_cursor_open(snap->mdb, dbi(snap, table), &cursor)))
        out->cursor = cursor;
}

bool iu_scan_next(struct iu_scan *scan, struct iu_bytes *key, struct iu_bytes *value)
{
    *key = *value = (struct iu_bytes){0};
    if (!scan->cursor || !readable(scan->snap))
        return false;
    MDB_val k = {scan->start_len, scan->start}, v;
    MDB_cursor_op op = scan->begun ? MDB_NEXT : scan->start_len ? MDB_SET_RANGE : MDB_FIRST;
    scan->begun = true;
    if (!found(scan->snap, mdb_cursor_get(scan->cursor, &k, &v, op)))
        return false;
    if (k.mv_size < scan->prefix_len || memcmp(k.mv_data, scan->prefix, scan->prefix_len) != 0)
        return false;
    *key = bytes_of(k);
    *value = bytes_of(v);
    return true;
}

void iu_scan_close(struct iu_scan *scan)
{
    if (scan->cursor)
        mdb_cursor_close(scan->cursor);
    scan->cursor = NULL;
}

/* The first key behind all that begin with `prefix`; empty if there is none. */
static struct iu_bytes behind(struct iu_bytes prefix, uint8_t out[IU_KEY_MAX])
{
    iu_must(prefix.len <= IU_KEY_MAX);
    if (prefix.len)
        memcpy(out, prefix.data, prefix.len);
    size_t len = prefix.len;
    while (len > 0 && out[len - 1] == 0xFF)
        len--;
    if (len > 0)
        out[len - 1]++;
    return iu_bytes_of(out, len);
}

/* Puts the cursor on the last row that is not above `most`, or is below `end` when there is no `most`. */
static int seek_last(MDB_cursor *cursor, struct iu_bytes most, struct iu_bytes end, MDB_val *k, MDB_val *v)
{
    struct iu_bytes at = most.len ? most : end;
    if (!at.len)
        return mdb_cursor_get(cursor, k, v, MDB_LAST);
    *k = val_of(at);
    int rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND)
        return mdb_cursor_get(cursor, k, v, MDB_LAST);
    if (rc || (most.len && iu_bytes_equal(bytes_of(*k), most)))
        return rc;
    return mdb_cursor_get(cursor, k, v, MDB_PREV);
}

bool iu_last(const struct iu_snap *snap, enum iu_table table, struct iu_bytes prefix, struct iu_bytes most,
             struct iu_bytes *key, struct iu_bytes *value)
{
    *key = *value = (struct iu_bytes){0};
    MDB_cursor *cursor;
    if (!readable(snap) || !found(snap, mdb_cursor_open(snap->mdb, dbi(snap, table), &cursor)))
        return false;
    uint8_t end[IU_KEY_MAX];
    MDB_val k = {0}, v = {0};
    bool ok = found(snap, seek_last(cursor, most, behind(prefix, end), &k, &v)) && k.mv_size >= prefix.len &&
              (prefix.len == 0 || memcmp(k.mv_data, prefix.data, prefix.len) == 0);
    mdb_cursor_close(cursor);
    if (!ok)
        return false;
    *key = bytes_of(k);
    *value = bytes_of(v);
    return true;
}

struct iu_bytes iu_key_u32(uint8_t *out, uint32_t a)
{
    iu_store_u32(out, a);
    return iu_bytes_of(out, 4);
}

struct iu_bytes iu_key_u32_u64(uint8_t *out, uint32_t a, uint64_t b)
{
    iu_store_u32(out, a);
    iu_store_u64(out + 4, b);
    return iu_bytes_of(out, 12);
}

struct iu_bytes iu_key_u64(uint8_t *out, uint64_t a)
{
    iu_store_u64(out, a);
    return iu_bytes_of(out, 8);
}

struct iu_bytes iu_key_u64_u64(uint8_t *out, uint64_t a, uint64_t b)
{
    iu_store_u64(out, a);
    iu_store_u64(out + 8, b);
    return iu_bytes_of(out, 16);
}

struct iu_bytes iu_key_city_u32(uint8_t *out, const struct iu_city *city, uint32_t b)
{
    memcpy(out, city->b, IU_ID_LEN);
    iu_store_u32(out + IU_ID_LEN, b);
    return iu_bytes_of(out, IU_ID_LEN + 4);
}

struct iu_bytes iu_key_tile(uint8_t *out, uint32_t log_no, uint8_t level, uint64_t index)
{
    iu_store_u32(out, log_no);
    out[4] = level;
    iu_store_u64(out + 5, index);
    return iu_bytes_of(out, 13);
}

struct iu_bytes iu_key_attachment(uint8_t *out, uint32_t log_no, uint64_t index, uint32_t attachment)
{
    iu_store_u32(out, log_no);
    iu_store_u64(out + 4, index);
    iu_store_u32(out + 12, attachment);
    return iu_bytes_of(out, 16);
}
