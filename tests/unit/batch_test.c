/* SPDX-License-Identifier: Apache-2.0 */
#include "log/batch.h"
#include "unit/golden.h"
#include "unit/town.h"

#define STR(text) iu_bytes_of((text), sizeof(text) - 1)
#define ENTRIES 40

/* A log of real entries: the odd ones have a body, the even ones do not. */
static struct town lyon;
static struct town_log tree;
static struct {
    struct iu_buf header, body;
    uint8_t salt[IU_SALT_LEN];
} entries[ENTRIES];

static void make_entry(uint64_t i)
{
    struct iu_header h = {.kind = IU_KIND_DOCUMENT, .date_ms = 1000 + i, .has_body = i % 2};
    memset(entries[i].salt, (int)i + 1, IU_SALT_LEN);
    if (h.has_body) {
        iu_buf_printf(&entries[i].body, "\x0a\x08title %02u", (unsigned)i);
        iu_body_commit(entries[i].salt, iu_buf_view(&entries[i].body), &h.body_commit);
        h.body_len = (uint32_t)entries[i].body.len;
    }
    iu_header_put(&h, &entries[i].header);
    iu_entry_id(&lyon.city, 1, i, iu_buf_view(&entries[i].header), &tree.leaves[i]);
}

static int open_lyon(void **state)
{
    (void)state;
    town_open(&lyon, 1);
    memset(&tree, 0, sizeof tree);
    tree.size = ENTRIES;
    for (uint64_t i = 0; i < ENTRIES; i++)
        make_entry(i);
    return 0;
}

static int close_lyon(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        iu_buf_fini(&entries[i].header);
        iu_buf_fini(&entries[i].body);
    }
    town_close(&lyon);
    return 0;
}

static struct iu_item item_of(uint64_t i, enum iu_form form)
{
    struct iu_item item = {.has_hash = form == IU_FORM_HASH};
    if (item.has_hash) {
        item.hash = tree.leaves[i];
        return item;
    }
    item.header = iu_buf_view(&entries[i].header);
    if (form == IU_FORM_FULL && i % 2) {
        item.salt = iu_bytes_of(entries[i].salt, IU_SALT_LEN);
        item.body = iu_buf_view(&entries[i].body);
    }
    return item;
}

/* A batch [a, b) under the head at n, and what it begins at. */
struct made {
    struct iu_batch batch;
    struct iu_frontier at;
    struct iu_buf items, right, head;
};

static void make(struct made *m, uint64_t a, uint64_t b, uint64_t n, enum iu_form form)
{
    struct iu_hash right[IU_RIGHT_MAX];
    size_t count;
    memset(m, 0, sizeof *m);
    for (uint64_t i = a; i < b; i++) {
        struct iu_item item = item_of(i, form);
        iu_item_put(&item, &m->items);
    }
    assert_int_equal(iu_tree_frontier(town_node, &tree, a, &m->at), IU_OK);
    assert_int_equal(iu_tree_right(town_node, &tree, b, n, right, &count), IU_OK);
    iu_buf_put(&m->right, right, count * sizeof right[0]);
    town_head(&lyon, 0, &tree, n, &m->head);
    m->batch = (struct iu_batch){.city = lyon.city,
                                 .log = 1,
                                 .first = a,
                                 .items = iu_buf_view(&m->items),
                                 .right = iu_buf_view(&m->right),
                                 .head = iu_buf_view(&m->head)};
}

static void unmake(struct made *m)
{
    iu_buf_fini(&m->items);
    iu_buf_fini(&m->right);
    iu_buf_fini(&m->head);
}

static enum iu_err fold(const struct made *m, struct iu_folded *out)
{
    return iu_batch_fold(&m->batch, &m->at, lyon.chain, iu_bytes_of(NULL, 0), NULL, NULL, out);
}

static void assert_fold(const struct made *m, enum iu_err want)
{
    struct iu_folded out;
    assert_int_equal(fold(m, &out), want);
}

/* --- what folds --- */

