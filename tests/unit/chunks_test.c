/* SPDX-License-Identifier: Apache-2.0 */
#include "store/chunks.h"

#include "base/rand.h"
#include "sign/hash.h"
#include "store/meta.h"
#include "store/tables.h"
#include "unit/temp_store.h"

/* A file of `size` bytes with its chunk tree. */
struct file {
    struct iu_buf bytes;
    struct iu_hash *leaves;
    size_t count;
    struct iu_hash root;
};

static struct file file_make(uint64_t size, uint64_t seed)
{
    struct file file = {.count = (size_t)iu_chunk_count(size)};
    struct iu_rand rand;
    struct iu_frontier frontier;
    iu_rand_seed(&rand, seed);
    iu_rand_fill(&rand, iu_buf_extend(&file.bytes, size), size);
    file.leaves = calloc(file.count + 1, sizeof *file.leaves);
    iu_frontier_init(&frontier);
    for (size_t i = 0; i < file.count; i++) {
        struct iu_bytes chunk = iu_bytes_of(file.bytes.data + i * IU_CHUNK_LEN, iu_chunk_len(size, i));
        iu_leaf_hash(chunk, (struct iu_bytes){0}, &file.leaves[i]);
        iu_frontier_add(&frontier, &file.leaves[i]);
    }
    iu_frontier_root(&frontier, &file.root);
    return file;
}

static void file_fini(struct file *file)
{
    iu_buf_fini(&file->bytes);
    free(file->leaves);
}

/* Appends chunks [state->have, to) in a transaction of its own. */
static void append_to(struct temp_store *t, const struct file *file, uint32_t no, uint64_t index,
                      uint32_t attachment, size_t to)
{
    struct iu_attach_state state;
    struct iu_txn *txn = temp_txn(t);
    assert_true(iu_attach_find(iu_txn_reads(txn), no, index, attachment, &state));
    size_t from = (size_t)state.have,
           end = to * IU_CHUNK_LEN < file->bytes.len ? to * IU_CHUNK_LEN : file->bytes.len;
    struct iu_bytes data = iu_bytes_of(file->bytes.data + from * IU_CHUNK_LEN, end - from * IU_CHUNK_LEN);
    iu_chunks_append(txn, no, index, attachment, &state, data, file->leaves + from, to - from);
    assert_int_equal(state.have, to);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
}

static void check_range(const struct iu_snap *snap, const struct iu_attach_state *state,
                        const struct file *file, uint64_t from, uint64_t to)
{
    struct iu_buf data = IU_BUF_INIT, left = IU_BUF_INIT, right = IU_BUF_INIT;
    size_t n;
    assert_int_equal(iu_chunks_read(snap, state, from, to, &data, &left, &right), IU_OK);
    assert_int_equal(iu_chunks_check(file->bytes.len, &file->root, from, iu_buf_view(&data),
                                     iu_buf_view(&left), iu_buf_view(&right), NULL, 0, &n),
                     IU_OK);
    assert_int_equal(n, to - from);
    assert_memory_equal(data.data, file->bytes.data + from * IU_CHUNK_LEN, data.len);
    iu_buf_fini(&data);
    iu_buf_fini(&left);
    iu_buf_fini(&right);
}

static void chunks_arrive_in_parts_over_restarts_and_prove_themselves(void **state)
{
    (void)state;
    struct temp_store t;
    struct iu_attach_state attach;
    struct iu_buf none = IU_BUF_INIT;
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    struct file file = file_make(7 * IU_CHUNK_LEN + 100, 1);
    struct iu_txn *txn = temp_txn(&t);
    iu_attach_make(txn, 3, 17, 2, file.bytes.len, &file.root);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    append_to(&t, &file, 3, 17, 2, 1);
    append_to(&t, &file, 3, 17, 2, 5);
    temp_close(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);

    struct iu_snap *snap = iu_snap_open(t.store);
    assert_true(iu_attach_find(snap, 3, 17, 2, &attach));
    assert_int_equal(attach.have, 5);
    assert_int_equal(iu_chunks_read(snap, &attach, 0, 1, &none, &none, &none), IU_HERE_NOT_FOUND);
    iu_snap_close(snap);
    append_to(&t, &file, 3, 17, 2, 8);

    snap = iu_snap_open(t.store);
    assert_true(iu_attach_find(snap, 3, 17, 2, &attach));
    for (uint64_t from = 0; from < 8; from++)
        for (uint64_t to = from + 1; to <= 8; to++)
            check_range(snap, &attach, &file, from, to);
    assert_int_equal(iu_chunks_read(snap, &attach, 8, 9, &none, &none, &none), IU_HERE_NOT_FOUND);
    assert_int_equal(iu_chunks_read(snap, &attach, 3, 3, &none, &none, &none), IU_HERE_NOT_FOUND);
    iu_snap_close(snap);
    file_fini(&file);
    temp_fini(&t);
}

