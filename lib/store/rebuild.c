/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rebuild.h"

#include "store/inner.h"
#include "store/meta.h"

#include <string.h>

#define PROGRESS_LEN 24 /* format filled for u64, feed position u64, transaction u64 */
#define PAGES_HALF_FULL 2

/* Derived tables that are not as in format 1: the format since which they are as they are, and what a row
 * takes. */
static const struct {
    enum iu_table table;
    uint64_t since, row_bytes;
} rebuilt[] = {
    {IU_T_REDACTED, 2, 1}, /* hardly ever a row: an older program made none, and had to be given them by others */
#ifdef IU_TEST_NEXT
    {IU_T_DOCS, 3, 40},
    {IU_T_DATES, 3, 40},
#endif
    {IU_T_COUNT, 0, 0},
};

/* Tables that formats below `until` had, and this one has not. */
static const struct {
    const char *name;
    uint64_t until;
} retired[] = {
#ifdef IU_TEST_NEXT
    {"v_docs", 3},
#endif
    {NULL, 0},
};

uint64_t iu_store_format(const struct iu_store *store)
{
    return store->format;
}

bool iu_rebuild_stale(enum iu_table table, uint64_t format)
{
    for (size_t i = 0; rebuilt[i].table != IU_T_COUNT; i++)
        if (rebuilt[i].table == table)
            return rebuilt[i].since > format;
    return false;
}

uint64_t iu_rebuild_bytes(uint64_t format, uint64_t entries)
{
    uint64_t bytes = 0;
    for (size_t i = 0; rebuilt[i].table != IU_T_COUNT; i++)
        if (rebuilt[i].since > format)
            bytes += entries * rebuilt[i].row_bytes * PAGES_HALF_FULL;
    return bytes;
}

/* --- progress --- */

static void put_progress(uint8_t out[PROGRESS_LEN], uint64_t position, size_t txn)
{
    iu_store_u64(out, IU_STORE_FORMAT);
    iu_store_u64(out + 8, position);
    iu_store_u64(out + 16, txn);
}

bool iu_rebuild_good(struct iu_bytes record, MDB_env *env, uint64_t *position)
{
    MDB_envinfo info;
    if (record.len != PROGRESS_LEN || mdb_env_info(env, &info) != 0)
        return false;
    *position = iu_load_u64(record.data + 8);
    return iu_load_u64(record.data) == IU_STORE_FORMAT && iu_load_u64(record.data + 16) == info.me_last_txnid;
}

bool iu_rebuild_at(struct iu_store *store, uint64_t *position)
{
    struct iu_bytes record;
    for (size_t i = 0; rebuilt[i].table != IU_T_COUNT; i++)
        if (rebuilt[i].since > store->format && !store->opened[rebuilt[i].table])
            return false;
    struct iu_snap *snap = iu_snap_open(store);
    bool good = iu_meta_get(snap, IU_REBUILD_NAME, &record) && iu_rebuild_good(record, store->env, position);
    iu_snap_close(snap);
    return good;
}

void iu_rebuild_note(struct iu_txn *txn, uint64_t position)
{
    uint8_t record[PROGRESS_LEN];
    put_progress(record, position, mdb_txn_id(txn->reads.mdb));
    iu_meta_put(txn, IU_REBUILD_NAME, iu_bytes_of(record, sizeof record));
}

/* --- first and last step --- */

/* Handles that a transaction opened are good once it is committed. */
enum iu_err iu_rebuild_begin(struct iu_store *store)
{
    struct iu_txn *txn;
    MDB_dbi handles[IU_T_COUNT];
    enum iu_err err = iu_txn_open(store, &txn);
    if (err)
        return err;
    for (size_t i = 0; rebuilt[i].table != IU_T_COUNT; i++) {
        enum iu_table table = rebuilt[i].table;
        if (rebuilt[i].since <= store->format)
            continue;
        int rc = mdb_dbi_open(txn->reads.mdb, iu_table_name(table), MDB_CREATE, &handles[table]);
        if (rc == 0)
            rc = mdb_drop(txn->reads.mdb, handles[table], 0);
        if (rc)
            iu_txn_fail(txn, iu_mdb_err(rc));
    }
    iu_rebuild_note(txn, 0);
    err = iu_txn_commit(txn);
    for (size_t i = 0; !err && rebuilt[i].table != IU_T_COUNT; i++)
        if (rebuilt[i].since > store->format) {
            store->tables[rebuilt[i].table] = handles[rebuilt[i].table];
            store->opened[rebuilt[i].table] = true;
        }
    return err;
}

enum iu_err iu_rebuild_end(struct iu_store *store)
{
    struct iu_txn *txn;
    enum iu_err err = iu_txn_open(store, &txn);
    if (err)
        return err;
    for (size_t i = 0; retired[i].name; i++) {
        MDB_dbi old;
        if (retired[i].until <= store->format)
            continue;
        int rc = mdb_dbi_open(txn->reads.mdb, retired[i].name, 0, &old);
        if (rc == 0)
            rc = mdb_drop(txn->reads.mdb, old, 1);
        if (rc && rc != MDB_NOTFOUND)
            iu_txn_fail(txn, iu_mdb_err(rc));
    }
    iu_meta_put_u64(txn, "format", IU_STORE_FORMAT);
    iu_meta_put(txn, IU_REBUILD_NAME, (struct iu_bytes){0});
    err = iu_txn_commit(txn);
    if (!err)
        store->format = IU_STORE_FORMAT;
    return err;
}