static void every_range_of_every_size_folds_in_every_form(void **state)
{
    struct made m;
    struct iu_folded out;
    struct iu_frontier want;
    (void)state;
    for (uint64_t n = 1; n <= 20; n++) {
        for (uint64_t a = 0; a < n; a++) {
            for (uint64_t b = a + 1; b <= n; b++) {
                enum iu_form form = (enum iu_form)(1 + (a + b) % 3);
                make(&m, a, b, n, form);
                assert_int_equal(fold(&m, &out), IU_OK);
                assert_int_equal(out.end, b);
                assert_int_equal(out.count, b - a);
                assert_int_equal(out.head.size, n);
                assert_int_equal(iu_tree_frontier(town_node, &tree, b, &want), IU_OK);
                assert_int_equal(out.frontier.size, b);
                assert_memory_equal(out.frontier.nodes, want.nodes, want.count * sizeof want.nodes[0]);
                unmake(&m);
            }
        }
    }
}

static void fold_counts_full_entries_and_their_bytes(void **state)
{
    struct made m;
    struct iu_folded out;
    uint64_t bytes = 0;
    (void)state;
    for (uint64_t i = 0; i < 10; i++)
        bytes += entries[i].header.len + (i % 2 ? IU_SALT_LEN + entries[i].body.len : 0);
    make(&m, 0, 10, 10, IU_FORM_FULL);
    assert_int_equal(fold(&m, &out), IU_OK);
    assert_int_equal(out.full_count, 10);
    assert_int_equal(out.bytes, bytes);
    unmake(&m);
    make(&m, 0, 10, 10, IU_FORM_HEADER); /* an entry without a body is full by its header */
    assert_int_equal(fold(&m, &out), IU_OK);
    assert_int_equal(out.full_count, 5);
    unmake(&m);
    make(&m, 0, 10, 10, IU_FORM_HASH);
    assert_int_equal(fold(&m, &out), IU_OK);
    assert_int_equal(out.full_count, 0);
    assert_int_equal(out.bytes, 0);
    unmake(&m);
}

static void count_node(void *with, uint32_t level, uint64_t index, const struct iu_hash *node)
{
    struct iu_hash want;
    assert_int_equal(town_node(&tree, level, index, &want), IU_OK);
    assert_true(iu_hash_equal(node, &want));
    ++*(size_t *)with;
}

static void sink_is_told_the_nodes_of_the_new_entries_only(void **state)
{
    struct made m;
    struct iu_folded out;
    size_t count = 0;
    (void)state;
    make(&m, 5, 12, 30, IU_FORM_HASH);
    assert_int_equal(
        iu_batch_fold(&m.batch, &m.at, lyon.chain, iu_bytes_of(NULL, 0), count_node, &count, &out), IU_OK);
    assert_int_equal(count,
                     7 + (6 - 2) + (3 - 1) + 1); /* nodes of 1, 2, 4 and 8 leaves that end in 6 to 12 */
    unmake(&m);
}

static void known_head_is_not_verified_again(void **state)
{
    struct made m;
    struct iu_folded out;
    (void)state;
    make(&m, 0, 5, 8, IU_FORM_FULL);
    struct town porto;
    town_open(&porto, 100);
    assert_int_equal(iu_batch_fold(&m.batch, &m.at, porto.chain, m.batch.head, NULL, NULL, &out), IU_OK);
    assert_int_equal(out.head.size, 8);
    assert_int_not_equal(iu_batch_fold(&m.batch, &m.at, porto.chain, iu_bytes_of(NULL, 0), NULL, NULL, &out),
                         IU_OK);
    assert_int_not_equal(iu_batch_fold(&m.batch, &m.at, porto.chain, iu_bytes_of(m.head.data, m.head.len - 1),
                                       NULL, NULL, &out),
                         IU_OK);
    town_close(&porto);
    unmake(&m);
}

/* --- what is refused --- */

