/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/merkle.c against the definitions of RFC 6962 §2.1, written down once more as plain recursion, and
 * against public vectors. */
#include "log/merkle.h"
#include "sign/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZES 130

/* --- the model: RFC 6962 as it is written --- */

static struct iu_hash leaves[SIZES + 1];

static void make_leaves(void)
{
    for (uint64_t i = 0; i <= SIZES; i++) {
        uint8_t data[8];
        iu_store_u64(data, i);
        iu_leaf_hash(iu_bytes_of(data, sizeof data), iu_bytes_of(NULL, 0), &leaves[i]);
    }
}

static uint64_t k_of(uint64_t n)
{
    uint64_t k = 1;
    while (k * 2 < n)
        k *= 2;
    return k;
}

static void mth(uint64_t lo, uint64_t n, struct iu_hash *out)
{
    if (n == 0) {
        iu_sha256(iu_bytes_of(NULL, 0), out);
    } else if (n == 1) {
        *out = leaves[lo];
    } else {
        struct iu_hash left, right;
        mth(lo, k_of(n), &left);
        mth(lo + k_of(n), n - k_of(n), &right);
        iu_node_hash(&left, &right, out);
    }
}

struct proof {
    struct iu_hash at[IU_PROOF_MAX];
    size_t count;
};

static void path(uint64_t m, uint64_t lo, uint64_t n, struct proof *out)
{
    if (n == 1)
        return;
    uint64_t k = k_of(n);
    if (m < k) {
        path(m, lo, k, out);
        mth(lo + k, n - k, &out->at[out->count++]);
    } else {
        path(m - k, lo + k, n - k, out);
        mth(lo, k, &out->at[out->count++]);
    }
}

static void subproof(uint64_t m, uint64_t lo, uint64_t n, bool whole, struct proof *out)
{
    if (m == n) {
        if (!whole)
            mth(lo, n, &out->at[out->count++]);
        return;
    }
    uint64_t k = k_of(n);
    if (m <= k) {
        subproof(m, lo, k, whole, out);
        mth(lo + k, n - k, &out->at[out->count++]);
    } else {
        subproof(m - k, lo + k, n - k, false, out);
        mth(lo, k, &out->at[out->count++]);
    }
}

/* A tree of `size` leaves as a source: any node that is not complete in it must never be asked for. */
static enum iu_err model_node(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    const uint64_t *size = with;
    uint64_t width = (uint64_t)1 << level;
    assert_true((index + 1) * width <= *size);
    mth(index * width, width, out);
    return IU_OK;
}

static enum iu_err broken_node(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    int *left = with;
    (void)level;
    (void)index;
    memset(out, 0, sizeof *out);
    return (*left)-- > 0 ? IU_OK : IU_HERE_CORRUPT;
}

static void assert_hash(const struct iu_hash *a, const struct iu_hash *b)
{
    assert_memory_equal(a->b, b->b, IU_HASH_LEN);
}

static void assert_proof(const struct iu_hash *found, size_t count, const struct proof *want)
{
    assert_int_equal(count, want->count);
    if (count)
        assert_memory_equal(found, want->at, count * sizeof *found);
}

static void frontier_of(uint64_t size, struct iu_frontier *f)
{
    iu_frontier_init(f);
    for (uint64_t i = 0; i < size; i++)
        iu_frontier_add(f, &leaves[i]);
}

/* --- roots and frontiers --- */

static void known_roots_of_rfc6962_come_out(void **state)
{
    static const char *const want[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    };
    static const uint8_t zero[] = {0};
    struct iu_frontier f;
    struct iu_hash leaf, root;
    char hex[2 * IU_HASH_LEN + 1];
    (void)state;
    iu_frontier_init(&f);
    for (size_t i = 0; i < 3; i++) { /* leaves: nothing, and one zero byte */
        iu_frontier_root(&f, &root);
        iu_hex(hex, iu_bytes_of(root.b, IU_HASH_LEN));
        assert_string_equal(hex, want[i]);
        iu_leaf_hash(iu_bytes_of(zero, i & 1), iu_bytes_of(NULL, 0), &leaf);
        iu_frontier_add(&f, &leaf);
    }
}

