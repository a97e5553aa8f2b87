/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: batches of others, gap ranges, own entries, the own released note. */
#include "view/apply_inner.h"

#include "store/chunks.h"
#include "store/logs.h"
#include "view/docs.h"

#include <stdlib.h>
#include <string.h>

#define DECODE_MAX (1024 * 1024)

/* Views of entries [first, …), which were just stored. */
static void apply_views(const struct iu_applying *a, const struct iu_log_state *log, uint64_t first,
                        struct iu_bytes items)
{
    struct iu_items it = iu_items_of(items);
    struct iu_item item;
    struct iu_arena arena;
    iu_arena_init(&arena, DECODE_MAX);
    for (; iu_items_next(&it, &item); first++) {
        iu_arena_reset(&arena);
        iu_docs_apply(a->txn, log, first, &item, &arena);
    }
    iu_arena_fini(&arena);
}

/* The log as held, or as it would begin. */
static bool log_or_new(const struct iu_applying *a, struct iu_log_state *log)
{
    if (iu_log_find(a->snap, &a->job->city, a->job->log, log))
        return true;
    *log = (struct iu_log_state){.city = a->job->city, .log = a->job->log, .frozen_at = IU_NOT_FROZEN};
    iu_frontier_init(&log->frontier);
    return false;
}

/* How many items there are, and where those at and after `skip` begin. IU_PEER_MALFORMED if there is none, or
 * they are not items. */
static enum iu_err count_items(struct iu_bytes items, uint64_t skip, uint64_t *count, struct iu_bytes *rest)
{
    struct iu_items it = iu_items_of(items);
    struct iu_item item;
    *count = 0;
    *rest = items;
    while (iu_items_next(&it, &item)) {
        (*count)++;
        if (*count == skip)
            *rest = it.rest;
    }
    return it.failed || *count == 0 ? IU_PEER_MALFORMED : IU_OK;
}

/* A batch that brings nothing new still shows a head: one of a size that we hold must have our root there. */
static enum iu_err judge_old(const struct iu_applying *a, const struct iu_log_state *log,
                             const struct iu_chain *chain)
{
    struct iu_head head;
    struct iu_hash root;
    struct iu_log_tree tree = {a->snap, log};
    enum iu_err err = iu_head_verify(iu_buf_view(&a->job->c), chain, &head);
    if (err)
        return err;
    if (!iu_city_equal(&head.city, &log->city) || head.log != log->log)
        return IU_PEER_MISMATCH;
    if (head.size == 0 || head.size > log->size)
        return IU_PEER_STALE;
    err = iu_tree_root(iu_log_node, &tree, head.size, &root);
    if (err)
        return err;
    return iu_hash_equal(&root, &head.root) ? IU_PEER_STALE : IU_PEER_FORKED;
}

/* A verified head kept above what was held: when the new entries pass its size, the roots must be equal. */
static enum iu_err judge_passed(const struct iu_log_state *log, const struct iu_folded *folded,
                                struct iu_bytes items)
{
    struct iu_frontier at = log->frontier;
    struct iu_items it = iu_items_of(items);
    struct iu_item item;
    struct iu_hash root, leaf;
    if (log->head.size <= log->size || folded->end < log->head.size)
        return IU_OK;
    while (at.size < log->head.size && iu_items_next(&it, &item)) {
        enum iu_err err = iu_item_leaf(&log->city, log->log, at.size, &item, &leaf);
        if (err)
            return err;
        iu_frontier_add(&at, &leaf);
    }
    iu_frontier_root(&at, &root);
    return iu_hash_equal(&root, &log->head.root) ? IU_OK : IU_PEER_FORKED;
}

static uint64_t quota_of(const struct iu_applying *a)
{
    struct iu_follow follow;
    if (iu_city_equal(&a->job->city, &a->self->city))
        return 0;
    if (iu_follow_get(a->snap, &a->job->city, &follow) && follow.quota_bytes)
        return follow.quota_bytes;
    return a->self->quota_bytes;
}

static enum iu_err may_grow(const struct iu_applying *a, const struct iu_log_state *log,
                            const struct iu_folded *folded, struct iu_bytes items)
{
    uint64_t quota = quota_of(a);
    if (log->frozen_at != IU_NOT_FROZEN && folded->end > log->frozen_at)
        return IU_PEER_FROZEN;
    if (quota && log->bytes + folded->bytes > quota)
        return IU_PEER_OVER_LIMIT;
    return judge_passed(log, folded, items);
}

