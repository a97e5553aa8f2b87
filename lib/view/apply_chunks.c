/* SPDX-License-Identifier: Apache-2.0 */
/* Attachments: chunks of others, checked against the root in the entry; own ones, staged before their entry
 * exists. */
#include "view/apply_inner.h"

#include "sign/hash.h"
#include "store/chunks.h"
#include "store/logs.h"

#define CHUNKS_MAX 64

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
    enum iu_err err =
        iu_chunks_check(attach.size, &attach.root, a->job->from, iu_buf_view(&a->job->a),
                        iu_buf_view(&a->job->b), iu_buf_view(&a->job->c), leaves, CHUNKS_MAX, &count);
    if (err)
        return err;
    iu_chunks_append(a->txn, log.no, a->job->first, a->job->attachment, &attach, iu_buf_view(&a->job->a),
                     leaves, count);
    a->out->size = attach.have;
    a->out->count = count;
    return IU_OK;
}

/* Every chunk but the last is whole, so a short one ends the file: nothing may follow it. */
enum iu_err iu_apply_upload(const struct iu_applying *a)
{
    static const struct iu_hash no_root;
    struct iu_attach_state attach;
    struct iu_hash leaf;
    struct iu_bytes data = iu_buf_view(&a->job->a);
    if (!data.len || data.len > IU_CHUNK_LEN || (a->job->from + 1) * IU_CHUNK_LEN > IU_ATTACHMENT_MAX)
        return IU_HERE_INVALID;
    if (!iu_attach_find(a->snap, 0, a->job->first, 0, &attach)) {
        iu_attach_make(a->txn, 0, a->job->first, 0, 0, &no_root);
        if (!iu_attach_find(a->snap, 0, a->job->first, 0, &attach))
            return IU_HERE_INVALID;
    }
    if (a->job->from != attach.have)
        return IU_HERE_INVALID;
    iu_leaf_hash(data, (struct iu_bytes){0}, &leaf);
    iu_chunks_append(a->txn, 0, a->job->first, 0, &attach, data, &leaf, 1);
    a->out->size = attach.have;
    a->out->count = data.len;
    return IU_OK;
}