static void shrunk_extended_or_reordered_batch_is_refused(void **state)
{
    struct made m, other;
    struct iu_item item = item_of(9, IU_FORM_FULL);
    (void)state;
    make(&m, 4, 9, 16, IU_FORM_FULL);
    assert_fold(&m, IU_OK);
    make(&other, 4, 8, 16, IU_FORM_FULL); /* one entry less, the right edge as before */
    other.batch.right = m.batch.right;
    assert_fold(&other, IU_PEER_MISMATCH);
    unmake(&other);
    iu_item_put(&item, &m.items); /* one more */
    m.batch.items = iu_buf_view(&m.items);
    assert_fold(&m, IU_PEER_MISMATCH);
    iu_buf_clear(&m.items);
    for (uint64_t i = 0; i < 5; i++) { /* in another order */
        item = item_of(8 - i, IU_FORM_HASH);
        iu_item_put(&item, &m.items);
    }
    m.batch.items = iu_buf_view(&m.items);
    assert_fold(&m, IU_PEER_MISMATCH);
    unmake(&m);
}

static void transplanted_batch_is_refused(void **state)
{
    struct made m;
    struct town porto;
    struct iu_buf note = IU_BUF_INIT;
    (void)state;
    make(&m, 0, 8, 8, IU_FORM_FULL);
    m.batch.log = 2;
    assert_fold(&m, IU_PEER_MALFORMED);
    m.batch.log = 1;
    m.batch.city.b[0] ^= 1;
    assert_fold(&m, IU_PEER_MALFORMED);
    m.batch.city.b[0] ^= 1;
    assert_fold(&m, IU_OK);
    town_open(&porto, 100); /* Lyon's entries under a head of Porto's */
    town_head(&porto, 0, &tree, 8, &note);
    m.batch.head = iu_buf_view(&note);
    m.batch.city = porto.city;
    struct iu_folded out;
    assert_int_equal(iu_batch_fold(&m.batch, &m.at, porto.chain, iu_bytes_of(NULL, 0), NULL, NULL, &out),
                     IU_PEER_MISMATCH);
    iu_buf_fini(&note);
    town_close(&porto);
    unmake(&m);
}

static void forged_head_is_refused(void **state)
{
    struct made m;
    struct iu_buf note = IU_BUF_INIT;
    (void)state;
    make(&m, 0, 8, 8, IU_FORM_FULL);
    town_head(&lyon, 1, &tree, 8, &note);
    m.batch.head = iu_buf_view(&note);
    assert_fold(&m, IU_PEER_UNKNOWN_KEY);
    m.batch.head = iu_buf_view(&m.head);
    m.head.data[m.head.len - 30] ^= 1;
    assert_fold(&m, IU_PEER_FORGED);
    m.batch.head = iu_bytes_of(NULL, 0);
    assert_fold(&m, IU_PEER_MALFORMED);
    iu_buf_fini(&note);
    unmake(&m);
}

static void any_changed_byte_is_refused(void **state)
{
    struct made m;
    (void)state;
    make(&m, 3, 7, 20, IU_FORM_FULL);
    struct iu_buf *parts[] = {&m.items, &m.right};
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < parts[p]->len; i++) {
            struct iu_folded out;
            parts[p]->data[i] ^= 1;
            assert_int_not_equal(fold(&m, &out), IU_OK);
            parts[p]->data[i] ^= 1;
        }
    }
    assert_fold(&m, IU_OK);
    unmake(&m);
}

static void wrong_right_edge_is_refused(void **state)
{
    struct made m;
    (void)state;
    make(&m, 3, 7, 20, IU_FORM_FULL);
    m.batch.right.len -= 1;
    assert_fold(&m, IU_PEER_MALFORMED);
    m.batch.right.len -= IU_HASH_LEN - 1;
    assert_fold(&m, IU_PEER_MISMATCH);
    iu_buf_put(&m.right, tree.leaves[0].b, IU_HASH_LEN);
    m.batch.right = iu_buf_view(&m.right);
    assert_fold(&m, IU_PEER_MISMATCH);
    iu_buf_extend(&m.right, 200 * IU_HASH_LEN);
    m.batch.right = iu_buf_view(&m.right);
    assert_fold(&m, IU_PEER_OVER_LIMIT);
    unmake(&m);
}

