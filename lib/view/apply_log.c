/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of others, and our own that come back: batches at the end of a log, and ranges below it. */
#include "view/apply_inner.h"

#include "store/erase.h"
#include "store/logs.h"
#include "view/confirm.h"
#include "view/docs.h"
#include "view/moments.h"
#include "view/quota.h"

#include <stdlib.h>

void iu_apply_views(const struct iu_applying *a, const struct iu_log_state *log, uint64_t first,
                    struct iu_bytes items)
{
    struct iu_items it = iu_items_of(items);
    struct iu_item item;
    struct iu_arena arena;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    for (; iu_items_next(&it, &item); first++) {
        iu_arena_reset(&arena);
        iu_docs_apply(a->txn, log, first, &item, &arena);
    }
    iu_arena_fini(&arena);
}

/* The same for a whole batch that was prepared: nearly all its entries mean one row. */
static void apply_plans(const struct iu_applying *a, const struct iu_log_state *log, uint64_t first,
                        const struct iu_prepared *prepared, struct iu_bytes items)
{
    struct iu_arena arena;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    for (size_t i = 0; i < prepared->leaves.count; i++) {
        const struct iu_docs_plan *plan = &prepared->plans[i];
        if (plan->what == IU_PLAN_DOCUMENT) {
            iu_docs_put(a->txn, log, first + i, plan);
        } else if (plan->what == IU_PLAN_ALL) {
            size_t start = prepared->starts[i];
            struct iu_items it = iu_items_of(iu_bytes_of(items.data + start, items.len - start));
            struct iu_item item;
            iu_must(iu_items_next(&it, &item));
            iu_arena_reset(&arena);
            iu_docs_apply(a->txn, log, first + i, &item, &arena);
        }
    }
    iu_arena_fini(&arena);
}

bool iu_log_or_new(const struct iu_snap *snap, const struct iu_city *city, uint32_t number,
                   struct iu_log_state *log)
{
    if (iu_log_find(snap, city, number, log))
        return true;
    *log = (struct iu_log_state){.city = *city, .log = number, .frozen_at = IU_NOT_FROZEN};
    iu_frontier_init(&log->frontier);
    return false;
}

/* Looks through all items. *from: those at and after `skip`; *below: those before `keep`. IU_PEER_MALFORMED
 * if there is none, or they are not items. */
static enum iu_err split_items(struct iu_bytes items, uint64_t skip, uint64_t keep, uint64_t *count,
                               struct iu_bytes *part)
{
    struct iu_items it = iu_items_of(items);
    struct iu_item item;
    size_t from = 0, to = 0;
    *count = 0;
    while (iu_items_next(&it, &item)) {
        size_t at = items.len - it.rest.len;
        (*count)++;
        from = *count == skip ? at : from;
        to = *count <= keep ? at : to;
    }
    *part = from < to ? iu_bytes_of(items.data + from, to - from) : (struct iu_bytes){0};
    return it.failed || *count == 0 ? IU_PEER_MALFORMED : IU_OK;
}

enum iu_err iu_apply_quota(const struct iu_applying *a)
{
    const struct iu_city *city = &a->job->city;
    struct iu_quota quota;
    if (a->self->restores || iu_city_equal(city, &a->self->city) ||
        !iu_quota_most(a->snap, city, a->self->quota_bytes))
        return IU_OK;
    iu_quota_of(a->snap, city, a->self->quota_bytes, &quota);
    if (!iu_quota_over(&quota))
        return IU_OK;
    a->out->why = "quota";
    return IU_HERE_DENIED;
}

/* --- batches --- */

/* A batch on its way: everything that is looked at before the first write. */
struct adding {
    struct iu_log_state log;
    bool known;
    struct iu_chain *chain;
    struct iu_batch batch;
    struct iu_folded folded;
    struct iu_node_list nodes;
    struct iu_buf tidy; /* items that replace the batch's */
};

/* A batch that brings nothing new still shows a head: one of a size that we hold must have our root there. */
static enum iu_err judge_old(const struct iu_applying *a, const struct adding *adding)
{
    const struct iu_log_state *log = &adding->log;
    struct iu_log_tree tree = {a->snap, log};
    struct iu_head head;
    struct iu_hash root;
    enum iu_err err = iu_head_verify(adding->batch.head, adding->chain, &head);
    if (err)
        return err;
    if (!iu_city_equal(&head.city, &log->city) || head.log != log->log || head.size == 0)
        return IU_PEER_MALFORMED;
    if (head.size > log->size)
        return IU_PEER_STALE;
    err = iu_tree_root(iu_log_node, &tree, head.size, &root);
    if (err)
        return err;
    return iu_hash_equal(&root, &head.root) ? IU_PEER_STALE : IU_PEER_FORKED;
}

/* The root of [0, size), where size is not beyond the batch. */
static enum iu_err root_within(const struct adding *adding, uint64_t size, struct iu_hash *root)
{
    struct iu_frontier at = adding->log.frontier;
    struct iu_items it = iu_items_of(adding->batch.items);
    struct iu_item item;
    struct iu_hash leaf;
    while (at.size < size && iu_items_next(&it, &item)) {
        enum iu_err err = iu_item_leaf(&adding->log.city, adding->log.log, at.size, &item, &leaf);
        if (err)
            return err;
        iu_frontier_add(&at, &leaf);
    }
    iu_frontier_root(&at, root);
    return IU_OK;
}

