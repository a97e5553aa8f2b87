/* SPDX-License-Identifier: Apache-2.0 */
#include "view/apply.h"

#include "view/apply_inner.h"

#include <stdlib.h>
#include <string.h>

void iu_job_fini(struct iu_job *job)
{
    iu_buf_fini(&job->a);
    iu_buf_fini(&job->b);
    iu_buf_fini(&job->c);
    iu_prepared_free(job->prepared);
    job->prepared = NULL;
}

/* Names whose values the store itself counts on. */
static const char *const kept_names[] = {"format", "city",     "epoch", "change",  "feed",
                                         "logno",  "attachno", "ids",   "ids.pass"};

static enum iu_err apply_meta(const struct iu_applying *a)
{
    const char *name = a->job->name;
    if (!name || !*name)
        return IU_HERE_INVALID;
    for (size_t i = 0; i < sizeof kept_names / sizeof *kept_names; i++)
        if (strcmp(name, kept_names[i]) == 0)
            return IU_HERE_INVALID;
    iu_meta_put(a->txn, name, iu_buf_view(&a->job->a));
    return IU_OK;
}

static enum iu_err apply_epoch(const struct iu_applying *a)
{
    if (a->job->a.len != IU_EPOCH_LEN || iu_is_zero(a->job->a.data, IU_EPOCH_LEN))
        return IU_HERE_INVALID;
    iu_meta_put(a->txn, "epoch", iu_buf_view(&a->job->a));
    return IU_OK;
}

static enum iu_err apply_index(const struct iu_applying *a)
{
    uint64_t most = a->job->first;
    a->out->more = iu_ids_fill(a->txn, most && most < IU_INDEX_ENTRIES_MAX ? most : IU_INDEX_ENTRIES_MAX);
    return IU_OK;
}

typedef enum iu_err (*apply_one)(const struct iu_applying *a);

static const apply_one appliers[] = {
    [IU_JOB_BATCH] = iu_apply_batch,       [IU_JOB_FILL] = iu_apply_fill,
    [IU_JOB_CHAIN] = iu_apply_chain,       [IU_JOB_PIN] = iu_apply_pin,
    [IU_JOB_FAULT] = iu_apply_fault,       [IU_JOB_PUBLISH] = iu_apply_publish,
    [IU_JOB_NOTE] = iu_apply_note,         [IU_JOB_FOLLOW] = iu_apply_follow,
    [IU_JOB_UNFOLLOW] = iu_apply_unfollow, [IU_JOB_BLOCK] = iu_apply_block,
    [IU_JOB_UNBLOCK] = iu_apply_unblock,   [IU_JOB_INVITE] = iu_apply_invite,
    [IU_JOB_REVOKE] = iu_apply_revoke,     [IU_JOB_REDEEM] = iu_apply_redeem,
    [IU_JOB_JOINED] = iu_apply_joined,     [IU_JOB_PEER] = iu_apply_peer,
    [IU_JOB_WANT] = iu_apply_want,         [IU_JOB_UNWANT] = iu_apply_unwant,
    [IU_JOB_CURSOR] = iu_apply_cursor,     [IU_JOB_META] = apply_meta,
    [IU_JOB_EPOCH] = apply_epoch,          [IU_JOB_CHUNKS] = iu_apply_chunks,
    [IU_JOB_UPLOAD] = iu_apply_upload,     [IU_JOB_UPLOAD_DROP] = iu_apply_upload_drop,
    [IU_JOB_INDEX] = apply_index,          [IU_JOB_CLOSING] = iu_apply_closing,
};

void iu_apply(struct iu_txn *txn, const struct iu_apply_self *self, struct iu_job *job,
              struct iu_outcome *out)
{
    struct iu_applying a = {txn, iu_txn_reads(txn), self, job, out};
    *out = (struct iu_outcome){.kind = job->kind,
                               .token = job->token,
                               .urgent = job->urgent,
                               .peer_city = job->peer_city,
                               .city = job->city,
                               .log = job->log,
                               .first = job->first};
    iu_must((unsigned)job->kind < sizeof appliers / sizeof *appliers && appliers[job->kind]);
    out->err = iu_txn_err(txn);
    if (out->err)
        return;
    out->err = appliers[job->kind](&a);
    /* After an error of the machine every read says "absent": what was concluded from it counts for nothing.
     */
    if (iu_txn_err(txn))
        out->err = iu_txn_err(txn);
    if (out->err)
        out->changed = out->err == IU_PEER_DISPUTED && out->changed;
}

bool iu_own_pending(const struct iu_snap *snap, const struct iu_city *self, struct iu_head *head,
                    uint64_t *released_size, struct iu_buf *released_note)
{
    struct iu_log_state log;
    uint32_t open_log;
    if (!iu_chain_open_held(snap, self, &open_log) || !iu_log_committed(snap, self, open_log, &log))
        return false;
    *head = (struct iu_head){.city = *self, .log = log.log, .size = log.size};
    iu_frontier_root(&log.frontier, &head->root);
    *released_size = log.note.len ? log.head.size : 0;
    iu_buf_clear(released_note);
    iu_buf_put_bytes(released_note, log.note);
    return true;
}
