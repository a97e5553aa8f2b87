/* SPDX-License-Identifier: Apache-2.0 */
#include "log/attach.h"
#include "sign/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHUNKS 7
#define SIZE ((uint64_t)(CHUNKS - 1) * IU_CHUNK_LEN + 100)

static uint8_t *content;
static struct iu_hash leaves[CHUNKS], root;

static struct iu_bytes chunks(uint64_t from, uint64_t to)
{
    uint64_t end = to * IU_CHUNK_LEN < SIZE ? to * IU_CHUNK_LEN : SIZE;
    return iu_bytes_of(content + from * IU_CHUNK_LEN, (size_t)(end - from * IU_CHUNK_LEN));
}

static enum iu_err node(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    struct iu_frontier f;
    (void)with;
    iu_frontier_init(&f);
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        iu_frontier_add(&f, &leaves[i]);
    *out = f.nodes[0];
    return IU_OK;
}

static int make_content(void **state)
{
    struct iu_frontier f;
    (void)state;
    content = malloc(SIZE);
    assert_non_null(content);
    for (uint64_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 7 + i / 251);
    iu_frontier_init(&f);
    for (uint64_t i = 0; i < CHUNKS; i++) {
        iu_leaf_hash(chunks(i, i + 1), iu_bytes_of(NULL, 0), &leaves[i]);
        iu_frontier_add(&f, &leaves[i]);
    }
    iu_frontier_root(&f, &root);
    return 0;
}

static int free_content(void **state)
{
    (void)state;
    free(content);
    return 0;
}

struct asked {
    struct iu_buf left, right;
    struct iu_bytes data;
};

static void ask(struct asked *a, uint64_t from, uint64_t to)
{
    struct iu_frontier f;
    struct iu_hash right[IU_RIGHT_MAX];
    size_t count;
    memset(a, 0, sizeof *a);
    assert_int_equal(iu_tree_frontier(node, NULL, from, &f), IU_OK);
    iu_frontier_put(&f, &a->left);
    assert_int_equal(iu_tree_right(node, NULL, to, CHUNKS, right, &count), IU_OK);
    iu_buf_put(&a->right, right, count * sizeof right[0]);
    a->data = chunks(from, to);
}

static void forget(struct asked *a)
{
    iu_buf_fini(&a->left);
    iu_buf_fini(&a->right);
}

static enum iu_err check(const struct asked *a, uint64_t from, size_t *n)
{
    return iu_chunks_check(SIZE, &root, from, a->data, iu_buf_view(&a->left), iu_buf_view(&a->right), NULL, 0,
                           n);
}

static void sizes_make_chunks(void **state)
{
    (void)state;
    assert_int_equal(iu_chunk_count(0), 0);
    assert_int_equal(iu_chunk_count(1), 1);
    assert_int_equal(iu_chunk_count(IU_CHUNK_LEN), 1);
    assert_int_equal(iu_chunk_count(IU_CHUNK_LEN + 1), 2);
    assert_int_equal(iu_chunk_count(IU_ATTACHMENT_MAX), 16384);
    assert_int_equal(iu_chunk_len(SIZE, 0), IU_CHUNK_LEN);
    assert_int_equal(iu_chunk_len(SIZE, CHUNKS - 1), 100);
    assert_int_equal(iu_chunk_len(2 * IU_CHUNK_LEN, 1), IU_CHUNK_LEN);
}

static void every_range_of_chunks_verifies(void **state)
{
    struct asked a;
    struct iu_hash found[CHUNKS];
    size_t n;
    (void)state;
    for (uint64_t from = 0; from < CHUNKS; from++) {
        for (uint64_t to = from + 1; to <= CHUNKS; to++) {
            ask(&a, from, to);
            assert_int_equal(iu_chunks_check(SIZE, &root, from, a.data, iu_buf_view(&a.left),
                                             iu_buf_view(&a.right), found, CHUNKS, &n),
                             IU_OK);
            assert_int_equal(n, to - from);
            assert_memory_equal(found, &leaves[from], n * sizeof found[0]);
            forget(&a);
        }
    }
}