static void proofs_reach_over_full_tiles(void **state)
{
    (void)state;
    struct temp_store t;
    struct iu_attach_state attach;
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    struct file file = file_make(300 * IU_CHUNK_LEN - 1, 2);
    struct iu_txn *txn = temp_txn(&t);
    iu_attach_make(txn, 1, 0, 0, file.bytes.len, &file.root);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    for (size_t to = 100; to <= 300; to += 100)
        append_to(&t, &file, 1, 0, 0, to);
    struct iu_snap *snap = iu_snap_open(t.store);
    assert_true(iu_attach_find(snap, 1, 0, 0, &attach));
    check_range(snap, &attach, &file, 0, 1);
    check_range(snap, &attach, &file, 255, 257);
    check_range(snap, &attach, &file, 256, 300);
    check_range(snap, &attach, &file, 299, 300);
    iu_snap_close(snap);
    file_fini(&file);
    temp_fini(&t);
}

static void incomplete_attachments_are_found_in_order(void **state)
{
    (void)state;
    struct temp_store t;
    struct iu_attach_state attach;
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    struct file file = file_make(10, 3);
    struct iu_txn *txn = temp_txn(&t);
    iu_attach_make(txn, 0, 5, 0, 0, &file.root); /* staged: no entry's */
    iu_attach_make(txn, 2, 9, 0, file.bytes.len, &file.root);
    iu_attach_make(txn, 2, 9, 1, file.bytes.len, &file.root);
    iu_attach_make(txn, 2, 10, 0, 0, &file.root); /* nothing to fetch */
    iu_attach_make(txn, 4, 0, 0, file.bytes.len, &file.root);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    append_to(&t, &file, 2, 9, 0, 1);

    struct iu_snap *snap = iu_snap_open(t.store);
    uint32_t no = 0, attachment = 0;
    uint64_t index = 0;
    assert_true(iu_attach_missing(snap, &no, &index, &attachment, &attach));
    assert_int_equal(no, 2);
    assert_int_equal(index, 9);
    assert_int_equal(attachment, 1);
    attachment++;
    assert_true(iu_attach_missing(snap, &no, &index, &attachment, &attach));
    assert_int_equal(no, 4);
    attachment++;
    assert_false(iu_attach_missing(snap, &no, &index, &attachment, &attach));
    iu_snap_close(snap);
    file_fini(&file);
    temp_fini(&t);
}

static void making_a_row_again_keeps_what_is_here(void **state)
{
    (void)state;
    struct temp_store t;
    struct iu_attach_state attach;
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    struct file file = file_make(2 * IU_CHUNK_LEN, 4);
    struct iu_txn *txn = temp_txn(&t);
    iu_attach_make(txn, 1, 1, 0, file.bytes.len, &file.root);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    append_to(&t, &file, 1, 1, 0, 1);
    txn = temp_txn(&t);
    iu_attach_make(txn, 1, 1, 0, file.bytes.len, &file.root);
    assert_true(iu_attach_find(iu_txn_reads(txn), 1, 1, 0, &attach));
    assert_int_equal(attach.have, 1);
    iu_txn_abort(txn);
    file_fini(&file);
    temp_fini(&t);
}

