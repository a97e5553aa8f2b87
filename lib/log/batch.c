/* SPDX-License-Identifier: Apache-2.0 */
#include "log/batch.h"

#include "log/entry_lint.h"

#include <stdlib.h>
#include <string.h>

/* Checks salt and body against the header's commitment, which binds the peer. Another length than the
 * header's body_len is the author's doing: the entry is kept, and unreadable. An unreadable header has no
 * commitment. */
static enum iu_err check_body(const struct iu_item *item)
{
    struct iu_header_marks marks;
    struct iu_hash commit;
    if (!item->salt.len)
        return item->body.len ? IU_PEER_MISMATCH : IU_OK;
    if (iu_header_check(item->header, &marks) || !marks.has_body || item->salt.len != IU_SALT_LEN)
        return IU_PEER_MISMATCH;
    iu_body_commit(item->salt.data, item->body, &commit);
    return iu_hash_equal(&commit, &marks.commit) ? IU_OK : IU_PEER_MISMATCH;
}

enum iu_err iu_item_leaf(const struct iu_city *city, uint32_t log, uint64_t index, const struct iu_item *item,
                         struct iu_hash *leaf)
{
    if (item->has_hash) {
        *leaf = item->hash;
        return IU_OK;
    }
    enum iu_err err = check_body(item);
    if (!err)
        iu_entry_id(city, log, index, item->header, leaf);
    return err;
}

/* Form, and the head: verified anew, or the very note that was verified before. */
static enum iu_err check_head(const struct iu_batch *batch, const struct iu_chain *chain,
                              struct iu_bytes verified_head, struct iu_head *head)
{
    if (batch->right.len % IU_HASH_LEN)
        return IU_PEER_MALFORMED;
    if (batch->items.len > IU_BATCH_BYTES_MAX || batch->right.len > IU_RIGHT_MAX * IU_HASH_LEN)
        return IU_PEER_OVER_LIMIT;
    bool known = verified_head.len && iu_bytes_equal(batch->head, verified_head);
    enum iu_err err = known ? iu_head_get(batch->head, head)
                            : iu_head_verify_by(batch->head, chain, batch->signed_by, head);
    if (err)
        return err;
    if (!iu_city_equal(&head->city, &batch->city) || head->log != batch->log)
        return IU_PEER_MALFORMED;
    return IU_OK;
}

/* Adds every entry to out->frontier. */
static enum iu_err add_items(const struct iu_batch *batch, iu_node_sink sink, void *with,
                             struct iu_folded *out)
{
    struct iu_items items = iu_items_of(batch->items);
    struct iu_item item;
    struct iu_hash leaf;
    while (iu_items_next(&items, &item)) {
        if (out->count == IU_BATCH_ENTRIES_MAX)
            return IU_PEER_OVER_LIMIT;
        if (out->end >= out->head.size)
            return IU_PEER_MALFORMED;
        enum iu_err err = iu_item_leaf(&batch->city, batch->log, out->end, &item, &leaf);
        if (err)
            return err;
        iu_frontier_add_with(&out->frontier, &leaf, sink, with);
        out->end++;
        out->count++;
        out->full_count += iu_item_form(&item) == IU_FORM_FULL;
        out->bytes += item.header.len + item.salt.len + item.body.len;
    }
    return items.failed || !out->count ? IU_PEER_MALFORMED : IU_OK;
}

static enum iu_err add_leaves(const struct iu_batch *batch, iu_node_sink sink, void *with,
                              struct iu_folded *out)
{
    const struct iu_leaves *leaves = batch->leaves;
    if (leaves->count > out->head.size - out->end)
        return IU_PEER_MALFORMED;
    for (uint64_t i = 0; i < leaves->count; i++)
        iu_frontier_add_with(&out->frontier, &leaves->at[i], sink, with);
    out->end += leaves->count;
    out->count = leaves->count;
    out->full_count = leaves->full_count;
    out->bytes = leaves->bytes;
    return IU_OK;
}

enum iu_err iu_batch_leaves(const struct iu_batch *batch, struct iu_leaves *out)
{
    struct iu_items items = iu_items_of(batch->items);
    struct iu_item item;
    enum iu_err err = IU_OK;
    size_t most = batch->items.len / 2 + 1; /* an item takes two bytes at least */
    most = most < IU_BATCH_ENTRIES_MAX ? most : IU_BATCH_ENTRIES_MAX;
    *out = (struct iu_leaves){.at = malloc(most * sizeof *out->at)};
    iu_must(out->at != NULL);
    while (!err && iu_items_next(&items, &item)) {
        if (out->count == IU_BATCH_ENTRIES_MAX) {
            err = IU_PEER_OVER_LIMIT;
            break;
        }
        err = iu_item_leaf(&batch->city, batch->log, batch->first + out->count, &item, &out->at[out->count]);
        out->count++;
        out->full_count += iu_item_form(&item) == IU_FORM_FULL;
        out->bytes += item.header.len + item.salt.len + item.body.len;
    }
    if (!err && (items.failed || !out->count))
        err = IU_PEER_MALFORMED;
    if (err)
        iu_leaves_fini(out);
    return err;
}

void iu_leaves_fini(struct iu_leaves *leaves)
{
    free(leaves->at);
    *leaves = (struct iu_leaves){0};
}

enum iu_err iu_batch_fold(const struct iu_batch *batch, const struct iu_frontier *at,
                          const struct iu_chain *chain, struct iu_bytes verified_head, iu_node_sink sink,
                          void *with, struct iu_folded *out)
{
    struct iu_hash right[IU_RIGHT_MAX], root;
    iu_must(batch->first == at->size);
    *out = (struct iu_folded){.end = batch->first, .frontier = *at};
    enum iu_err err = check_head(batch, chain, verified_head, &out->head);
    if (!err)
        err = batch->leaves ? add_leaves(batch, sink, with, out) : add_items(batch, sink, with, out);
    if (err)
        return err;
    if (batch->right.len)
        memcpy(right, batch->right.data, batch->right.len);
    err = iu_fold(&out->frontier, out->head.size, right, batch->right.len / IU_HASH_LEN, &root);
    if (err)
        return err;
    return iu_hash_equal(&root, &out->head.root) ? IU_OK : IU_PEER_MISMATCH;
}

enum iu_err iu_batch_fill(const struct iu_batch *batch, iu_node_source source, void *with, uint64_t *count)
{
    struct iu_items items = iu_items_of(batch->items);
    struct iu_item item;
    struct iu_hash leaf, held;
    uint64_t n = 0;
    *count = 0;
    if (batch->right.len || batch->head.len || batch->first > IU_SIZE_MAX - IU_BATCH_ENTRIES_MAX)
        return IU_PEER_MALFORMED;
    if (batch->items.len > IU_BATCH_BYTES_MAX)
        return IU_PEER_OVER_LIMIT;
    for (; iu_items_next(&items, &item); n++) {
        if (n == IU_BATCH_ENTRIES_MAX)
            return IU_PEER_OVER_LIMIT;
        if (item.has_hash)
            return IU_PEER_MALFORMED;
        enum iu_err err = iu_item_leaf(&batch->city, batch->log, batch->first + n, &item, &leaf);
        if (!err)
            err = source(with, 0, batch->first + n, &held);
        if (err)
            return err;
        if (!iu_hash_equal(&leaf, &held))
            return IU_PEER_MISMATCH;
    }
    if (items.failed || !n)
        return IU_PEER_MALFORMED;
    *count = n;
    return IU_OK;
}
