/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of jobs, by file. Each checks everything of its job before its first write, and sets out->err. */
#ifndef IU_VIEW_APPLY_INNER_H
#define IU_VIEW_APPLY_INNER_H

#include "store/logs.h"
#include "store/tables.h"
#include "log/batch.h"
#include "view/apply.h"
#include "view/docs.h"

struct iu_applying {
    struct iu_txn *txn;
    const struct iu_snap *snap; /* reads that see the transaction's writes */
    const struct iu_apply_self *self;
    struct iu_job *job;
    struct iu_outcome *out;
};

/* prepare.c */
struct iu_prepared {
    /* BATCH */
    bool head_signed; /* by job->signer */
    bool has_leaves;  /* else there is nothing in the next three */
    struct iu_leaves leaves;
    struct iu_docs_plan *plans; /* of each item */
    size_t *starts;             /* of each in a */
    /* CHAIN, PIN */
    enum iu_err chain_err;
    struct iu_chain *chain; /* no longer than its count */
};
void iu_prepared_free(struct iu_prepared *prepared);

/* apply_log.c */
enum iu_err iu_apply_batch(const struct iu_applying *a);
enum iu_err iu_apply_fill(const struct iu_applying *a);
enum iu_err iu_apply_closing(const struct iu_applying *a);
/* The log as held; else false, and as it would begin, without a record. */
bool iu_log_or_new(const struct iu_snap *snap, const struct iu_city *city, uint32_t number,
                   struct iu_log_state *log);
/* IU_HERE_DENIED if the job's city has used up its quota: one batch, or one message of chunks, may go beyond it. */
enum iu_err iu_apply_quota(const struct iu_applying *a);
/* Views of entries [first, …), which were just stored. `items` are not the store's memory. */
void iu_apply_views(const struct iu_applying *a, const struct iu_log_state *log, uint64_t first,
                    struct iu_bytes items);

/* apply_own.c */
enum iu_err iu_apply_publish(const struct iu_applying *a);
enum iu_err iu_apply_note(const struct iu_applying *a);

/* apply_chain.c */
enum iu_err iu_apply_chain(const struct iu_applying *a);
enum iu_err iu_apply_pin(const struct iu_applying *a);
enum iu_err iu_apply_fault(const struct iu_applying *a);
/* Ends a freeze; the fault is kept and shown. */
void iu_apply_thaw(const struct iu_applying *a, struct iu_log_state *log);

/* apply_local.c */
enum iu_err iu_apply_follow(const struct iu_applying *a);
enum iu_err iu_apply_unfollow(const struct iu_applying *a);
enum iu_err iu_apply_block(const struct iu_applying *a);
enum iu_err iu_apply_unblock(const struct iu_applying *a);
enum iu_err iu_apply_invite(const struct iu_applying *a);
enum iu_err iu_apply_revoke(const struct iu_applying *a);
enum iu_err iu_apply_redeem(const struct iu_applying *a);
enum iu_err iu_apply_joined(const struct iu_applying *a);
enum iu_err iu_apply_peer(const struct iu_applying *a);
enum iu_err iu_apply_cursor(const struct iu_applying *a);
enum iu_err iu_apply_want(const struct iu_applying *a);
enum iu_err iu_apply_unwant(const struct iu_applying *a);

/* apply_chunks.c */
enum iu_err iu_apply_chunks(const struct iu_applying *a);
enum iu_err iu_apply_upload(const struct iu_applying *a);
enum iu_err iu_apply_upload_drop(const struct iu_applying *a);

#endif