/* Whether the new entries pass `size` with another root than `expected`. */
static enum iu_err judge_passed(const struct adding *adding, uint64_t size, const struct iu_hash *expected)
{
    struct iu_hash root;
    if (size == adding->folded.head.size)
        return iu_hash_equal(expected, &adding->folded.head.root) ? IU_OK : IU_PEER_FORKED;
    if (size <= adding->log.size || size > adding->folded.end)
        return IU_OK;
    enum iu_err err = root_within(adding, size, &root);
    if (err)
        return err;
    return iu_hash_equal(&root, expected) ? IU_OK : IU_PEER_FORKED;
}

/* A head kept above what was held, unless its key no longer counts; and the root's own word on this log. */
static enum iu_err judge_heads(const struct adding *adding)
{
    const struct iu_log_state *log = &adding->log;
    struct iu_logline line;
    enum iu_err err = IU_OK;
    bool same = iu_bytes_equal(log->note, adding->batch.head);
    if (!same && log->head.size > log->size && iu_head_counts(adding->chain, log))
        err = judge_passed(adding, log->head.size, &log->head.root);
    if (!err && iu_chain_line(adding->chain, log->log, &line) && line.size > 0 &&
        judge_passed(adding, line.size, &line.root))
        err = IU_PEER_MISMATCH;
    return err;
}

static void store(const struct iu_applying *a, struct adding *adding)
{
    struct iu_log_state *log = &adding->log;
    const struct iu_folded *folded = &adding->folded;
    struct iu_want want;
    uint64_t first = log->size;
    bool thaw = folded->end > log->frozen_at; /* allowed if it is settled */
    if (!adding->known)
        iu_log_make(a->txn, &a->job->city, a->job->log, log);
    iu_log_append(a->txn, log, folded, adding->batch.items, adding->batch.right, adding->batch.head,
                  &adding->nodes);
    if (thaw)
        iu_apply_thaw(a, log);
    if (adding->batch.leaves)
        apply_plans(a, log, first, a->job->prepared, adding->batch.items);
    else
        iu_apply_views(a, log, first, adding->batch.items);
    iu_log_erase_range(a->txn, log, first, folded->end);
    iu_moment_put(a->txn, IU_MOMENT_GREW, log->no, a->job->now_ms);
    if (iu_want_get(a->snap, log->no, &want) && want.size <= folded->end)
        iu_want_drop(a->txn, log->no);
    a->out->first = first;
    a->out->size = folded->end;
    a->out->count = folded->count;
    a->out->changed = true;
}

/* What is held leads to a head that the root's own word covers: that branch is the one that counts, and a
 * freeze below it ends. */
static bool settled(const struct adding *adding)
{
    struct iu_logline line;
    return iu_chain_line(adding->chain, adding->log.log, &line) && line.size > adding->log.frozen_at &&
           adding->folded.head.size >= line.size;
}

static enum iu_err fold(struct adding *adding, struct iu_bytes verified_head)
{
    return iu_batch_fold(&adding->batch, &adding->log.frontier, adding->chain, verified_head,
                         iu_node_list_sink, &adding->nodes, &adding->folded);
}

/* What stands beside an unreadable header is left away: the author may have broken it, and its log goes on.
 */
static enum iu_err fold_tidied(struct adding *adding, struct iu_bytes verified_head)
{
    enum iu_err err = fold(adding, verified_head);
    if (err != IU_PEER_MISMATCH || !iu_items_tidy(adding->batch.items, &adding->tidy))
        return err;
    adding->batch.items = iu_buf_view(&adding->tidy);
    adding->batch.leaves = NULL;
    adding->nodes.count = 0;
    return fold(adding, verified_head);
}

/* The batch begins exactly where the log ends. */
static enum iu_err fold_and_store(const struct iu_applying *a, struct adding *adding)
{
    const struct iu_log_state *log = &adding->log;
    /* The note of the last batch need not be verified again, unless another key counts by now. */
    bool seen = iu_bytes_equal(log->note, adding->batch.head) && iu_head_counts(adding->chain, log);
    enum iu_err err = iu_apply_quota(a);
    if (err)
        return err;
    err = fold_tidied(adding, seen ? log->note : (struct iu_bytes){0});
    if (!err && adding->folded.end > log->frozen_at && !settled(adding))
        err = IU_PEER_FROZEN;
    if (!err)
        err = judge_heads(adding);
    if (!err)
        store(a, adding);
    return err;
}

/* Whether this city's log may grow here at all. */
static enum iu_err may_grow(const struct iu_applying *a, const struct adding *adding)
{
    struct iu_logline line;
    const struct iu_city *city = &a->job->city;
    if (!adding->chain->count || !iu_chain_line(adding->chain, a->job->log, &line))
        return IU_PEER_UNKNOWN_KEY;
    if (iu_blocked(a->snap, city, NULL)) {
        a->out->why = "blocked";
        return IU_HERE_DENIED;
    }
    if (iu_city_disputed(a->snap, city))
        return IU_PEER_DISPUTED;
    return a->job->first > adding->log.size ? IU_PEER_GAP : IU_OK;
}