static void frontier_root_is_the_models_at_every_size(void **state)
{
    struct iu_frontier f;
    struct iu_hash want, root, read;
    (void)state;
    for (uint64_t n = 0; n <= SIZES; n++) {
        frontier_of(n, &f);
        mth(0, n, &want);
        iu_frontier_root(&f, &root);
        assert_hash(&root, &want);
        assert_int_equal(iu_tree_root(model_node, &n, n, &read), IU_OK);
        assert_hash(&read, &want);
        assert_int_equal(f.size, n);
        assert_int_equal(f.count, __builtin_popcountll(n));
    }
}

static void frontier_read_from_a_tree_is_the_one_that_grew(void **state)
{
    struct iu_frontier grown, read, back;
    (void)state;
    for (uint64_t n = 0; n <= SIZES; n++) {
        struct iu_buf bytes = IU_BUF_INIT;
        frontier_of(n, &grown);
        assert_int_equal(iu_tree_frontier(model_node, &n, n, &read), IU_OK);
        assert_int_equal(read.count, grown.count);
        assert_memory_equal(read.nodes, grown.nodes, grown.count * sizeof grown.nodes[0]);
        iu_frontier_put(&grown, &bytes);
        assert_int_equal(iu_frontier_get(n, iu_buf_view(&bytes), &back), IU_OK);
        assert_int_equal(back.size, n);
        assert_memory_equal(back.nodes, grown.nodes, grown.count * sizeof grown.nodes[0]);
        iu_buf_put_u8(&bytes, 0);
        assert_int_equal(iu_frontier_get(n, iu_buf_view(&bytes), &back), IU_PEER_MALFORMED);
        iu_buf_fini(&bytes);
    }
    assert_int_equal(iu_frontier_get((uint64_t)1 << 63, iu_bytes_of(leaves, IU_HASH_LEN), &back),
                     IU_PEER_MALFORMED);
}

struct seen {
    uint64_t size;
    uint64_t count;
};

static void see(void *with, uint32_t level, uint64_t index, const struct iu_hash *node)
{
    struct seen *seen = with;
    struct iu_hash want;
    uint64_t width = (uint64_t)1 << level;
    assert_true((index + 1) * width == seen->size); /* complete by the leaf that is being added */
    mth(index * width, width, &want);
    assert_hash(node, &want);
    seen->count++;
}

static void sink_is_told_each_complete_node_once(void **state)
{
    struct iu_frontier f;
    struct seen seen = {0, 0};
    uint64_t complete = 0;
    (void)state;
    iu_frontier_init(&f);
    for (uint64_t i = 0; i < SIZES; i++) {
        seen.size = i + 1;
        iu_frontier_add_with(&f, &leaves[i], see, &seen);
    }
    for (uint64_t width = 1; width <= SIZES; width *= 2)
        complete += SIZES / width;
    assert_int_equal(seen.count, complete);
}

/* --- right edge --- */

static void right_cover_follows_its_rule_exactly(void **state)
{
    uint64_t first[IU_RIGHT_MAX];
    uint32_t level[IU_RIGHT_MAX];
    (void)state;
    for (uint64_t n = 0; n <= SIZES; n++) {
        for (uint64_t b = 0; b <= n; b++) {
            uint64_t p = b;
            size_t count = iu_right_cover(b, n, first, level);
            for (size_t i = 0; i < count; i++) {
                uint64_t width = 1; /* the largest power of two that divides p and stays inside */
                while (p % (2 * width) == 0 && p + 2 * width <= n)
                    width *= 2;
                assert_int_equal(first[i], p);
                assert_int_equal((uint64_t)1 << level[i], width);
                p += width;
            }
            assert_int_equal(p, n);
        }
    }
}

