/* SPDX-License-Identifier: Apache-2.0 */
/* Recomputes a log from its raw items, and with the first log the feed over all of them. */
#include "base/set.h"
#include "view/apply.h"
#include "view/docs.h"

#include <stdlib.h>
#include <string.h>

struct checking {
    const struct iu_snap *snap;
    struct iu_log_state log;
    struct iu_log_tree held;
    struct iu_frontier tree;
    struct iu_arena arena;
    uint64_t gaps, bytes;
    const char *why;
};

static bool fails(struct checking *c, const char *why)
{
    c->why = why;
    return false;
}

static bool check_item(struct checking *c, uint64_t index, const struct iu_item *item)
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

static bool check_items(struct checking *c, uint64_t *done)
{
    struct iu_buf bytes = IU_BUF_INIT;
    bool good = true;
    while (good && *done < c->log.size) {
        struct iu_item item;
        uint64_t end = 0;
        iu_buf_clear(&bytes);
        if (iu_log_read(c->snap, &c->log, *done, c->log.size, IU_FORM_FULL, IU_BATCH_BYTES_MAX, &bytes, &end))
            good = fails(c, "an entry is missing");
        struct iu_items it = iu_items_of(iu_buf_view(&bytes));
        for (; good && *done < end; ++*done)
            good = iu_items_next(&it, &item) ? check_item(c, *done, &item) : fails(c, "an entry is damaged");
    }
    iu_buf_fini(&bytes);
    return good;
}

/* The head leads from the entries, and is signed. A replaced key may have signed it: that was fine then. */
static bool check_head(struct checking *c)
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
static bool check_feed(struct checking *c)
{
    static const uint8_t seed[16]; /* log numbers are ours: nobody else chooses them */
    struct iu_map *reached = iu_map_open(sizeof(uint32_t), sizeof(uint64_t), seed);
    struct iu_feed_row row;
    struct iu_log_state log;
    uint64_t position = 0;
    uint32_t no = 0;
    bool good = true;
    while (good && iu_feed_next(c->snap, position, &row)) {
        uint64_t *next = iu_map_put(reached, &row.no, NULL);
        good = row.position == position && row.first == *next && row.count > 0;
        *next += row.count;
        position += row.count;
    }
    bool whole = position == iu_meta_u64(c->snap, "feed"); /* else it ends at own entries not released yet */
    while (good && iu_log_next(c->snap, &no, &log)) {
        const uint64_t *next = iu_map_get(reached, &no);
        uint64_t end = next != NULL ? *next : 0;
        good = whole ? end == log.size : end <= log.size;
    }
    iu_map_close(reached);
    return good || fails(c, "the feed is not what the logs hold");
}

static bool check_log(struct checking *c, uint64_t *done)
{
    const struct iu_log_state *log = &c->log;
    struct iu_log_state committed;
    if (!check_items(c, done))
        return false;
    /* The record of an own log also counts what is not released yet. */
    bool whole = iu_log_committed(c->snap, &log->city, log->log, &committed) && committed.size == log->size;
    if (whole && (c->gaps != log->gap_count || c->bytes != log->bytes))
        return fails(c, "the log's record does not say what is held");
    return log->size == 0 || check_head(c);
}

enum iu_err iu_check_log(const struct iu_snap *snap, uint32_t no, uint64_t *done, const char **why)
{
    struct checking c = {.snap = snap, .why = "the log's record is missing"};
    struct iu_log_state first;
    uint32_t first_no = 0;
    *done = 0;
    bool good = iu_log_by_no(snap, no, &c.log);
    c.held = (struct iu_log_tree){snap, &c.log};
    iu_frontier_init(&c.tree);
    iu_arena_init(&c.arena, IU_ENTRY_ARENA_MAX);
    good = good && check_log(&c, done);
    if (good && iu_log_next(snap, &first_no, &first) && first_no == no)
        good = check_feed(&c);
    iu_arena_fini(&c.arena);
    *why = good ? "" : c.why;
    return good ? IU_OK : IU_HERE_CORRUPT;
}