static void empty_or_oversized_batch_is_refused(void **state)
{
    struct made m;
    struct iu_item hash = item_of(0, IU_FORM_HASH);
    (void)state;
    make(&m, 4, 4, 16, IU_FORM_FULL);
    assert_fold(&m, IU_PEER_MALFORMED);
    unmake(&m);
    make(&m, 0, 4, 4, IU_FORM_FULL); /* entries beyond the head */
    iu_item_put(&hash, &m.items);
    m.batch.items = iu_buf_view(&m.items);
    assert_fold(&m, IU_PEER_MALFORMED);
    unmake(&m);
    struct iu_head big = {.city = lyon.city, .log = 1, .size = 100000};
    make(&m, 0, 1, 4, IU_FORM_HASH);
    iu_buf_clear(&m.head);
    iu_head_sign(&big, lyon.node[0], &m.head);
    m.batch.head = iu_buf_view(&m.head);
    for (size_t i = 1; i < IU_BATCH_ENTRIES_MAX; i++)
        iu_item_put(&hash, &m.items);
    m.batch.items = iu_buf_view(&m.items);
    assert_fold(&m, IU_PEER_MISMATCH); /* as many as may be */
    iu_item_put(&hash, &m.items);
    m.batch.items = iu_buf_view(&m.items);
    assert_fold(&m, IU_PEER_OVER_LIMIT);
    iu_buf_extend(&m.items, IU_BATCH_BYTES_MAX);
    m.batch.items = iu_buf_view(&m.items);
    assert_fold(&m, IU_PEER_OVER_LIMIT);
    unmake(&m);
}

static enum iu_err fold_one(const struct iu_item *item)
{
    struct made m;
    struct iu_folded out;
    make(&m, 5, 5, 6, IU_FORM_FULL);
    iu_item_put(item, &m.items);
    m.batch.items = iu_buf_view(&m.items);
    m.batch.right = iu_bytes_of(NULL, 0);
    enum iu_err err = fold(&m, &out);
    unmake(&m);
    return err;
}

static void body_that_is_not_the_committed_one_is_refused(void **state)
{
    struct iu_item item = item_of(5, IU_FORM_FULL);
    (void)state;
    assert_int_equal(fold_one(&item), IU_OK);
    item.body.len--;
    assert_int_equal(fold_one(&item), IU_PEER_MISMATCH);
    item = item_of(5, IU_FORM_FULL);
    item.body = STR("\x0a\x08title 06");
    assert_int_equal(fold_one(&item), IU_PEER_MISMATCH);
    item = item_of(5, IU_FORM_FULL);
    item.salt = iu_bytes_of(entries[6].salt, IU_SALT_LEN);
    assert_int_equal(fold_one(&item), IU_PEER_MISMATCH);
    item.salt = iu_bytes_of(NULL, 0); /* a body that nothing opens */
    assert_int_equal(fold_one(&item), IU_PEER_MISMATCH);
    item = item_of(5, IU_FORM_FULL);
    item.body = iu_bytes_of(NULL, 0); /* a salt beside no body */
    assert_int_equal(fold_one(&item), IU_PEER_MISMATCH);
}

static void a_committed_body_of_another_length_than_its_header_says_is_taken(void **state)
{
    struct iu_header h = {.kind = IU_KIND_DOCUMENT, .has_body = true, .body_len = 4};
    struct iu_buf header = IU_BUF_INIT;
    struct iu_item item = {.salt = iu_bytes_of(entries[5].salt, IU_SALT_LEN), .body = STR("body")};
    struct iu_hash leaf;
    (void)state;
    iu_body_commit(entries[5].salt, item.body, &h.body_commit);
    for (; h.body_len <= 5; h.body_len++) {
        iu_buf_clear(&header);
        iu_header_put(&h, &header);
        item.header = iu_buf_view(&header);
        assert_int_equal(iu_item_leaf(&lyon.city, 1, 5, &item, &leaf), IU_OK);
        item.body = STR("BODY");
        assert_int_equal(iu_item_leaf(&lyon.city, 1, 5, &item, &leaf), IU_PEER_MISMATCH);
        item.body = STR("body");
    }
    iu_buf_fini(&header);
}