enum iu_err iu_apply_batch(const struct iu_applying *a)
{
    const struct iu_job *job = a->job;
    struct adding adding = {.chain = malloc(sizeof *adding.chain)};
    struct iu_bytes items = iu_buf_view(&job->a);
    uint64_t count = 0, skip = 0;
    iu_must(adding.chain != NULL);
    adding.known = iu_log_or_new(a->snap, &job->city, job->log, &adding.log);
    a->out->size = adding.log.size;
    (void)iu_chain_load(a->snap, &job->city, adding.chain);
    enum iu_err err = may_grow(a, &adding);
    if (!err && job->first < adding.log.size) {
        skip = adding.log.size - job->first;
        err = split_items(items, skip, UINT64_MAX, &count, &items);
    }
    adding.batch = (struct iu_batch){.city = job->city,
                                     .log = job->log,
                                     .first = job->first + skip,
                                     .items = items,
                                     .right = iu_buf_view(&job->b),
                                     .head = iu_buf_view(&job->c)};
    if (!err && skip == 0) {
        iu_job_prepare(a->job);
        adding.batch.leaves = a->job->prepared->has_leaves ? &a->job->prepared->leaves : NULL;
        adding.batch.signed_by = a->job->prepared->head_signed ? &a->job->signer : NULL;
    }
    if (!err)
        err = skip > 0 && skip >= count ? judge_old(a, &adding) : fold_and_store(a, &adding);
    iu_node_list_fini(&adding.nodes);
    iu_buf_fini(&adding.tidy);
    free(adding.chain);
    return err;
}

/* --- ranges below what is held --- */

enum iu_err iu_apply_fill(const struct iu_applying *a)
{
    const struct iu_job *job = a->job;
    struct iu_log_state log;
    struct iu_bytes items;
    uint64_t count, unused;
    if (!iu_log_find(a->snap, &job->city, job->log, &log) || job->first >= log.size)
        return IU_PEER_GAP;
    a->out->size = log.size;
    enum iu_err err = iu_apply_quota(a);
    if (!err)
        err = split_items(iu_buf_view(&job->a), 0, log.size - job->first, &count, &items);
    if (err)
        return err;
    struct iu_log_tree tree = {a->snap, &log};
    struct iu_batch batch = {.city = log.city, .log = log.log, .first = job->first, .items = items};
    struct iu_buf tidy = IU_BUF_INIT;
    err = iu_batch_fill(&batch, iu_log_node, &tree, &unused);
    if (err == IU_PEER_MISMATCH && iu_items_tidy(items, &tidy)) {
        batch.items = iu_buf_view(&tidy);
        err = iu_batch_fill(&batch, iu_log_node, &tree, &unused);
    }
    if (!err) {
        uint64_t gaps = log.gap_count;
        iu_log_fill(a->txn, &log, job->first, batch.items);
        iu_apply_views(a, &log, job->first, batch.items);
        iu_log_erase_range(a->txn, &log, job->first, job->first + count);
        a->out->count = gaps - log.gap_count;
    }
    iu_buf_fini(&tidy);
    return err;
}

/* --- the last head of a closed log --- */

/* It leads to the same entries, and its key counts: it takes the place of a later head whose key does not. */
static enum iu_err judge_closing(const struct iu_applying *a, const struct iu_log_state *log,
                                 struct iu_head *head)
{
    struct iu_log_tree tree = {a->snap, log};
    struct iu_hash root;
    struct iu_chain *chain = malloc(sizeof *chain);
    iu_must(chain != NULL);
    bool known = iu_chain_load(a->snap, &log->city, chain);
    enum iu_err err = known ? iu_head_verify(iu_buf_view(&a->job->c), chain, head) : IU_PEER_UNKNOWN_KEY;
    if (!err && (!iu_city_equal(&head->city, &log->city) || head->log != log->log))
        err = IU_PEER_MALFORMED;
    if (!err && (iu_head_counts(chain, log) || head->size != iu_closed_at(a->snap, &log->city, log->log) ||
                 head->size == 0 || head->size > log->size))
        err = IU_PEER_STALE; /* nothing is missing, or this is not it */
    free(chain);
    if (!err)
        err = iu_tree_root(iu_log_node, &tree, head->size, &root);
    if (!err && !iu_hash_equal(&root, &head->root))
        err = IU_PEER_FORKED;
    return err;
}

enum iu_err iu_apply_closing(const struct iu_applying *a)
{
    struct iu_log_state log;
    struct iu_head head;
    if (!iu_log_find(a->snap, &a->job->city, a->job->log, &log))
        return IU_PEER_GAP;
    a->out->size = log.size;
    enum iu_err err = judge_closing(a, &log, &head);
    if (err)
        return err;
    iu_log_renew_note(a->txn, &log, &head, iu_buf_view(&a->job->c));
    a->out->changed = true;
    return IU_OK;
}
