/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots and the write transaction: LMDB's, each with the first error it met. */
#include "store/inner.h"

#include <errno.h>
#include <stdlib.h>

enum iu_err iu_mdb_err(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return IU_OK;
    case MDB_NOTFOUND:
        return IU_HERE_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
        return IU_HERE_GROW;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_DBI:
        return IU_HERE_CORRUPT;
    case ENOSPC:
    case EDQUOT:
        return IU_HERE_FULL;
    default:
        return IU_HERE_DISK;
    }
}

void iu_snap_fail(const struct iu_snap *snap, enum iu_err err)
{
    if (*snap->err == IU_OK)
        *snap->err = err;
}

void iu_txn_fail(struct iu_txn *txn, enum iu_err err)
{
    if (txn->err == IU_OK)
        txn->err = err;
}

struct iu_snap *iu_snap_open(struct iu_store *store)
{
    struct iu_snap *snap = store->spare;
    store->spare = NULL;
    int rc;
    if (snap) {
        rc = mdb_txn_renew(snap->mdb);
    } else {
        snap = calloc(1, sizeof *snap);
        iu_must(snap);
        rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &snap->mdb);
        if (rc)
            snap->mdb = NULL;
    }
    if (rc && snap->mdb) {
        mdb_txn_abort(snap->mdb);
        snap->mdb = NULL;
    }
    snap->store = store;
    snap->err = &snap->own_err;
    snap->own_err = iu_mdb_err(rc);
    return snap;
}

void iu_snap_drop_spare(struct iu_store *store)
{
    if (store->spare && store->spare->mdb)
        mdb_txn_abort(store->spare->mdb);
    free(store->spare);
    store->spare = NULL;
}

void iu_snap_close(struct iu_snap *snap)
{
    if (!snap)
        return;
    struct iu_store *store = snap->store;
    if (snap->mdb && !store->spare) {
        mdb_txn_reset(snap->mdb);
        store->spare = snap;
        return;
    }
    if (snap->mdb)
        mdb_txn_abort(snap->mdb);
    free(snap);
}

enum iu_err iu_snap_err(const struct iu_snap *snap)
{
    return *snap->err;
}

enum iu_err iu_txn_open(struct iu_store *store, struct iu_txn **out)
{
    *out = NULL;
    if (store->broken)
        return store->broken;
    struct iu_txn *txn = calloc(1, sizeof *txn);
    iu_must(txn);
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn->reads.mdb);
    if (rc) {
        free(txn);
        return iu_store_write_err(store, iu_mdb_err(rc));
    }
    txn->store = store;
    txn->reads.store = store;
    txn->reads.err = &txn->err;
    txn->reads.writes = true;
    *out = txn;
    return IU_OK;
}

static void txn_free(struct iu_txn *txn)
{
    iu_buf_fini(&txn->scratch);
    free(txn);
}

enum iu_err iu_txn_commit(struct iu_txn *txn)
{
    struct iu_store *store = txn->store;
    enum iu_err err = txn->err;
    if (err)
        mdb_txn_abort(txn->reads.mdb);
    else
        err = iu_mdb_err(mdb_txn_commit(txn->reads.mdb));
    txn_free(txn);
    if (err && err != IU_HERE_GROW) {
        err = iu_store_write_err(store, err);
        store->broken = err;
    }
    return err;
}

void iu_txn_abort(struct iu_txn *txn)
{
    if (!txn)
        return;
    mdb_txn_abort(txn->reads.mdb);
    txn_free(txn);
}

enum iu_err iu_txn_err(const struct iu_txn *txn)
{
    return txn->err;
}

const struct iu_snap *iu_txn_reads(struct iu_txn *txn)
{
    return &txn->reads;
}
