/* SPDX-License-Identifier: Apache-2.0 */
/* Attachments: chunks of others, checked against the root in the entry; own ones, staged before their entry
 * exists. */
#include "view/apply_inner.h"

#include "sign/hash.h"
#include "store/chunks.h"

#define CHUNKS_MAX (IU_CHUNKS_BYTES_MAX / IU_CHUNK_LEN)

enum iu_err iu_apply_chunks(const struct iu_applying *a)
{
    struct iu_log_state log;
    struct iu_attach_state attach;
    struct iu_hash leaves[CHUNKS_MAX];
    size_t count = 0;
    a->out->count = 0;
    if (!iu_log_find(a->snap, &a->job->city, a->job->log, &log) ||
        !iu_attach_find(a->snap, log.no, a->job->first, a->job->attachment, &attach))
        return IU_HERE_NOT_FOUND;
    a->out->size = attach.have;
    if (a->job->from < attach.have)
        return IU_PEER_STALE;
    if (a->job->from > attach.have)
        return IU_PEER_GAP;
    enum iu_err err = iu_apply_quota(a);
    if (err)
        return err;
    err = iu_chunks_check(attach.size, &attach.root, a->job->from, iu_buf_view(&a->job->a),
                          iu_buf_view(&a->job->b), iu_buf_view(&a->job->c), leaves, CHUNKS_MAX, &count);
    if (err)
        return err;
    iu_chunks_append(a->txn, log.no, a->job->first, a->job->attachment, &attach, iu_buf_view(&a->job->a),
                     leaves, count);
    a->out->size = attach.have;
    a->out->count = count;
    return IU_OK;
}

/* Every chunk but the last is whole, so a short one ends the file: nothing may follow it. The staged size is
 * what came so far. */
enum iu_err iu_apply_upload(const struct iu_applying *a)
{
    static const struct iu_hash no_root;
    const struct iu_job *job = a->job;
    struct iu_attach_state attach;
    struct iu_hash leaf;
    struct iu_bytes data = iu_buf_view(&job->a);
    bool staged = iu_attach_find(a->snap, 0, job->first, 0, &attach);
    uint64_t have = staged ? attach.have : 0, size = staged ? attach.size : 0;
    if (!data.len || data.len > IU_CHUNK_LEN || job->from != have || size % IU_CHUNK_LEN) {
        a->out->why = "that is not the next chunk of this file";
        return IU_HERE_INVALID;
    }
    if (size + data.len > IU_ATTACHMENT_MAX) {
        a->out->why = "the file is larger than 1 GiB";
        return IU_HERE_INVALID;
    }
    if (!staged) {
        iu_attach_make(a->txn, 0, job->first, 0, 0, &no_root);
        if (!iu_attach_find(a->snap, 0, job->first, 0, &attach))
            return iu_txn_err(a->txn);
    }
    iu_leaf_hash(data, (struct iu_bytes){0}, &leaf);
    attach.size = size + data.len;
    iu_chunks_append(a->txn, 0, job->first, 0, &attach, data, &leaf, 1);
    a->out->size = attach.have;
    a->out->count = data.len;
    return IU_OK;
}

enum iu_err iu_apply_upload_drop(const struct iu_applying *a)
{
    struct iu_attach_state attach;
    if (!iu_attach_find(a->snap, 0, a->job->first, 0, &attach))
        return IU_HERE_NOT_FOUND;
    iu_attach_drop(a->txn, 0, a->job->first, 0);
    return IU_OK;
}
