/* SPDX-License-Identifier: Apache-2.0 */
#include "log/attach.h"

#include "sign/hash.h"

#include <string.h>

uint64_t iu_chunk_count(uint64_t size)
{
    return size / IU_CHUNK_LEN + (size % IU_CHUNK_LEN != 0);
}

size_t iu_chunk_len(uint64_t size, uint64_t index)
{
    iu_must(index < iu_chunk_count(size));
    uint64_t left = size - index * IU_CHUNK_LEN;
    return left < IU_CHUNK_LEN ? (size_t)left : IU_CHUNK_LEN;
}

/* How many whole chunks of the attachment `len` bytes from chunk `from` on are; 0 if they end inside one. */
static uint64_t whole_chunks(uint64_t size, uint64_t from, size_t len)
{
    uint64_t left = size - from * IU_CHUNK_LEN;
    if (len > left || (len % IU_CHUNK_LEN && len != left))
        return 0;
    return iu_chunk_count(len);
}

/* Adds the chunks to the frontier at `from`; keeps their leaf hashes if asked to. */
static void add_chunks(struct iu_bytes data, struct iu_frontier *f, struct iu_hash *leaves)
{
    for (size_t at = 0, i = 0; at < data.len; i++) {
        size_t len = data.len - at < IU_CHUNK_LEN ? data.len - at : IU_CHUNK_LEN;
        struct iu_hash leaf;
        iu_leaf_hash(iu_bytes_of(data.data + at, len), iu_bytes_of(NULL, 0), &leaf);
        iu_frontier_add(f, &leaf);
        if (leaves)
            leaves[i] = leaf;
        at += len;
    }
}

enum iu_err iu_chunks_check(uint64_t size, const struct iu_hash *root, uint64_t from, struct iu_bytes data,
                            struct iu_bytes left, struct iu_bytes right, struct iu_hash *leaves,
                            size_t leaves_max, size_t *n)
{
    struct iu_frontier f;
    struct iu_hash cover[IU_RIGHT_MAX], found;
    uint64_t total = iu_chunk_count(size);
    if (size > IU_ATTACHMENT_MAX)
        return IU_PEER_OVER_LIMIT;
    if (from >= total || !data.len || right.len % IU_HASH_LEN)
        return IU_PEER_MALFORMED;
    uint64_t count = whole_chunks(size, from, data.len);
    if (!count)
        return IU_PEER_MALFORMED;
    if ((leaves && count > leaves_max) || right.len > sizeof cover)
        return IU_PEER_OVER_LIMIT;
    enum iu_err err = iu_frontier_get(from, left, &f);
    if (err)
        return err;
    add_chunks(data, &f, leaves);
    if (right.len)
        memcpy(cover, right.data, right.len);
    err = iu_fold(&f, total, cover, right.len / IU_HASH_LEN, &found);
    if (err)
        return err;
    if (!iu_hash_equal(&found, root))
        return IU_PEER_MISMATCH;
    *n = (size_t)count;
    return IU_OK;
}