static void salt_or_body_beside_a_header_without_commitment_is_refused(void **state)
{
    struct iu_item item = item_of(4, IU_FORM_FULL);
    struct iu_hash leaf;
    (void)state;
    assert_int_equal(iu_item_leaf(&lyon.city, 1, 4, &item, &leaf), IU_OK);
    assert_true(iu_hash_equal(&leaf, &tree.leaves[4]));
    item.body = STR("x");
    assert_int_equal(iu_item_leaf(&lyon.city, 1, 4, &item, &leaf), IU_PEER_MISMATCH);
    item.salt = iu_bytes_of(entries[4].salt, IU_SALT_LEN);
    assert_int_equal(iu_item_leaf(&lyon.city, 1, 4, &item, &leaf), IU_PEER_MISMATCH);
    item.header = STR("unreadable");
    assert_int_equal(iu_item_leaf(&lyon.city, 1, 4, &item, &leaf), IU_PEER_MISMATCH);
    item.salt = item.body = iu_bytes_of(NULL, 0);
    assert_int_equal(iu_item_leaf(&lyon.city, 1, 4, &item, &leaf), IU_OK); /* it is kept and forwarded */
}

/* --- gaps --- */

static enum iu_err fill(struct made *m, uint64_t *count)
{
    m->batch.right = m->batch.head = iu_bytes_of(NULL, 0);
    return iu_batch_fill(&m->batch, town_node, &tree, count);
}

static void gap_is_filled_against_the_leaves_held(void **state)
{
    struct made m;
    uint64_t count;
    (void)state;
    make(&m, 3, 9, 20, IU_FORM_FULL);
    assert_int_equal(fill(&m, &count), IU_OK);
    assert_int_equal(count, 6);
    m.batch.first = 4;
    assert_int_equal(fill(&m, &count), IU_PEER_MISMATCH);
    assert_int_equal(count, 0);
    unmake(&m);
    make(&m, 3, 9, 20, IU_FORM_HEADER);
    assert_int_equal(fill(&m, &count), IU_OK);
    m.batch.head = iu_buf_view(&m.head);
    assert_int_equal(iu_batch_fill(&m.batch, town_node, &tree, &count), IU_PEER_MALFORMED);
    m.batch.head = iu_bytes_of(NULL, 0);
    m.batch.right = iu_buf_view(&m.right);
    assert_int_equal(iu_batch_fill(&m.batch, town_node, &tree, &count), IU_PEER_MALFORMED);
    unmake(&m);
    make(&m, 3, 9, 20, IU_FORM_HASH); /* brings nothing */
    assert_int_equal(fill(&m, &count), IU_PEER_MALFORMED);
    unmake(&m);
    make(&m, 3, 3, 20, IU_FORM_FULL);
    assert_int_equal(fill(&m, &count), IU_PEER_MALFORMED);
    unmake(&m);
}

static enum iu_err no_leaf(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    (void)with;
    (void)level;
    (void)index;
    memset(out, 0, sizeof *out);
    return IU_HERE_NOT_FOUND;
}

static void gap_with_a_changed_byte_is_refused(void **state)
{
    struct made m;
    uint64_t count;
    (void)state;
    make(&m, 3, 6, 20, IU_FORM_FULL);
    for (size_t i = 0; i < m.items.len; i++) {
        m.items.data[i] ^= 1;
        assert_int_not_equal(fill(&m, &count), IU_OK);
        m.items.data[i] ^= 1;
    }
    assert_int_equal(fill(&m, &count), IU_OK);
    assert_int_equal(iu_batch_fill(&m.batch, no_leaf, NULL, &count), IU_HERE_NOT_FOUND);
    m.batch.first = UINT64_MAX - 1;
    assert_int_equal(fill(&m, &count), IU_PEER_MALFORMED);
    unmake(&m);
}

/* --- proto/vectors/batch.json --- */

