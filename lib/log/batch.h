/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: consecutive entries, right edge and head, verified as a unit with one signature. PROTOCOL.md "Batch". */
#ifndef IU_LOG_BATCH_H
#define IU_LOG_BATCH_H

#include "log/entry.h"
#include "log/head.h"
#include "log/merkle.h"

/* What the items of a batch say by themselves, without the log that they belong to: found out on any thread. */
struct iu_leaves {
    struct iu_hash *at; /* the leaf hash of each: every salt and body is the committed one */
    uint64_t count, full_count;
    uint64_t bytes; /* of headers, salts and bodies */
};

/* Views; borrowed from the message. */
struct iu_batch {
    struct iu_city city;
    uint32_t log;
    uint64_t first;         /* index of the first entry */
    struct iu_bytes items;  /* for iu_items_of */
    struct iu_bytes right;  /* hashes one behind the other; empty for a gap range */
    struct iu_bytes head;   /* checkpoint note; empty for a gap range */
    const struct iu_leaves *leaves; /* of exactly these items, or NULL: then the fold makes them */
    const struct iu_public *signed_by; /* for iu_head_verify_by */
};

/* The leaves of batch->items. On failure there is nothing to end. Errors as of iu_batch_fold. */
IU_MUST_USE enum iu_err iu_batch_leaves(const struct iu_batch *batch, struct iu_leaves *out);
void iu_leaves_fini(struct iu_leaves *leaves);

/* What a fold found out. */
struct iu_folded {
    uint64_t end;                /* first + count */
    uint64_t count, full_count;
    uint64_t bytes;              /* of headers, salts and bodies */
    struct iu_frontier frontier; /* at end */
    struct iu_head head;         /* verified */
};

/* Verifies a batch that begins exactly at `at->size` = batch->first: every salt and body against its header's commitment,
 * the fold of frontier, leaves and right edge against the head's root, the head's signature by `chain`. `sink` (may be NULL)
 * is told every complete node on the way, also when the check fails later: buffer, then use on IU_OK only.
 * IU_PEER_MALFORMED, IU_PEER_MISMATCH (does not fold, or a body is not the committed one), IU_PEER_OVER_LIMIT, and the errors of
 * iu_head_verify. `verified_head` may be NULL, or a note that this node has verified under this same chain:
 * an equal note is not verified again. The head is checked first: on IU_PEER_MISMATCH out->head is verified, and a trial may
 * begin; nothing else of *out may be used after a failure. */
IU_MUST_USE enum iu_err iu_batch_fold(const struct iu_batch *batch, const struct iu_frontier *at,
                                      const struct iu_chain *chain, struct iu_bytes verified_head, iu_node_sink sink,
                                      void *with, struct iu_folded *out);

/* Verifies a gap range (no right, no head) against the leaf hashes held: `source` gives level-0 nodes. Hash-form items are
 * refused: they bring nothing. */
IU_MUST_USE enum iu_err iu_batch_fill(const struct iu_batch *batch, iu_node_source source, void *with, uint64_t *count);

/* An item's leaf hash: its own hash, or computed. IU_PEER_MISMATCH when salt and body are not the committed ones.
 * A committed body of another length than body_len is taken: the entry is unreadable (PROTOCOL.md "Entry"), by its author's doing. */
IU_MUST_USE enum iu_err iu_item_leaf(const struct iu_city *city, uint32_t log, uint64_t index,
                                     const struct iu_item *item, struct iu_hash *leaf);

#endif
