/* SPDX-License-Identifier: Apache-2.0 */
#include "log/merkle.h"

#include "sign/hash.h"

#include <string.h>

/* --- frontier --- */

void iu_frontier_init(struct iu_frontier *f)
{
    f->size = 0;
    f->count = 0;
}

/* Adds the perfect subtree of 2^level leaves that begins at f->size, which 2^level divides. */
static void add_subtree(struct iu_frontier *f, uint32_t level, const struct iu_hash *node, iu_node_sink sink,
                        void *with)
{
    struct iu_hash at = *node;
    uint64_t index = f->size >> level;
    uint32_t up = level;
    iu_must(f->size <= IU_SIZE_MAX - ((uint64_t)1 << level));
    if (sink)
        sink(with, up, index, &at);
    while (index & 1) {
        iu_node_hash(&f->nodes[--f->count], &at, &at);
        index >>= 1;
        up++;
        if (sink)
            sink(with, up, index, &at);
    }
    f->nodes[f->count++] = at;
    f->size += (uint64_t)1 << level;
}

void iu_frontier_add(struct iu_frontier *f, const struct iu_hash *leaf)
{
    add_subtree(f, 0, leaf, NULL, NULL);
}

void iu_frontier_add_with(struct iu_frontier *f, const struct iu_hash *leaf, iu_node_sink sink, void *with)
{
    add_subtree(f, 0, leaf, sink, with);
}

/* Merges nodes from the last to the first: each is the whole right side of the one before it. */
static void merge_up(const struct iu_hash *nodes, uint32_t count, struct iu_hash *out)
{
    if (!count) {
        iu_sha256(iu_bytes_of(NULL, 0), out);
        return;
    }
    *out = nodes[count - 1];
    for (uint32_t i = count - 1; i > 0; i--)
        iu_node_hash(&nodes[i - 1], out, out);
}

void iu_frontier_root(const struct iu_frontier *f, struct iu_hash *out)
{
    merge_up(f->nodes, f->count, out);
}

void iu_frontier_put(const struct iu_frontier *f, struct iu_buf *out)
{
    iu_buf_put(out, f->nodes, f->count * sizeof f->nodes[0]);
}

static uint32_t ones(uint64_t v)
{
    return (uint32_t)__builtin_popcountll(v);
}

enum iu_err iu_frontier_get(uint64_t size, struct iu_bytes nodes, struct iu_frontier *out)
{
    if (size > IU_SIZE_MAX || nodes.len != ones(size) * sizeof(struct iu_hash))
        return IU_PEER_MALFORMED;
    out->size = size;
    out->count = ones(size);
    if (nodes.len)
        memcpy(out->nodes, nodes.data, nodes.len);
    return IU_OK;
}

/* --- the right edge --- */

/* The level of the largest perfect subtree that may begin at p and ends at or before n. */
static uint32_t cover_level(uint64_t p, uint64_t n)
{
    uint32_t fits = 63 - (uint32_t)__builtin_clzll(n - p);
    uint32_t divides = p ? (uint32_t)__builtin_ctzll(p) : 63;
    return fits < divides ? fits : divides;
}

size_t iu_right_cover(uint64_t b, uint64_t n, uint64_t *first, uint32_t *level)
{
    size_t count = 0;
    iu_must(b <= n);
    iu_must(n <= IU_SIZE_MAX);
    for (uint64_t p = b; p < n; count++) {
        uint32_t k = cover_level(p, n);
        if (first)
            first[count] = p;
        if (level)
            level[count] = k;
        p += (uint64_t)1 << k;
    }
    return count;
}

enum iu_err iu_fold(const struct iu_frontier *at_b, uint64_t n, const struct iu_hash *right, size_t count,
                    struct iu_hash *root)
{
    struct iu_frontier f = *at_b;
    if (n < f.size || n > IU_SIZE_MAX)
        return IU_PEER_MISMATCH;
    for (size_t i = 0; i < count; i++) {
        if (f.size == n)
            return IU_PEER_MISMATCH;
        add_subtree(&f, cover_level(f.size, n), &right[i], NULL, NULL);
    }
    if (f.size != n)
        return IU_PEER_MISMATCH;
    iu_frontier_root(&f, root);
    return IU_OK;
}

/* --- reading a tree --- */

/* Reads the perfect subtrees that cover [lo, hi) from the largest to the smallest; lo is a multiple of the
 * least power of two that is not below hi - lo. */
static enum iu_err read_nodes(iu_node_source source, void *with, uint64_t lo, uint64_t hi,
                              struct iu_frontier *out)
{
    out->size = hi - lo;
    out->count = 0;
    for (uint64_t p = lo; p < hi;) {
        uint32_t k = 63 - (uint32_t)__builtin_clzll(hi - p);
        enum iu_err err = source(with, k, p >> k, &out->nodes[out->count]);
        if (err)
            return err;
        out->count++;
        p += (uint64_t)1 << k;
    }
    return IU_OK;
}

static enum iu_err range_root(iu_node_source source, void *with, uint64_t lo, uint64_t hi,
                              struct iu_hash *out)
{
    struct iu_frontier f;
    enum iu_err err = read_nodes(source, with, lo, hi, &f);
    if (err)
        return err;
    iu_frontier_root(&f, out);
    return IU_OK;
}

enum iu_err iu_tree_root(iu_node_source source, void *with, uint64_t size, struct iu_hash *out)
{
    iu_must(size <= IU_SIZE_MAX);
    return range_root(source, with, 0, size, out);
}

enum iu_err iu_tree_frontier(iu_node_source source, void *with, uint64_t size, struct iu_frontier *out)
{
    iu_must(size <= IU_SIZE_MAX);
    return read_nodes(source, with, 0, size, out);
}