static void right_cover_of_the_largest_log_has_124_hashes(void **state)
{
    (void)state;
    assert_int_equal(iu_right_cover(1, IU_SIZE_MAX, NULL, NULL), IU_RIGHT_MAX);
    assert_int_equal(iu_right_cover(0, IU_SIZE_MAX, NULL, NULL), 63);
    assert_int_equal(iu_right_cover(IU_SIZE_MAX, IU_SIZE_MAX, NULL, NULL), 0);
}

static void fold_of_frontier_and_right_edge_is_the_root(void **state)
{
    struct iu_hash right[IU_RIGHT_MAX + 1], want, root;
    struct iu_frontier f;
    size_t count;
    (void)state;
    for (uint64_t n = 1; n <= SIZES; n++) {
        mth(0, n, &want);
        for (uint64_t b = 0; b <= n; b++) {
            frontier_of(b, &f);
            assert_int_equal(iu_tree_right(model_node, &n, b, n, right, &count), IU_OK);
            assert_int_equal(iu_fold(&f, n, right, count, &root), IU_OK);
            assert_hash(&root, &want);
            right[count] = leaves[0];
            assert_int_equal(iu_fold(&f, n, right, count + 1, &root), IU_PEER_MISMATCH);
            if (count)
                assert_int_equal(iu_fold(&f, n, right, count - 1, &root), IU_PEER_MISMATCH);
        }
        assert_int_equal(iu_fold(&f, n - 1, right, 0, &root), IU_PEER_MISMATCH);
    }
}

/* --- proofs --- */

static void inclusion_proofs_are_the_models_and_verify(void **state)
{
    struct iu_hash proof[IU_PROOF_MAX], root;
    size_t count;
    (void)state;
    for (uint64_t n = 1; n <= SIZES; n++) {
        mth(0, n, &root);
        for (uint64_t m = 0; m < n; m++) {
            struct proof want = {.count = 0};
            path(m, 0, n, &want);
            assert_int_equal(iu_prove_inclusion(model_node, &n, m, n, proof, &count), IU_OK);
            assert_proof(proof, count, &want);
            assert_int_equal(iu_check_inclusion(m, n, &leaves[m], proof, count, &root), IU_OK);
            assert_int_equal(iu_check_inclusion(m, n, &leaves[n], proof, count, &root), IU_PEER_MISMATCH);
        }
        assert_int_equal(iu_check_inclusion(n, n, &leaves[0], proof, count, &root), IU_PEER_MISMATCH);
    }
}

static void consistency_proofs_are_the_models_and_verify(void **state)
{
    struct iu_hash proof[IU_PROOF_MAX], old, new;
    size_t count;
    (void)state;
    for (uint64_t n = 1; n <= SIZES; n++) {
        mth(0, n, &new);
        for (uint64_t m = 1; m <= n; m++) {
            struct proof want = {.count = 0};
            subproof(m, 0, n, true, &want);
            assert_int_equal(iu_prove_consistency(model_node, &n, m, n, proof, &count), IU_OK);
            assert_proof(proof, count, &want);
            mth(0, m, &old);
            assert_int_equal(iu_check_consistency(m, n, &old, &new, proof, count), IU_OK);
            assert_int_equal(iu_check_consistency(m, n, &leaves[n], &new, proof, count), IU_PEER_MISMATCH);
            assert_int_equal(iu_check_consistency(m, n, &old, &leaves[n], proof, count), IU_PEER_MISMATCH);
        }
    }
}