static void settle_want(const struct iu_applying *a, const struct iu_log_state *log)
{
    struct iu_want want;
    if (iu_want_get(a->snap, log->no, &want) && want.size <= log->size)
        iu_want_drop(a->txn, log->no);
}

static enum iu_err fold_and_store(const struct iu_applying *a, struct iu_log_state *log, bool known,
                                  const struct iu_chain *chain, struct iu_bytes items)
{
    struct iu_batch batch = {.city = log->city,
                             .log = log->log,
                             .first = log->size,
                             .items = items,
                             .right = iu_buf_view(&a->job->b),
                             .head = iu_buf_view(&a->job->c)};
    struct iu_node_list nodes = {0};
    struct iu_folded folded;
    uint64_t first = log->size;
    bool seen = log->note.len && iu_bytes_equal(log->note, batch.head);
    enum iu_err err = iu_batch_fold(&batch, &log->frontier, chain, seen ? log->note : (struct iu_bytes){0},
                                    iu_node_list_sink, &nodes, &folded);
    if (!err)
        err = may_grow(a, log, &folded, items);
    if (!err) {
        if (!known)
            iu_log_make(a->txn, &a->job->city, a->job->log, log);
        iu_log_append(a->txn, log, &folded, items, batch.right, batch.head, &nodes);
        apply_views(a, log, first, items);
        settle_want(a, log);
        a->out->first = first;
        a->out->size = folded.end;
        a->out->count = folded.count;
        a->out->changed = true;
    }
    iu_node_list_fini(&nodes);
    return err;
}

enum iu_err iu_apply_batch(const struct iu_applying *a)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_log_state log;
    struct iu_bytes rest, items = iu_buf_view(&a->job->a);
    uint64_t count, skip;
    enum iu_err err = IU_OK;
    iu_must(chain);
    bool known = log_or_new(a, &log);
    a->out->size = log.size;
    skip = log.size > a->job->first ? log.size - a->job->first : 0;
    if (!iu_chain_load(a->snap, &a->job->city, chain))
        err = IU_PEER_UNKNOWN_KEY;
    else if (iu_city_disputed(a->snap, &a->job->city))
        err = IU_PEER_DISPUTED;
    else if (a->job->first > log.size)
        err = IU_PEER_GAP;
    else
        err = count_items(items, skip, &count, &rest);
    if (!err)
        err = skip >= count ? judge_old(a, &log, chain) : fold_and_store(a, &log, known, chain, rest);
    free(chain);
    return err;
}

enum iu_err iu_apply_fill(const struct iu_applying *a)
{
    struct iu_log_state log;
    struct iu_bytes rest, items = iu_buf_view(&a->job->a);
    uint64_t count, taken = 0;
    enum iu_err err = count_items(items, 0, &count, &rest);
    if (err)
        return err;
    if (!iu_log_find(a->snap, &a->job->city, a->job->log, &log) || a->job->first + count > log.size)
        return IU_PEER_GAP;
    struct iu_log_tree tree = {a->snap, &log};
    struct iu_batch batch = {.city = log.city, .log = log.log, .first = a->job->first, .items = items};
    err = iu_batch_fill(&batch, iu_log_node, &tree, &taken);
    if (err)
        return err;
    a->out->size = log.size;
    a->out->count = taken;
    iu_log_fill(a->txn, &log, a->job->first, items);
    apply_views(a, &log, a->job->first, items);
    return IU_OK;
}

/* --- own entries --- */

/* Every staged file named by the job is here, and is the one that the body names. */
static enum iu_err check_uploads(const struct iu_applying *a, const struct iu_header *header,
                                 struct iu_arena *arena, struct iu_document_body *body)
{
    *body = (struct iu_document_body){0};
    if (header->kind == IU_KIND_DOCUMENT && iu_document_body_get(iu_buf_view(&a->job->c), arena, body))
        return IU_HERE_INVALID;
    if (body->attachment_count != a->job->upload_count)
        return IU_HERE_INVALID;
    for (size_t i = 0; i < a->job->upload_count; i++) {
        struct iu_attach_state staged;
        struct iu_hash root;
        if (!iu_attach_find(a->snap, 0, a->job->uploads[i], 0, &staged))
            return IU_HERE_NOT_FOUND;
        iu_frontier_root(&staged.frontier, &root);
        if (staged.have != iu_chunk_count(body->attachments[i].size) ||
            !iu_hash_equal(&root, &body->attachments[i].root))
            return IU_HERE_INVALID;
    }
    return IU_OK;
}