static void golden_batches_fold(void **state)
{
    json_t *root = golden_open("batch.json"), *vector;
    struct iu_bytes notes = iu_bytes_str(golden_text(root, "chain"));
    struct iu_chain *chain = calloc(1, sizeof *chain);
    struct iu_head head;
    struct iu_folded out;
    size_t i;
    (void)state;
    assert_non_null(chain);
    json_array_foreach(json_object_get(root, "batches"), i, vector)
    {
        struct iu_buf items = IU_BUF_INIT, right = IU_BUF_INIT;
        struct iu_frontier at = {.size = golden_u64(vector, "first")};
        struct iu_hash after[64];
        golden_bytes(vector, "items", &items);
        golden_bytes(vector, "right", &right);
        at.count = (uint32_t)golden_hashes(vector, "frontier", at.nodes, 64);
        struct iu_batch batch = {.log = 1,
                                 .first = at.size,
                                 .items = iu_buf_view(&items),
                                 .right = iu_buf_view(&right),
                                 .head = iu_bytes_str(golden_text(vector, "head"))};
        assert_int_equal(iu_head_get(batch.head, &head), IU_OK);
        batch.city = head.city;
        assert_int_equal(iu_chain_get(notes, &head.city, chain), IU_OK);
        assert_int_equal(iu_batch_fold(&batch, &at, chain, iu_bytes_of(NULL, 0), NULL, NULL, &out), IU_OK);
        golden_equal(vector, "root", iu_bytes_of(out.head.root.b, IU_HASH_LEN));
        assert_int_equal(out.head.size, golden_u64(vector, "size"));
        assert_int_equal(golden_hashes(vector, "frontier_after", after, 64), out.frontier.count);
        assert_memory_equal(after, out.frontier.nodes, out.frontier.count * sizeof after[0]);
        iu_buf_fini(&items);
        iu_buf_fini(&right);
    }
    assert_int_equal(i, 4);
    free(chain);
    json_decref(root);
}

static enum iu_err golden_leaf(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    assert_int_equal(level, 0);
    golden_hash(json_string_value(json_array_get(json_object_get(with, "leaves"), index - 1)), out);
    return IU_OK;
}

static void golden_gap_is_filled(void **state)
{
    json_t *root = golden_open("batch.json"), *gap = json_object_get(root, "gap");
    struct iu_buf items = IU_BUF_INIT, id = IU_BUF_INIT;
    struct iu_batch batch = {.log = 1, .first = golden_u64(gap, "first")};
    uint64_t count;
    (void)state;
    golden_bytes(gap, "items", &items);
    golden_unhex("8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c", &id);
    memcpy(batch.city.b, id.data, IU_ID_LEN);
    batch.items = iu_buf_view(&items);
    assert_int_equal(iu_batch_fill(&batch, golden_leaf, gap, &count), IU_OK);
    assert_int_equal(count, 2);
    batch.city.b[0] ^= 1;
    assert_int_equal(iu_batch_fill(&batch, golden_leaf, gap, &count), IU_PEER_MISMATCH);
    iu_buf_fini(&items);
    iu_buf_fini(&id);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_range_of_every_size_folds_in_every_form, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(fold_counts_full_entries_and_their_bytes, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(sink_is_told_the_nodes_of_the_new_entries_only, open_lyon,
                                        close_lyon),
        cmocka_unit_test_setup_teardown(known_head_is_not_verified_again, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(shrunk_extended_or_reordered_batch_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(transplanted_batch_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(forged_head_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(any_changed_byte_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(wrong_right_edge_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(empty_or_oversized_batch_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(body_that_is_not_the_committed_one_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(a_committed_body_of_another_length_than_its_header_says_is_taken,
                                        open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(salt_or_body_beside_a_header_without_commitment_is_refused, open_lyon,
                                        close_lyon),
        cmocka_unit_test_setup_teardown(gap_is_filled_against_the_leaves_held, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(gap_with_a_changed_byte_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(golden_batches_fold, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(golden_gap_is_filled, open_lyon, close_lyon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