enum iu_err iu_tree_right(iu_node_source source, void *with, uint64_t b, uint64_t n, struct iu_hash *out,
                          size_t *count)
{
    uint64_t first[IU_RIGHT_MAX];
    uint32_t level[IU_RIGHT_MAX];
    *count = iu_right_cover(b, n, first, level);
    for (size_t i = 0; i < *count; i++) {
        enum iu_err err = source(with, level[i], first[i] >> level[i], &out[i]);
        if (err)
            return err;
    }
    return IU_OK;
}

/* --- proofs --- */

/* The largest power of two below n, n > 1: where RFC 6962 §2.1 splits a tree. */
static uint64_t split(uint64_t n)
{
    return (uint64_t)1 << (63 - (uint32_t)__builtin_clzll(n - 1));
}

/* Proofs are made from the root down and stand from the leaf up. */
static void reverse(struct iu_hash *hashes, size_t count)
{
    for (size_t i = 0, j = count; i + 1 < j; i++) {
        struct iu_hash swap = hashes[i];
        hashes[i] = hashes[--j];
        hashes[j] = swap;
    }
}

enum iu_err iu_prove_inclusion(iu_node_source source, void *with, uint64_t index, uint64_t size,
                               struct iu_hash *out, size_t *count)
{
    uint64_t lo = 0, hi = size;
    size_t n = 0;
    iu_must(index < size);
    iu_must(size <= IU_SIZE_MAX);
    while (hi - lo > 1) {
        uint64_t middle = lo + split(hi - lo);
        bool left = index < middle;
        enum iu_err err = left ? range_root(source, with, middle, hi, &out[n])
                               : range_root(source, with, lo, middle, &out[n]);
        if (err)
            return err;
        n++;
        if (left)
            hi = middle;
        else
            lo = middle;
    }
    reverse(out, n);
    *count = n;
    return IU_OK;
}

enum iu_err iu_prove_consistency(iu_node_source source, void *with, uint64_t first, uint64_t second,
                                 struct iu_hash *out, size_t *count)
{
    uint64_t lo = 0, hi = second;
    size_t n = 0;
    enum iu_err err;
    iu_must(first > 0);
    iu_must(first <= second);
    iu_must(second <= IU_SIZE_MAX);
    while (hi != first) {
        uint64_t middle = lo + split(hi - lo);
        bool left = first <= middle;
        err = left ? range_root(source, with, middle, hi, &out[n])
                   : range_root(source, with, lo, middle, &out[n]);
        if (err)
            return err;
        n++;
        if (left)
            hi = middle;
        else
            lo = middle;
    }
    if (lo > 0) { /* else the whole old tree stands on the left: the verifier knows its root */
        err = range_root(source, with, lo, hi, &out[n]);
        if (err)
            return err;
        n++;
    }
    reverse(out, n);
    *count = n;
    return IU_OK;
}

/* --- verifiers: RFC 9162 §2.1.3.2 and §2.1.4.2, whose trees are those of RFC 6962 --- */

enum iu_err iu_check_inclusion(uint64_t index, uint64_t size, const struct iu_hash *leaf,
                               const struct iu_hash *proof, size_t count, const struct iu_hash *root)
{
    if (index >= size || size > IU_SIZE_MAX)
        return IU_PEER_MISMATCH;
    uint64_t fn = index, sn = size - 1;
    struct iu_hash at = *leaf;
    for (size_t i = 0; i < count; i++) {
        if (!sn)
            return IU_PEER_MISMATCH;
        if ((fn & 1) || fn == sn) {
            iu_node_hash(&proof[i], &at, &at);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            iu_node_hash(&at, &proof[i], &at);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return !sn && iu_hash_equal(&at, root) ? IU_OK : IU_PEER_MISMATCH;
}

/* Climbs both trees at once from `at`, the largest common subtree that ends at the old tree's end. */
static bool climb(uint64_t fn, uint64_t sn, const struct iu_hash *at, const struct iu_hash *proof,
                  size_t count, struct iu_hash roots[2])
{
    roots[0] = *at;
    roots[1] = *at;
    for (size_t i = 0; i < count; i++) {
        if (!sn)
            return false;
        if ((fn & 1) || fn == sn) {
            iu_node_hash(&proof[i], &roots[0], &roots[0]);
            iu_node_hash(&proof[i], &roots[1], &roots[1]);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            iu_node_hash(&roots[1], &proof[i], &roots[1]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return !sn;
}

enum iu_err iu_check_consistency(uint64_t first, uint64_t second, const struct iu_hash *first_root,
                                 const struct iu_hash *second_root, const struct iu_hash *proof, size_t count)
{
    if (!first || first > second || second > IU_SIZE_MAX)
        return IU_PEER_MISMATCH;
    if (first == second)
        return !count && iu_hash_equal(first_root, second_root) ? IU_OK : IU_PEER_MISMATCH;
    if (!count)
        return IU_PEER_MISMATCH;
    bool whole = (first & (first - 1)) == 0; /* a power of two: the proof begins at the old root itself */
    uint64_t fn = first - 1, sn = second - 1;
    while (fn & 1) {
        fn >>= 1;
        sn >>= 1;
    }
    struct iu_hash roots[2];
    bool led = whole ? climb(fn, sn, first_root, proof, count, roots)
                     : climb(fn, sn, &proof[0], proof + 1, count - 1, roots);
    return led && iu_hash_equal(&roots[0], first_root) && iu_hash_equal(&roots[1], second_root)
               ? IU_OK
               : IU_PEER_MISMATCH;
}
