/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share and nobody else sees: the LMDB side of store, snapshot and transaction.
 */
#ifndef IU_STORE_INNER_H
#define IU_STORE_INNER_H

#include "log/head.h"
#include "store/logs.h"
#include "store/tables.h"

#include <lmdb.h>

struct iu_snap {
    struct iu_store *store;
    MDB_txn *mdb;     /* NULL when it could not begin: everything reads as absent */
    enum iu_err *err; /* the first error, of the snapshot or of the transaction it belongs to */
    enum iu_err own_err;
    bool writes; /* the reads of a transaction */
};

struct iu_txn {
    struct iu_snap reads;
    struct iu_store *store;
    enum iu_err err;
    struct iu_buf scratch; /* for one value on its way in */
};

/* What readers may see of the own open log. */
struct iu_released {
    uint32_t log; /* 0: nothing */
    struct iu_head head;
    struct iu_buf note;
    struct iu_frontier frontier; /* at head.size, once a reader needed it while more was committed; size 0: not yet */
};

struct iu_store {
    MDB_env *env;
    MDB_dbi tables[IU_T_COUNT];
    bool opened[IU_T_COUNT]; /* all, but of an older format */
    uint64_t format;
    int lock; /* flock held */
    char *dir;
    struct iu_city city;
    struct iu_released released;
    struct iu_snap *spare; /* a closed snapshot whose reader slot is kept */
    enum iu_err broken;    /* a commit failed: LMDB would go on as if nothing had happened, we do not */
};

void iu_snap_drop_spare(struct iu_store *store);
const char *iu_table_name(enum iu_table table);
#define IU_REBUILD_NAME "upgrade" /* in meta */
/* Whether a record of that name is of this format, and nothing was written since. */
bool iu_rebuild_good(struct iu_bytes record, MDB_env *env, uint64_t *position);
/* A write that the disk refused is IU_HERE_FULL when there is no room left: a short write shows as EIO. */
enum iu_err iu_store_write_err(const struct iu_store *store, enum iu_err err);

/* LMDB's result as ours; IU_OK for MDB_SUCCESS. */
enum iu_err iu_mdb_err(int rc);
/* Keep the first error. */
void iu_snap_fail(const struct iu_snap *snap, enum iu_err err);
void iu_txn_fail(struct iu_txn *txn, enum iu_err err);

/* Reads page `number` of a data file into `out`, IU_SPAN_PAGE_MAX long. False if it is not there. */
#define IU_SPAN_PAGE_MAX 65536
typedef bool (*iu_page_source)(void *with, uint64_t number, size_t page_len, uint8_t *out);
/* Whether everything that the newest meta page refers to lies within a data file of `len` bytes. An honest
 * file may end before the last page number: pages that were taken and freed in one transaction are never
 * written. *needed is the length that the last page number asks for. */
bool iu_span_ok(iu_page_source source, void *with, uint64_t len, uint64_t *needed);

/* Hash tiles of one tree: rows (prefix ‖ tile level u8 ‖ tile index u64) of up to 256 hashes. */
struct iu_tiles {
    enum iu_table table;
    uint8_t prefix[8];
    size_t prefix_len;
};
struct iu_tiles iu_tiles_of_log(uint32_t no);
struct iu_tiles iu_tiles_of_attachment(uint64_t attach_no);
/* Adds complete nodes, in the order in which a fold gave them. */
void iu_tiles_append(struct iu_txn *txn, const struct iu_tiles *tiles, const struct iu_node_list *nodes);
/* A perfect node that lies wholly in the tiles. IU_HERE_NOT_FOUND, IU_HERE_CORRUPT. */
IU_MUST_USE enum iu_err iu_tiles_node(const struct iu_snap *snap, const struct iu_tiles *tiles,
                                      uint32_t level, uint64_t index, struct iu_hash *out);
/* Leaf hashes from `first` to the end of its tile. How many. */
size_t iu_tiles_leaves(const struct iu_snap *snap, const struct iu_tiles *tiles, uint64_t first,
                       struct iu_hash out[IU_TILE_WIDTH]);
void iu_tiles_drop(struct iu_txn *txn, const struct iu_tiles *tiles);

/* Items [first, first + count) behind what is held. */
void iu_runs_append(struct iu_txn *txn, uint32_t no, uint64_t first, uint64_t count, struct iu_bytes items);
/* Takes salt and body of one entry out of its run. *bytes is how many; whether it was full before. */
bool iu_runs_erase(struct iu_txn *txn, uint32_t no, uint64_t index, uint64_t *bytes);
/* Adds the entries of `items` that are not full to the gaps; returns how many. */
uint64_t iu_gaps_append(struct iu_txn *txn, uint32_t no, uint64_t first, struct iu_bytes items);
/* One entry, held below full, may be had again. */
void iu_gaps_open(struct iu_txn *txn, uint32_t no, uint64_t index);
/* Entries [from, to) are full now. */
void iu_gaps_close(struct iu_txn *txn, uint32_t no, uint64_t from, uint64_t to);

/* A new row of the feed for entries [first, first + count). */
void iu_feed_append(struct iu_txn *txn, uint32_t no, uint64_t first, uint64_t count);
/* Gives the log the next change number, in the place of `old` (0: it has none). Returns it. */
uint64_t iu_change_put(struct iu_txn *txn, uint32_t no, uint64_t old);
/* Writes the log's record and reads it back, so that its views are good until the next write. */
void iu_log_put(struct iu_txn *txn, struct iu_log_state *state);
/* The log's record as committed. */
bool iu_log_row(const struct iu_snap *snap, uint32_t no, struct iu_log_state *out);
/* How much of entries [0, size) a reader of this snapshot may see. `later`: the rest may be seen one day, once it is released; else it
 * stands behind the end of a closed log. */
uint64_t iu_log_visible(const struct iu_snap *snap, uint32_t no, uint64_t size, bool *later);
/* Local numbers of a city's logs, ascending by log; u32 each, big-endian. */
void iu_logs_of(const struct iu_snap *snap, const struct iu_city *city, struct iu_buf *out);

#endif
