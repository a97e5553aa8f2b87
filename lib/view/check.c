/* SPDX-License-Identifier: Apache-2.0 */
/* Recomputes a log from its raw items, and with the first log the feed over all of them. In steps: each reads
 * from a snapshot of its own, so that the node goes on meanwhile. */
#include "base/set.h"
#include "store/chunks.h"
#include "view/apply.h"
#include "view/docs.h"

#include <stdlib.h>
#include <string.h>

#define CHUNKS_AT_ONCE 16

struct iu_check {
    uint32_t no;
    bool deep;
    const struct iu_snap *snap; /* of the step, as the next two */
    struct iu_log_state log;
    struct iu_log_tree held;
    struct iu_frontier tree;
    struct iu_arena arena;
    bool begun;
    uint64_t first_size, first_gaps, first_bytes; /* as the record said when the check began */
    uint64_t gaps, bytes, done;
    uint64_t index, chunk; /* of the attachment under way */
    uint32_t attachment;
    const char *why;
};

static bool fails(struct iu_check *c, const char *why)
{
    c->why = why;
    return false;
}

static bool check_item(struct iu_check *c, uint64_t index, const struct iu_item *item)
{
    struct iu_hash leaf, kept;
    if (iu_item_leaf(&c->log.city, c->log.log, index, item, &leaf))
        return fails(c, "an entry's body is not the one that it commits to");
    if (iu_log_node(&c->held, 0, index, &kept) || !iu_hash_equal(&leaf, &kept))
        return fails(c, "an entry's hash is not the one in the tree");
    iu_frontier_add(&c->tree, &leaf);
    c->gaps += iu_item_form(item) != IU_FORM_FULL;
    c->bytes += item->header.len + item->salt.len + item->body.len;
    iu_arena_reset(&c->arena);
    if (!iu_docs_same(c->snap, &c->log, index, item, &c->arena))
        return fails(c, "a view is not what the entries say");
    return true;
}

/* Up to `most` entries more. */
static bool check_items(struct iu_check *c, uint64_t most)
{
    struct iu_buf bytes = IU_BUF_INIT;
    uint64_t to = most < c->log.size - c->done ? c->done + most : c->log.size;
    bool good = true;
    while (good && c->done < to) {
        struct iu_item item;
        uint64_t end = 0;
        iu_buf_clear(&bytes);
        if (iu_log_read(c->snap, &c->log, c->done, to, IU_FORM_FULL, IU_BATCH_BYTES_MAX, &bytes, &end))
            good = fails(c, "an entry is missing");
        struct iu_items it = iu_items_of(iu_buf_view(&bytes));
        for (; good && c->done < end; c->done++)
            good =
                iu_items_next(&it, &item) ? check_item(c, c->done, &item) : fails(c, "an entry is damaged");
    }
    iu_buf_fini(&bytes);
    return good;
}

/* Some chunks of the next complete attachment: each leads to the root that its entry names. False in *more
 * when there is none left. */
static bool check_chunks(struct iu_check *c, bool *more)
{
    struct iu_attach_state attach;
    struct iu_buf data = IU_BUF_INIT, left = IU_BUF_INIT, right = IU_BUF_INIT;
    uint64_t index = c->index;
    uint32_t attachment = c->attachment;
    size_t count = 0;
    *more = iu_attach_next(c->snap, c->no, &index, &attachment, &attach);
    if (!*more)
        return true;
    if (index != c->index || attachment != c->attachment)
        c->chunk = 0;
    c->index = index;
    c->attachment = attachment;
    uint64_t all = iu_chunk_count(attach.size);
    uint64_t end = c->chunk + CHUNKS_AT_ONCE < all ? c->chunk + CHUNKS_AT_ONCE : all;
    bool good = iu_chunks_read(c->snap, &attach, c->chunk, end, &data, &left, &right) == IU_OK &&
                iu_chunks_check(attach.size, &attach.root, c->chunk, iu_buf_view(&data), iu_buf_view(&left),
                                iu_buf_view(&right), NULL, CHUNKS_AT_ONCE, &count) == IU_OK;
    iu_buf_fini(&data);
    iu_buf_fini(&left);
    iu_buf_fini(&right);
    c->chunk = end;
    if (end == all) {
        c->chunk = 0;
        c->attachment++;
    }
    return good || fails(c, "an attachment is not what its entry names");
}

