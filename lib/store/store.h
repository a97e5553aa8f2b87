/* SPDX-License-Identifier: Apache-2.0 */
/* The store: one LMDB environment of this node. Opening, snapshots (consistent reads), write transactions with a sticky
 * error. Rules: ARCHITECTURE.md "Store". Snapshots and everything read from them belong to the loop thread; one write
 * transaction at a time belongs to the writer thread. */
#ifndef IU_STORE_STORE_H
#define IU_STORE_STORE_H

#include "base/bytes.h"

/* The format that this program writes, and the oldest that it brings up to it (store/rebuild.h). */
#ifdef IU_TEST_NEXT
#define IU_STORE_FORMAT 3
#else
#define IU_STORE_FORMAT 2
#endif
#define IU_STORE_OLDEST 1

struct iu_store;
struct iu_snap; /* a read: every view drawn from it dies with it; never kept across a callback */
struct iu_txn;

struct iu_store_options {
    const char *dir;          /* the store's directory, created by a first start */
    const struct iu_city *city; /* whose node this is: another city's store is refused */
    uint64_t map_bytes;       /* initial, 0: the default of 1 GiB; grows by itself */
    uint64_t seed[2];         /* for the epoch of a new store, from the system's generator */
    bool older;               /* also a store of an older format: then only view/upgrade may use it */
};

/* Opens, or builds a new store in DIR.new, syncs it and renames. *why is a static sentence on failure. IU_HERE_FORMAT: newer
 * format, or older without `older`; IU_HERE_DENIED: another city's, or in use; IU_HERE_CORRUPT: truncated or not a store; IU_HERE_FULL; IU_HERE_DISK. */
IU_MUST_USE enum iu_err iu_store_open(const struct iu_store_options *options, struct iu_store **out, const char **why);
/* Whether iu_store_open would take what is there, without changing or locking it: only where no process has the store open.
 * IU_HERE_NOT_FOUND: a first start would build it. */
IU_MUST_USE enum iu_err iu_store_look(const struct iu_store_options *options, const char **why);
void iu_store_close(struct iu_store *store);

/* Doubles the room. Only while no snapshot and no transaction is open. */
IU_MUST_USE enum iu_err iu_store_grow(struct iu_store *store);
/* After a commit that a full disk refused, when there is room again: opens the environment afresh, from what is durable. Only while no
 * snapshot and no transaction is open. On failure nothing can be read either: only iu_store_close is left. */
IU_MUST_USE enum iu_err iu_store_mend(struct iu_store *store);
/* Bytes the file takes, and bytes free on its disk. */
void iu_store_room(const struct iu_store *store, uint64_t *used, uint64_t *free_bytes);

/* Whether a reader other than the loop's own snapshots has the store open now, and the last commit that the oldest of
 * them sees: what it holds is not freed. Such a one is another program, or one that died without a word. */
bool iu_store_reader(const struct iu_store *store, uint64_t *commit);

/* Own log as readers may see it: what is released (signed after the guard was durable). Called on the loop thread with
 * the newest released head; until then the own log reads as empty. `note` is copied. size 0: nothing of `log` yet, the logs before
 * it are closed and read as held; log 0: nothing at all. */
void iu_store_release(struct iu_store *store, uint32_t log, uint64_t size, struct iu_bytes note);

struct iu_snap *iu_snap_open(struct iu_store *store);
void iu_snap_close(struct iu_snap *snap);
/* The first error met while reading, IU_OK if none: reads that fail yield "absent". */
enum iu_err iu_snap_err(const struct iu_snap *snap);

/* Begins the one write transaction. IU_HERE_DISK or IU_HERE_FULL. */
IU_MUST_USE enum iu_err iu_txn_open(struct iu_store *store, struct iu_txn **out);
/* Durable on IU_OK. IU_HERE_GROW: nothing was written, grow and repeat everything. Any other error is fatal to acknowledging:
 * IU_HERE_FULL when the disk has no room, IU_HERE_DISK. The transaction is gone in every case. */
IU_MUST_USE enum iu_err iu_txn_commit(struct iu_txn *txn);
void iu_txn_abort(struct iu_txn *txn);
/* The sticky error so far. */
enum iu_err iu_txn_err(const struct iu_txn *txn);
/* Reads that see the transaction's own writes; the own log is seen as committed, not as released. */
const struct iu_snap *iu_txn_reads(struct iu_txn *txn);

#endif
