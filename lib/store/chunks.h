/* SPDX-License-Identifier: Apache-2.0 */
/* Attachments in the store: chunks by local attachment number, with hash tiles so that proofs can be served. Never shared
 * by hash between entries. */
#ifndef IU_STORE_CHUNKS_H
#define IU_STORE_CHUNKS_H

#include "log/attach.h"
#include "store/store.h"

struct iu_attach_state {
    uint64_t attach_no;
    uint64_t size;       /* bytes, as the entry says */
    struct iu_hash root;
    uint64_t have;       /* chunks [0, have) are here: fetched in order, resumable */
    struct iu_frontier frontier; /* at have */
};

/* By place. */
bool iu_attach_find(const struct iu_snap *snap, uint32_t log_no, uint64_t index, uint32_t attachment,
                    struct iu_attach_state *out);
/* The first attachment of any entry at or after (log_no, index, attachment) that is not complete. */
bool iu_attach_missing(const struct iu_snap *snap, uint32_t *log_no, uint64_t *index, uint32_t *attachment,
                       struct iu_attach_state *out);
/* The first attachment of this log at or after (index, attachment) that is complete. */
bool iu_attach_next(const struct iu_snap *snap, uint32_t log_no, uint64_t *index, uint32_t *attachment,
                    struct iu_attach_state *out);
/* Appends chunks [from, to) to data, and the proofs' subtrees; only of a complete attachment. IU_HERE_NOT_FOUND. */
IU_MUST_USE enum iu_err iu_chunks_read(const struct iu_snap *snap, const struct iu_attach_state *attach, uint64_t from,
                                       uint64_t to, struct iu_buf *data, struct iu_buf *left, struct iu_buf *right);

/* Bytes of chunks that are here, and of those that are named and not here, over all attachments of a log. */
uint64_t iu_chunks_held(const struct iu_snap *snap, uint32_t log_no);
uint64_t iu_chunks_lacking(const struct iu_snap *snap, uint32_t log_no);

/* Makes the row of an attachment that an entry names (have 0). Nothing if it is there. */
void iu_attach_make(struct iu_txn *txn, uint32_t log_no, uint64_t index, uint32_t attachment, uint64_t size,
                    const struct iu_hash *root);
/* Adds verified chunks at state->have; updates the state and its row. */
void iu_chunks_append(struct iu_txn *txn, uint32_t log_no, uint64_t index, uint32_t attachment,
                      struct iu_attach_state *state, struct iu_bytes data, const struct iu_hash *leaves, size_t count);

/* Staging of an own attachment before its entry exists: log_no 0, index = upload number. iu_attach_adopt gives the staged chunks to
 * the entry; iu_attach_drop removes one; iu_attach_drop_staged removes all (at start)
 * but those whose upload numbers are in `keep`. A staged size may be unknown (0) until done. */
void iu_attach_adopt(struct iu_txn *txn, uint64_t upload, uint32_t log_no, uint64_t index, uint32_t attachment, uint64_t size,
                     const struct iu_hash *root);
void iu_attach_drop(struct iu_txn *txn, uint32_t log_no, uint64_t index, uint32_t attachment);
void iu_attach_drop_staged(struct iu_txn *txn, const uint64_t *keep, size_t keep_count);

#endif
