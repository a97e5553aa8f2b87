/* SPDX-License-Identifier: Apache-2.0 */
/* Logs in the store: heads, runs, tiles, gaps, faults. Reading for everybody; writing for view/apply only, which has
 * verified what it writes. */
#ifndef IU_STORE_LOGS_H
#define IU_STORE_LOGS_H

#include "log/batch.h"
#include "log/head.h"
#include "store/chains.h"

#define IU_NOT_FROZEN UINT64_MAX

/* One log as held. Views live as long as the snapshot. */
struct iu_log_state {
    uint32_t no; /* local number, never leaves the machine */
    struct iu_city city;
    uint32_t log;
    uint64_t size;           /* entries held and, for the own log, released; of a closed log with its last head, up to that */
    struct iu_frontier frontier; /* at size */
    struct iu_head head;     /* newest verified head; head.size >= size; size 0: none yet */
    struct iu_bytes note;    /* its note */
    struct iu_bytes right;   /* subtrees covering [size, head.size) */
    uint64_t frozen_at;      /* the agreed size of a proven fork, or IU_NOT_FROZEN */
    struct iu_hash fault_hash; /* SHA-256 of the fault held, zero if none */
    uint64_t change;         /* its number in `changes` */
    uint64_t bytes;          /* of headers, salts and bodies held */
    uint64_t gap_count;      /* entries held in hash or header form that have a body elsewhere */
};

bool iu_log_find(const struct iu_snap *snap, const struct iu_city *city, uint32_t log, struct iu_log_state *out);
bool iu_log_by_no(const struct iu_snap *snap, uint32_t no, struct iu_log_state *out);
/* As committed, whatever is released: for who signs the own log. The others see what iu_store_release said. An own log that is not
 * signed yet has head.size below size: the head, note and size 0 of the newest released head kept. */
bool iu_log_committed(const struct iu_snap *snap, const struct iu_city *city, uint32_t log, struct iu_log_state *out);
/* The newest log of a city that is held with at least one entry, else its first. False if none is known. */
bool iu_log_newest(const struct iu_snap *snap, const struct iu_city *city, struct iu_log_state *out);
/* Logs in order of their local numbers: start with *no = 0; false at the end. */
bool iu_log_next(const struct iu_snap *snap, uint32_t *no, struct iu_log_state *out);

/* A node of the log's tree at head.size: from tiles, from the right edge, or combined from both; for iu_tree_* and iu_prove_*. */
struct iu_log_tree {
    const struct iu_snap *snap;
    const struct iu_log_state *log;
};
enum iu_err iu_log_node(void *tree, uint32_t level, uint64_t index, struct iu_hash *out);

/* Appends raw items [from, ...) to `out` until `to`, `bytes_max`, or the batch limits; at least one. Bodies are left out with
 * form IU_FORM_HEADER. *end is behind the last. IU_HERE_NOT_FOUND if `from` is not held. */
IU_MUST_USE enum iu_err iu_log_read(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t from, uint64_t to,
                                    enum iu_form form, size_t bytes_max, struct iu_buf *out, uint64_t *end);
/* One entry: views into the snapshot. */
IU_MUST_USE enum iu_err iu_log_item(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                                    struct iu_item *out);
/* Finds an entry by its id or a prefix of it of at least 2 bytes. *count is how many match (0, 1, or 2 for "more than one"). */
void iu_log_find_id(const struct iu_snap *snap, struct iu_bytes id_prefix, struct iu_log_state *log, uint64_t *index,
                    int *count);
/* The first gap at or after `from`: [*first, *end). False if none. */
bool iu_log_gap(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t from, uint64_t *first, uint64_t *end);
/* The same, without entries whose body never comes: for an audience that this node's city is not in, or redacted. Looks at IU_BATCH_ENTRIES_MAX
 * entries at most; where all of them are for others, *first == *end, and the caller goes on from there. */
bool iu_log_gap_wanted(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t from, uint64_t *first,
                       uint64_t *end);
bool iu_log_fault(const struct iu_snap *snap, uint32_t no, struct iu_bytes *fault);

/* Changes: the first log whose change number is above `after`; false if none. */
bool iu_change_next(const struct iu_snap *snap, uint64_t after, uint64_t *counter, uint32_t *no);

/* Feed: positions [*position, ...). The row that holds `from` or the next one. */
struct iu_feed_row {
    uint64_t position;
    uint32_t no;
    uint64_t first, count;
};
bool iu_feed_next(const struct iu_snap *snap, uint64_t from, struct iu_feed_row *out);
/* The same with what readers do not see: own entries that are not released, and those behind the end of a closed log. */
bool iu_feed_committed(const struct iu_snap *snap, uint64_t from, struct iu_feed_row *out);

/* --- writing --- */

/* The log's record, made if new (no entries). Logs are numbered from 1. */
void iu_log_make(struct iu_txn *txn, const struct iu_city *city, uint32_t log, struct iu_log_state *out);
/* Appends verified items [state->size, folded->end) with tiles, feed row, change number, gaps, the new head, right edge and
 * frontier; updates *state. An empty note keeps head and note: the own log, which is signed after the commit. `nodes` are the complete nodes that the fold gave, in order. */
struct iu_node_list {
    struct iu_node_at {
        uint64_t index;
        uint32_t level;
        struct iu_hash hash;
    } *at;
    size_t count, cap;
};
void iu_node_list_sink(void *list, uint32_t level, uint64_t index, const struct iu_hash *node); /* an iu_node_sink */
void iu_node_list_fini(struct iu_node_list *list);
void iu_log_append(struct iu_txn *txn, struct iu_log_state *state, const struct iu_folded *folded, struct iu_bytes items,
                   struct iu_bytes right, struct iu_bytes note, const struct iu_node_list *nodes);
/* Puts full forms in the place of header or hash forms in [first, ...): items verified by iu_batch_fill. */
void iu_log_fill(struct iu_txn *txn, struct iu_log_state *state, uint64_t first, struct iu_bytes items);
/* The note of the own log's released head is kept with the next write. */
void iu_log_set_note(struct iu_txn *txn, struct iu_log_state *state, const struct iu_head *head, struct iu_bytes note);
/* The same for an older or equal head in the place of one that does not count. What is held of a closed log beyond it is not shown
 * any more. */
void iu_log_renew_note(struct iu_txn *txn, struct iu_log_state *state, const struct iu_head *head, struct iu_bytes note);
/* Freezes at the agreed size and keeps the fault for ever; gives the log a new change number. */
void iu_log_set_fault(struct iu_txn *txn, struct iu_log_state *state, uint64_t agreed, struct iu_bytes fault);
/* Fills `ids` for feed positions behind the index cursor, about `entries_max` of them. True when something is left to do. */
bool iu_ids_fill(struct iu_txn *txn, uint64_t entries_max);

#endif