static void changed_chunk_or_subtree_is_refused(void **state)
{
    struct asked a;
    size_t n;
    (void)state;
    ask(&a, 3, 5);
    content[4 * IU_CHUNK_LEN + 12345] ^= 1;
    assert_int_equal(check(&a, 3, &n), IU_PEER_MISMATCH);
    content[4 * IU_CHUNK_LEN + 12345] ^= 1;
    assert_int_equal(check(&a, 3, &n), IU_OK);
    for (size_t i = 0; i < a.left.len + a.right.len; i++) {
        uint8_t *byte = i < a.left.len ? &a.left.data[i] : &a.right.data[i - a.left.len];
        *byte ^= 1;
        assert_int_equal(check(&a, 3, &n), IU_PEER_MISMATCH);
        *byte ^= 1;
    }
    forget(&a);
}

static void chunks_of_another_place_are_refused(void **state)
{
    struct asked a;
    size_t n;
    (void)state;
    ask(&a, 2, 4);
    a.data = chunks(3, 5);
    assert_int_equal(check(&a, 2, &n), IU_PEER_MISMATCH);
    a.data = chunks(2, 4);
    assert_int_equal(check(&a, 2, &n), IU_OK);
    assert_int_equal(check(&a, 1, &n), IU_PEER_MISMATCH);
    assert_int_equal(check(&a, 3, &n), IU_PEER_MALFORMED); /* its frontier has two nodes */
    assert_int_equal(check(&a, CHUNKS, &n), IU_PEER_MALFORMED);
    forget(&a);
}

static void parts_of_chunks_are_refused(void **state)
{
    struct asked a;
    size_t n;
    (void)state;
    ask(&a, 2, 4);
    a.data.len--;
    assert_int_equal(check(&a, 2, &n), IU_PEER_MALFORMED);
    a.data.len += 2;
    assert_int_equal(check(&a, 2, &n), IU_PEER_MALFORMED);
    a.data.len = 0;
    assert_int_equal(check(&a, 2, &n), IU_PEER_MALFORMED);
    forget(&a);
    ask(&a, 6, 7);
    assert_int_equal(check(&a, 6, &n), IU_OK);
    a.data.len--; /* the last chunk has its own length */
    assert_int_equal(check(&a, 6, &n), IU_PEER_MALFORMED);
    a.data.len++;
    a.right.len = 0;
    iu_buf_put_u8(&a.right, 0);
    assert_int_equal(check(&a, 6, &n), IU_PEER_MALFORMED);
    forget(&a);
}

static void chunks_beyond_a_limit_are_refused(void **state)
{
    struct asked a;
    struct iu_hash found[2];
    size_t n;
    (void)state;
    ask(&a, 0, 3);
    assert_int_equal(
        iu_chunks_check(SIZE, &root, 0, a.data, iu_buf_view(&a.left), iu_buf_view(&a.right), found, 2, &n),
        IU_PEER_OVER_LIMIT);
    assert_int_equal(iu_chunks_check(IU_ATTACHMENT_MAX + 1, &root, 0, a.data, iu_buf_view(&a.left),
                                     iu_buf_view(&a.right), NULL, 0, &n),
                     IU_PEER_OVER_LIMIT);
    assert_int_equal(check(&a, 0, &n), IU_OK);
    forget(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_make_chunks),
        cmocka_unit_test(every_range_of_chunks_verifies),
        cmocka_unit_test(changed_chunk_or_subtree_is_refused),
        cmocka_unit_test(chunks_of_another_place_are_refused),
        cmocka_unit_test(parts_of_chunks_are_refused),
        cmocka_unit_test(chunks_beyond_a_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, make_content, free_content);
}