/* The head leads from the entries, and is signed. A replaced key may have signed it: that was fine then. */
static bool check_head(struct iu_check *c)
{
    const struct iu_log_state *log = &c->log;
    struct iu_hash right[IU_RIGHT_MAX], root;
    struct iu_head head;
    size_t count = log->right.len / IU_HASH_LEN;
    if (log->head.size < log->size || count > IU_RIGHT_MAX)
        return fails(c, "the newest head does not cover what is held");
    if (count > 0)
        memcpy(right, log->right.data, count * IU_HASH_LEN);
    if (iu_fold(&c->tree, log->head.size, right, count, &root) || !iu_hash_equal(&root, &log->head.root))
        return fails(c, "the entries do not lead to the signed root");
    struct iu_chain *chain = malloc(sizeof *chain);
    iu_must(chain != NULL);
    enum iu_err err =
        iu_chain_load(c->snap, &log->city, chain) ? iu_head_verify(log->note, chain, &head) : IU_PEER_FORGED;
    free(chain);
    bool good = err == IU_PEER_SUPERSEDED ||
                (!err && head.size == log->head.size && iu_hash_equal(&head.root, &log->head.root));
    return good || fails(c, "the newest head is not signed by the city");
}

/* Positions are dense, and each log's entries stand in them in order, once. */
static bool check_feed(struct iu_check *c)
{
    static const uint8_t seed[16]; /* log numbers are ours: nobody else chooses them */
    struct iu_map *reached = iu_map_open(sizeof(uint32_t), sizeof(uint64_t), seed);
    struct iu_feed_row row;
    struct iu_log_state log;
    uint64_t position = 0;
    uint32_t no = 0;
    bool good = true;
    while (good && iu_feed_committed(c->snap, position, &row)) {
        uint64_t *next = iu_map_put(reached, &row.no, NULL);
        good = row.position == position && row.first == *next && row.count > 0;
        *next += row.count;
        position += row.count;
    }
    good = good && position == iu_meta_u64(c->snap, "feed");
    while (good && iu_log_next(c->snap, &no, &log)) {
        const uint64_t *next = iu_map_get(reached, &no);
        good = iu_log_committed(c->snap, &log.city, log.log, &log) && (next != NULL ? *next : 0) == log.size;
    }
    iu_map_close(reached);
    return good || fails(c, "the feed is not what the logs hold");
}

/* The record of the log says what is held. One that changed meanwhile says it of something else. */
static bool check_record(struct iu_check *c)
{
    struct iu_log_state committed;
    /* The record of an own log also counts what is not released yet. */
    bool same = iu_log_committed(c->snap, &c->log.city, c->log.log, &committed) &&
                committed.size == c->log.size && c->log.size == c->first_size &&
                c->log.gap_count == c->first_gaps && c->log.bytes == c->first_bytes;
    if (same && (c->gaps != c->log.gap_count || c->bytes != c->log.bytes))
        return fails(c, "the log's record does not say what is held");
    return true;
}

static bool check_end(struct iu_check *c)
{
    struct iu_log_state first;
    uint32_t first_no = 0;
    if (!check_record(c) || (c->log.size > 0 && !check_head(c)))
        return false;
    return !iu_log_next(c->snap, &first_no, &first) || first_no != c->no || check_feed(c);
}

struct iu_check *iu_check_open(uint32_t no, bool deep)
{
    struct iu_check *c = calloc(1, sizeof *c);
    iu_must(c != NULL);
    c->no = no;
    c->deep = deep;
    c->why = "";
    iu_frontier_init(&c->tree);
    iu_arena_init(&c->arena, IU_ENTRY_ARENA_MAX);
    return c;
}

bool iu_check_step(struct iu_check *c, const struct iu_snap *snap, uint64_t entries_max)
{
    bool more = false;
    c->snap = snap;
    if (!iu_log_by_no(snap, c->no, &c->log))
        return fails(c, "the log's record is missing");
    if (!c->begun) {
        c->begun = true;
        c->first_size = c->log.size;
        c->first_gaps = c->log.gap_count;
        c->first_bytes = c->log.bytes;
    }
    c->held = (struct iu_log_tree){snap, &c->log};
    if (c->log.size < c->done)
        return fails(c, "the log has become shorter");
    if (!check_items(c, entries_max))
        return false;
    if (c->done < c->log.size)
        return true;
    if (c->deep && !check_chunks(c, &more))
        return false;
    if (!more)
        (void)check_end(c);
    return more;
}

enum iu_err iu_check_close(struct iu_check *c, uint64_t *done, const char **why)
{
    enum iu_err err = *c->why ? IU_HERE_CORRUPT : IU_OK;
    *done = c->done;
    *why = c->why;
    iu_arena_fini(&c->arena);
    free(c);
    return err;
}

enum iu_err iu_check_log(const struct iu_snap *snap, uint32_t no, uint64_t *done, const char **why)
{
    struct iu_check *check = iu_check_open(no, true);
    while (iu_check_step(check, snap, UINT64_MAX))
        ;
    return iu_check_close(check, done, why);
}