static enum iu_err check_own(const struct iu_applying *a, struct iu_arena *arena,
                             struct iu_document_body *body)
{
    struct iu_header header;
    struct iu_hash commit;
    if (iu_header_get(iu_buf_view(&a->job->a), arena, &header) || a->job->c.len > IU_BODY_MAX)
        return IU_HERE_INVALID;
    if (header.has_body != (a->job->b.len == IU_SALT_LEN) ||
        (!header.has_body && (a->job->b.len || a->job->c.len)))
        return IU_HERE_INVALID;
    if (header.has_body) {
        iu_body_commit(a->job->b.data, iu_buf_view(&a->job->c), &commit);
        if (!iu_hash_equal(&commit, &header.body_commit) || header.body_len != a->job->c.len)
            return IU_HERE_INVALID;
    }
    return check_uploads(a, &header, arena, body);
}

static void append_own(const struct iu_applying *a, struct iu_log_state *log,
                       const struct iu_document_body *body)
{
    struct iu_item item = {
        iu_buf_view(&a->job->a), iu_buf_view(&a->job->b), iu_buf_view(&a->job->c), false, {{0}}};
    struct iu_node_list nodes = {0};
    struct iu_buf items = IU_BUF_INIT;
    uint64_t index = log->size;
    struct iu_folded folded = {.end = index + 1, .count = 1, .full_count = 1, .frontier = log->frontier};
    folded.bytes = item.header.len + item.salt.len + item.body.len;
    iu_entry_id(&log->city, log->log, index, item.header, &a->out->entry);
    iu_frontier_add_with(&folded.frontier, &a->out->entry, iu_node_list_sink, &nodes);
    folded.head = (struct iu_head){.city = log->city, .log = log->log, .size = folded.end};
    iu_frontier_root(&folded.frontier, &folded.head.root);
    iu_item_put(&item, &items);
    iu_log_append(a->txn, log, &folded, iu_buf_view(&items), (struct iu_bytes){0}, (struct iu_bytes){0},
                  &nodes);
    for (size_t i = 0; i < a->job->upload_count; i++)
        iu_attach_adopt(a->txn, a->job->uploads[i], log->no, index, (uint32_t)i, body->attachments[i].size,
                        &body->attachments[i].root);
    apply_views(a, log, index, iu_buf_view(&items));
    a->out->log = log->log;
    a->out->first = index;
    a->out->size = index + 1;
    a->out->count = 1;
    a->out->changed = true;
    iu_node_list_fini(&nodes);
    iu_buf_fini(&items);
}

enum iu_err iu_apply_publish(const struct iu_applying *a)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_log_state log;
    struct iu_document_body body;
    struct iu_arena arena;
    enum iu_err err = IU_OK;
    iu_must(chain);
    iu_arena_init(&arena, DECODE_MAX);
    a->job->city = a->self->city;
    a->out->city = a->self->city;
    if (!iu_chain_load(a->snap, &a->self->city, chain))
        err = IU_HERE_NOT_FOUND;
    if (!err)
        err = check_own(a, &arena, &body);
    if (!err) {
        a->job->log = iu_chain_open_log(chain);
        if (!log_or_new(a, &log))
            iu_log_make(a->txn, &a->self->city, a->job->log, &log);
        append_own(a, &log, &body);
    }
    iu_arena_fini(&arena);
    free(chain);
    return err;
}

enum iu_err iu_apply_note(const struct iu_applying *a)
{
    struct iu_log_state log;
    struct iu_head head;
    struct iu_hash root;
    if (iu_head_get(iu_buf_view(&a->job->c), &head) || !iu_city_equal(&head.city, &a->self->city))
        return IU_HERE_INVALID;
    if (!iu_log_committed(a->snap, &head.city, head.log, &log) || head.size > log.size)
        return IU_HERE_INVALID;
    if (head.size <= log.head.size && log.note.len)
        return IU_OK;
    if (head.size == log.size) {
        iu_frontier_root(&log.frontier, &root);
    } else {
        struct iu_log_tree tree = {a->snap, &log};
        enum iu_err err = iu_tree_root(iu_log_node, &tree, head.size, &root);
        if (err)
            return err;
    }
    if (!iu_hash_equal(&root, &head.root))
        return IU_HERE_INVALID;
    a->out->log = head.log;
    a->out->size = log.size;
    iu_log_set_note(a->txn, &log, &head, iu_buf_view(&a->job->c));
    return IU_OK;
}