/* Every other proof of the same numbers: a hash changed, dropped, added, or two exchanged. */
static void assert_only_this_proof(bool inclusion, uint64_t m, uint64_t n, const struct iu_hash *a,
                                   const struct iu_hash *b, const struct proof *good)
{
    struct proof bad;
#define CHECK(p)                                                                                             \
    (inclusion ? iu_check_inclusion(m, n, a, (p)->at, (p)->count, b)                                         \
               : iu_check_consistency(m, n, a, b, (p)->at, (p)->count))
    assert_int_equal(CHECK(good), IU_OK);
    for (size_t i = 0; i < good->count; i++) {
        bad = *good;
        bad.at[i].b[i] ^= 1;
        assert_int_equal(CHECK(&bad), IU_PEER_MISMATCH);
        bad = *good;
        memmove(&bad.at[i], &bad.at[i + 1], (good->count - i - 1) * sizeof bad.at[0]);
        bad.count--;
        assert_int_equal(CHECK(&bad), IU_PEER_MISMATCH);
    }
    for (size_t i = 0; i <= good->count; i++) {
        bad = *good;
        memmove(&bad.at[i + 1], &bad.at[i], (good->count - i) * sizeof bad.at[0]);
        bad.at[i] = leaves[SIZES];
        bad.count++;
        assert_int_equal(CHECK(&bad), IU_PEER_MISMATCH);
    }
    for (size_t i = 0; i + 1 < good->count; i++) {
        bad = *good;
        bad.at[i] = good->at[i + 1];
        bad.at[i + 1] = good->at[i];
        assert_int_equal(CHECK(&bad), IU_PEER_MISMATCH);
    }
#undef CHECK
}

static void changed_proofs_are_refused(void **state)
{
    struct iu_hash root, old;
    (void)state;
    for (uint64_t n = 1; n <= 40; n++) {
        mth(0, n, &root);
        for (uint64_t m = 1; m <= n; m++) {
            struct proof good = {.count = 0};
            path(m - 1, 0, n, &good);
            assert_only_this_proof(true, m - 1, n, &leaves[m - 1], &root, &good);
            good.count = 0;
            mth(0, m, &old);
            subproof(m, 0, n, true, &good);
            assert_only_this_proof(false, m, n, &old, &root, &good);
        }
    }
}

static void proof_for_other_sizes_is_refused(void **state)
{
    struct iu_hash root, old;
    (void)state;
    for (uint64_t n = 2; n <= 40; n++) {
        mth(0, n, &root);
        for (uint64_t m = 1; m < n; m++) {
            struct proof good = {.count = 0};
            mth(0, m, &old);
            subproof(m, 0, n, true, &good);
            for (uint64_t other = 0; other <= n + 1; other++) {
                enum iu_err want = other == m ? IU_OK : IU_PEER_MISMATCH;
                assert_int_equal(iu_check_consistency(other, n, &old, &root, good.at, good.count), want);
            }
        }
    }
}

static void proof_from_a_power_of_two_leaves_the_old_root_out(void **state)
{
    struct iu_hash proof[IU_PROOF_MAX], old, new;
    size_t count;
    uint64_t n = 100;
    (void)state;
    mth(0, n, &new);
    for (uint64_t m = 1; m <= 64; m *= 2) {
        mth(0, m, &old);
        assert_int_equal(iu_prove_consistency(model_node, &n, m, n, proof, &count), IU_OK);
        assert_int_equal(iu_check_consistency(m, n, &old, &new, proof, count), IU_OK);
        for (size_t i = 0; i < count; i++)
            assert_false(iu_hash_equal(&proof[i], &old));
        memmove(&proof[1], &proof[0], count * sizeof proof[0]);
        proof[0] = old; /* the other way to write the same proof */
        assert_int_equal(iu_check_consistency(m, n, &old, &new, proof, count + 1), IU_PEER_MISMATCH);
    }
}

/* Roots that were made for them: more levels than the size has, or fewer hashes than the proof needs. */
static void proof_longer_or_shorter_than_the_size_is_refused(void **state)
{
    struct iu_hash taller, pair;
    (void)state;
    assert_int_equal(iu_check_inclusion(0, 1, &leaves[0], NULL, 0, &leaves[0]), IU_OK);
    iu_node_hash(&leaves[1], &leaves[0], &taller);
    assert_int_equal(iu_check_inclusion(0, 1, &leaves[0], &leaves[1], 1, &taller), IU_PEER_MISMATCH);
    iu_node_hash(&leaves[0], &leaves[1], &pair);
    assert_int_equal(iu_check_inclusion(0, 2, &leaves[0], &leaves[1], 1, &pair), IU_OK);
    iu_node_hash(&leaves[2], &pair, &taller);
    struct iu_hash both[] = {leaves[1], leaves[2]};
    assert_int_equal(iu_check_inclusion(0, 2, &leaves[0], both, 2, &taller), IU_PEER_MISMATCH);
    for (uint64_t first = 1; first < 10; first++)
        assert_int_equal(iu_check_consistency(first, 10, &leaves[0], &leaves[0], NULL, 0), IU_PEER_MISMATCH);
}