static void a_staged_attachment_is_given_to_its_entry_and_others_are_dropped(void **state)
{
    (void)state;
    struct temp_store t;
    struct iu_attach_state attach;
    struct iu_hash unknown = {{0}};
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    struct file kept = file_make(3 * IU_CHUNK_LEN + 5, 5), left = file_make(260 * IU_CHUNK_LEN, 6);
    struct iu_txn *txn = temp_txn(&t);
    iu_attach_make(txn, 0, 100, 0, 0, &unknown);
    iu_attach_make(txn, 0, 200, 0, 0, &unknown);
    iu_attach_make(txn, 0, 150, 0, 0, &unknown);
    iu_attach_make(txn, 0, UINT64_MAX, 0, 0, &unknown);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    append_to(&t, &kept, 0, 100, 0, 2);
    append_to(&t, &kept, 0, 100, 0, 4);
    append_to(&t, &left, 0, 200, 0, 260);
    txn = temp_txn(&t);
    iu_attach_adopt(txn, 100, 1, 7, 0, kept.bytes.len, &kept.root);
    iu_attach_drop_staged(txn, (const uint64_t[]){150}, 1);
    assert_int_equal(iu_txn_commit(txn), IU_OK);

    struct iu_snap *snap = iu_snap_open(t.store);
    assert_false(iu_attach_find(snap, 0, 100, 0, &attach));
    assert_false(iu_attach_find(snap, 0, 200, 0, &attach));
    assert_false(iu_attach_find(snap, 0, UINT64_MAX, 0, &attach));
    assert_true(iu_attach_find(snap, 0, 150, 0, &attach));
    assert_true(iu_attach_find(snap, 1, 7, 0, &attach));
    check_range(snap, &attach, &kept, 0, 4);
    check_range(snap, &attach, &kept, 2, 3);
    assert_int_equal(iu_table_count(snap, IU_T_CHUNKS), 4);
    assert_int_equal(iu_table_count(snap, IU_T_CHUNK_TILES), 1);
    iu_snap_close(snap);
    txn = temp_txn(&t);
    iu_attach_drop(txn, 1, 7, 0);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    snap = iu_snap_open(t.store);
    assert_int_equal(iu_table_count(snap, IU_T_CHUNKS), 0);
    assert_int_equal(iu_table_count(snap, IU_T_CHUNK_TILES), 0);
    assert_int_equal(iu_table_count(snap, IU_T_ATTACHMENTS), 1); /* the upload that is kept */
    iu_snap_close(snap);
    file_fini(&kept);
    file_fini(&left);
    temp_fini(&t);
}

static void expect_bytes(struct temp_store *t, uint32_t no, uint64_t held, uint64_t lacking)
{
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_int_equal(iu_chunks_held(snap, no), held);
    assert_int_equal(iu_chunks_lacking(snap, no), lacking);
    iu_snap_close(snap);
}

static void what_a_log_has_of_its_attachments_is_counted_also_in_a_store_that_did_not_count(void **state)
{
    (void)state;
    struct temp_store t;
    struct file file = file_make(3 * IU_CHUNK_LEN + 5, 21), own = file_make(IU_CHUNK_LEN + 9, 22);
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    struct iu_txn *txn = temp_txn(&t);
    iu_attach_make(txn, 1, 4, 0, file.bytes.len, &file.root);
    iu_attach_make(txn, 1, 9, 1, file.bytes.len, &file.root);
    iu_attach_make(txn, 2, 0, 0, file.bytes.len, &file.root);
    iu_attach_make(txn, 0, 100, 0, 0, &(struct iu_hash){{0}});
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    expect_bytes(&t, 1, 0, 2 * file.bytes.len);
    append_to(&t, &file, 1, 4, 0, 2);
    expect_bytes(&t, 1, 2 * IU_CHUNK_LEN, 4 * IU_CHUNK_LEN + 10);
    append_to(&t, &file, 1, 4, 0, 4);
    append_to(&t, &file, 1, 9, 1, 1);
    expect_bytes(&t, 1, file.bytes.len + IU_CHUNK_LEN, 2 * IU_CHUNK_LEN + 5);
    expect_bytes(&t, 2, 0, file.bytes.len);
    txn = temp_txn(&t);
    iu_meta_put(txn, "c.1", (struct iu_bytes){0});
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    expect_bytes(&t, 1, file.bytes.len + IU_CHUNK_LEN, 2 * IU_CHUNK_LEN + 5);
    append_to(&t, &file, 1, 9, 1, 4);
    expect_bytes(&t, 1, 2 * file.bytes.len, 0);
    append_to(&t, &own, 0, 100, 0, 2);
    txn = temp_txn(&t);
    iu_attach_adopt(txn, 100, 1, 12, 0, own.bytes.len, &own.root);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    expect_bytes(&t, 1, 2 * file.bytes.len + own.bytes.len, 0);
    file_fini(&file);
    file_fini(&own);
    temp_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_arrive_in_parts_over_restarts_and_prove_themselves),
        cmocka_unit_test(proofs_reach_over_full_tiles),
        cmocka_unit_test(incomplete_attachments_are_found_in_order),
        cmocka_unit_test(making_a_row_again_keeps_what_is_here),
        cmocka_unit_test(a_staged_attachment_is_given_to_its_entry_and_others_are_dropped),
        cmocka_unit_test(what_a_log_has_of_its_attachments_is_counted_also_in_a_store_that_did_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