static void size_zero_proves_nothing(void **state)
{
    struct iu_hash empty, root;
    (void)state;
    mth(0, 0, &empty);
    mth(0, 5, &root);
    assert_int_equal(iu_check_consistency(0, 5, &empty, &root, NULL, 0), IU_PEER_MISMATCH);
    assert_int_equal(iu_check_consistency(0, 0, &empty, &empty, NULL, 0), IU_PEER_MISMATCH);
    assert_int_equal(iu_check_consistency(5, 5, &root, &root, NULL, 0), IU_OK);
    assert_int_equal(iu_check_inclusion(0, 0, &empty, NULL, 0, &empty), IU_PEER_MISMATCH);
}

static void sizes_beyond_two_to_the_63_are_refused(void **state)
{
    uint64_t big = (uint64_t)1 << 63;
    (void)state;
    assert_int_equal(iu_check_inclusion(0, big, &leaves[0], leaves, 63, &leaves[1]), IU_PEER_MISMATCH);
    assert_int_equal(iu_check_consistency(big, big, &leaves[0], &leaves[0], NULL, 0), IU_PEER_MISMATCH);
    assert_int_equal(iu_check_consistency(1, UINT64_MAX, &leaves[0], &leaves[0], leaves, 64),
                     IU_PEER_MISMATCH);
}

static void error_of_a_source_is_passed_on(void **state)
{
    struct iu_hash out[IU_PROOF_MAX];
    struct iu_frontier f;
    size_t count;
    (void)state;
    for (int good = 0; good < 3; good++) {
        int left[] = {good, good, good, good, good};
        assert_int_equal(iu_prove_inclusion(broken_node, &left[0], 5, 100, out, &count), IU_HERE_CORRUPT);
        assert_int_equal(iu_prove_consistency(broken_node, &left[1], 5, 100, out, &count), IU_HERE_CORRUPT);
        assert_int_equal(iu_tree_right(broken_node, &left[2], 5, 100, out, &count), IU_HERE_CORRUPT);
        assert_int_equal(iu_tree_root(broken_node, &left[3], 100, out), IU_HERE_CORRUPT);
        assert_int_equal(iu_tree_frontier(broken_node, &left[4], 100, &f), IU_HERE_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_roots_of_rfc6962_come_out),
        cmocka_unit_test(frontier_root_is_the_models_at_every_size),
        cmocka_unit_test(frontier_read_from_a_tree_is_the_one_that_grew),
        cmocka_unit_test(sink_is_told_each_complete_node_once),
        cmocka_unit_test(right_cover_follows_its_rule_exactly),
        cmocka_unit_test(right_cover_of_the_largest_log_has_124_hashes),
        cmocka_unit_test(fold_of_frontier_and_right_edge_is_the_root),
        cmocka_unit_test(inclusion_proofs_are_the_models_and_verify),
        cmocka_unit_test(consistency_proofs_are_the_models_and_verify),
        cmocka_unit_test(changed_proofs_are_refused),
        cmocka_unit_test(proof_for_other_sizes_is_refused),
        cmocka_unit_test(proof_from_a_power_of_two_leaves_the_old_root_out),
        cmocka_unit_test(proof_longer_or_shorter_than_the_size_is_refused),
        cmocka_unit_test(size_zero_proves_nothing),
        cmocka_unit_test(sizes_beyond_two_to_the_63_are_refused),
        cmocka_unit_test(error_of_a_source_is_passed_on),
    };
    make_leaves();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
