/* SPDX-License-Identifier: Apache-2.0 */
#include "store/logs.h"

#include "store/meta.h"
#include "store/tables.h"
#include "unit/log_model.h"

#define FULL_SIZE 1500

/* Random appends under random heads, compared after each one; reopened now and then. */
static void grow_randomly(struct temp_store *t, size_t batch_max, size_t body_max, uint64_t seed)
{
    struct iu_rand rand;
    struct model model = model_make(city_of((uint8_t)seed), 1, FULL_SIZE, body_max, seed);
    iu_rand_seed(&rand, seed);
    for (uint64_t size = 0; size < FULL_SIZE;) {
        uint64_t left = FULL_SIZE - size, count = 1 + iu_rand_below(&rand, batch_max);
        size += count < left ? count : left;
        uint64_t head = iu_rand_below(&rand, 3) ? size + iu_rand_below(&rand, FULL_SIZE - size + 1) : size;
        model_store(t, &model, size, head, NULL);
        check_log(t, &model, size, &rand);
        if (iu_rand_below(&rand, 8) == 0) {
            temp_close(t);
            assert_int_equal(temp_open(t, 0), IU_OK);
        }
    }
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &model.city, 1, &log));
    for (uint64_t i = 0; i < FULL_SIZE; i++)
        check_item(snap, &log, &model, i);
    for (uint64_t from = 0, end; from < FULL_SIZE; from = end) {
        struct iu_buf out = IU_BUF_INIT;
        assert_int_equal(iu_log_read(snap, &log, from, UINT64_MAX, IU_FORM_FULL, SIZE_MAX, &out, &end),
                         IU_OK);
        iu_buf_fini(&out);
        check_read(snap, &log, &model, from, end, SIZE_MAX);
    }
    iu_snap_close(snap);
    model_fini(&model);
}

static void random_appends_of_small_entries_read_back(void **state)
{
    grow_randomly(*state, 400, 300, 1);
    grow_randomly(*state, 700, 100, 2);
}

static void random_appends_of_large_entries_read_back(void **state)
{
    grow_randomly(*state, 60, 9000, 3);
}

static void single_appends_share_runs(void **state)
{
    struct temp_store *t = *state;
    struct model model = model_make(city_of(1), 1, 300, 200, 4);
    struct iu_rand rand;
    iu_rand_seed(&rand, 4);
    for (uint64_t size = 1; size <= 300; size++)
        model_store(t, &model, size, size, NULL);
    check_log(t, &model, 300, &rand);
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_table_count(snap, IU_T_RUNS) <= 6); /* some 60 KB in runs of 16 KiB */
    assert_int_equal(iu_table_count(snap, IU_T_TILES), 3);
    iu_snap_close(snap);
    model_fini(&model);
}

static void a_map_that_fills_up_in_mid_append_leaves_nothing_of_it(void **state)
{
    struct temp_store *t = *state;
    struct model model = model_make(city_of(1), 1, 300, 9000, 12);
    struct iu_rand rand;
    int grown = 0;
    iu_rand_seed(&rand, 12);
    temp_close(t);
    assert_int_equal(temp_open(t, 160 * 1024), IU_OK);
    for (uint64_t size = 0; size < 300;) {
        struct iu_log_state log;
        struct iu_txn *txn = temp_txn(t);
        iu_log_make(txn, &model.city, 1, &log);
        model_append(txn, &log, &(struct model_append){.model = &model, .end = size + 15, .head_size = 300});
        enum iu_err err = iu_txn_commit(txn);
        if (err == IU_HERE_GROW) {
            grown++;
            assert_int_equal(iu_store_grow(t->store), IU_OK);
        } else {
            assert_int_equal(err, IU_OK);
            size += 15;
        }
        if (size > 0)
            check_log(t, &model, size, &rand);
    }
    assert_true(grown >= 3);
    model_fini(&model);
}

static void an_entry_above_the_run_length_stands_alone(void **state)
{
    struct temp_store *t = *state;
    struct iu_rand rand;
    struct model model = model_make(city_of(1), 1, 5, 50, 5);
    iu_rand_seed(&rand, 5);
    struct model_entry *big = &model.entries[2];
    iu_buf_clear(&big->header);
    iu_buf_clear(&big->body);
    iu_buf_put_u8(&big->header, 0x52); /* a header of `fields` alone is well-formed */
    iu_buf_put_varint(&big->header, 50000);
    memset(iu_buf_extend(&big->header, 50000), 1, 50000);
    memset(iu_buf_extend(&big->body, IU_BODY_MAX), 2, IU_BODY_MAX);
    iu_entry_id(&model.city, 1, 2, iu_buf_view(&big->header), &model.leaves[2]);
    model_store(t, &model, 5, 5, NULL);
    check_log(t, &model, 5, &rand);
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_int_equal(iu_table_count(snap, IU_T_RUNS), 3);
    iu_snap_close(snap);
    model_fini(&model);
}

static void runs_and_tiles_take_little_more_than_what_they_hold(void **state)
{
    struct temp_store *t = *state;
    struct iu_log_state log;
    struct model model = model_make(city_of(1), 1, 40000, 511, 6);
    for (uint64_t size = 1000; size <= 40000; size += 1000)
        model_store(t, &model, size, size, NULL);
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &model.city, 1, &log));
    uint64_t used, free_bytes;
    iu_store_room(t->store, &used, &free_bytes);
    print_message("%zu bytes of entries take %zu: %.3f\n", (size_t)log.bytes, (size_t)used,
                  (double)used / (double)log.bytes);
    assert_true(used < log.bytes * 13 / 10);
    iu_snap_close(snap);
    model_fini(&model);
}

/* --- forms --- */

/* Which ranges are not full, by the model. */
static void check_gaps(const struct iu_snap *snap, const struct iu_log_state *log, const struct model *model,
                       const enum iu_form *forms)
{
    uint64_t count = 0, bytes = 0, at = 0, first, end;
    for (uint64_t i = 0; i < log->size; i++) {
        bool gap = forms[i] == IU_FORM_HASH || (forms[i] == IU_FORM_HEADER && model->entries[i].body.len);
        count += gap;
        bytes += forms[i] == IU_FORM_HASH ? 0 : model->entries[i].header.len;
        bytes += forms[i] == IU_FORM_FULL && model->entries[i].body.len
                     ? IU_SALT_LEN + model->entries[i].body.len
                     : 0;
        if (!gap)
            continue;
        assert_true(iu_log_gap(snap, log, at, &first, &end));
        if (i >= end) {
            at = end;
            assert_true(iu_log_gap(snap, log, at, &first, &end));
        }
        assert_true(i >= first && i < end);
    }
    assert_int_equal(log->gap_count, count);
    assert_int_equal(log->bytes, bytes);
    uint64_t listed = 0;
    for (at = 0; iu_log_gap(snap, log, at, &first, &end); at = end)
        listed += end - first;
    assert_int_equal(listed, count);
}

static void gaps_are_kept_and_filled_from_any_side(void **state)
{
    struct temp_store *t = *state;
    enum { COUNT = 600 };
    static enum iu_form forms[COUNT];
    struct model model = model_make(city_of(1), 1, COUNT, 2000, 7);
    struct iu_rand rand;
    struct iu_log_state log;
    iu_rand_seed(&rand, 7);
    for (size_t i = 0; i < COUNT; i++)
        forms[i] = i % 50 < 20 ? IU_FORM_FULL : (enum iu_form)(1 + iu_rand_below(&rand, 3));
    for (uint64_t size = 60; size <= COUNT; size += 60)
        model_store(t, &model, size, size, forms);
    for (int round = 0; round < 80; round++) {
        struct iu_txn *txn = temp_txn(t);
        assert_true(iu_log_find(iu_txn_reads(txn), &model.city, 1, &log));
        check_gaps(iu_txn_reads(txn), &log, &model, forms);
        uint64_t first = iu_rand_below(&rand, COUNT), end = first + 1 + iu_rand_below(&rand, 40);
        end = end < COUNT ? end : COUNT;
        struct iu_buf items = IU_BUF_INIT;
        for (uint64_t i = first; i < end; i++) {
            enum iu_form form = iu_rand_below(&rand, 3) ? IU_FORM_FULL : IU_FORM_HEADER;
            model_put(&model, i, form, &items);
            forms[i] = forms[i] > form ? forms[i] : form;
        }
        iu_log_fill(txn, &log, first, iu_buf_view(&items));
        check_gaps(iu_txn_reads(txn), &log, &model, forms);
        assert_int_equal(iu_txn_commit(txn), IU_OK);
        iu_buf_fini(&items);
    }
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &model.city, 1, &log));
    check_root(&log, &model);
    for (uint64_t i = 0; i < COUNT; i++) {
        struct iu_item item;
        assert_int_equal(iu_log_item(snap, &log, i, &item), IU_OK);
        bool bare = model.entries[i].body.len == 0;
        assert_int_equal(iu_item_form(&item), bare && forms[i] == IU_FORM_HEADER ? IU_FORM_FULL : forms[i]);
        if (forms[i] == IU_FORM_FULL)
            check_item(snap, &log, &model, i);
    }
    iu_snap_close(snap);
    model_fini(&model);
}

static void lesser_forms_are_read_from_full_ones(void **state)
{
    struct temp_store *t = *state;
    struct iu_log_state log;
    struct model model = model_make(city_of(1), 1, 100, 500, 8);
    model_store(t, &model, 100, 100, NULL);
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &model.city, 1, &log));
    for (int form = IU_FORM_HASH; form <= IU_FORM_HEADER; form++) {
        struct iu_buf got = IU_BUF_INIT, expect = IU_BUF_INIT;
        uint64_t end;
        assert_int_equal(iu_log_read(snap, &log, 10, 90, (enum iu_form)form, SIZE_MAX, &got, &end), IU_OK);
        assert_int_equal(end, 90);
        for (uint64_t i = 10; i < 90; i++)
            model_put(&model, i, (enum iu_form)form, &expect);
        assert_true(iu_bytes_equal(iu_buf_view(&got), iu_buf_view(&expect)));
        iu_buf_fini(&got);
        iu_buf_fini(&expect);
    }
    iu_snap_close(snap);
    model_fini(&model);
}

/* --- several logs --- */

static void feed_positions_are_dense_and_changes_have_one_row_a_log(void **state)
{
    struct temp_store *t = *state;
    struct iu_rand rand;
    struct model models[3];
    uint64_t sizes[3] = {0}, position = 0;
    uint32_t order[200], no;
    iu_rand_seed(&rand, 9);
    for (uint8_t m = 0; m < 3; m++)
        models[m] = model_make(city_of((uint8_t)(m + 1)), 1, 400, 60, m);
    for (size_t i = 0; i < 200; i++) {
        size_t m = iu_rand_below(&rand, 3);
        sizes[m]++;
        model_store(t, &models[m], sizes[m], sizes[m], NULL);
        order[i] = (uint32_t)m;
    }
    struct iu_snap *snap = iu_snap_open(t->store);
    struct iu_log_state log;
    struct iu_feed_row row;
    uint64_t seen[3] = {0};
    while (iu_feed_next(snap, position, &row)) {
        assert_int_equal(row.position, position);
        assert_true(iu_log_by_no(snap, row.no, &log));
        for (uint64_t i = 0; i < row.count; i++)
            assert_int_equal(order[position + i], log.city.b[0] - 1);
        assert_int_equal(row.first, seen[log.city.b[0] - 1]);
        seen[log.city.b[0] - 1] += row.count;
        struct iu_feed_row same;
        assert_true(iu_feed_next(snap, position + row.count - 1, &same)); /* from inside a row */
        assert_int_equal(same.position, row.position);
        position += row.count;
    }
    assert_int_equal(position, 200);
    assert_int_equal(iu_meta_u64(snap, "feed"), 200);
    assert_int_equal(iu_table_count(snap, IU_T_CHANGES), 3);
    uint64_t after = 0, counter;
    int logs = 0;
    for (; iu_change_next(snap, after, &counter, &no); logs++) {
        assert_true(iu_log_by_no(snap, no, &log));
        assert_int_equal(log.change, counter);
        assert_true(counter > after);
        after = counter;
    }
    assert_int_equal(logs, 3);
    assert_int_equal(after, 200);
    iu_snap_close(snap);
    for (int m = 0; m < 3; m++)
        model_fini(&models[m]);
}

static void one_commit_may_hold_appends_to_many_logs(void **state)
{
    struct temp_store *t = *state;
    struct model models[20];
    struct iu_log_state log;
    struct iu_txn *txn = temp_txn(t);
    for (uint8_t m = 0; m < 20; m++) {
        models[m] = model_make(city_of((uint8_t)(m + 20)), 1, 30, 400, m);
        iu_log_make(txn, &models[m].city, 1, &log);
        model_append(txn, &log, &(struct model_append){.model = &models[m], .end = 10, .head_size = 30});
    }
    for (uint8_t m = 0; m < 20; m++) {
        assert_true(iu_log_find(iu_txn_reads(txn), &models[m].city, 1, &log));
        model_append(txn, &log, &(struct model_append){.model = &models[m], .end = 30, .head_size = 30});
    }
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    struct iu_rand rand;
    iu_rand_seed(&rand, 1);
    struct iu_snap *snap = iu_snap_open(t->store);
    uint32_t no = 0;
    int logs = 0;
    for (; iu_log_next(snap, &no, &log); logs++)
        assert_int_equal(log.no, logs + 1);
    assert_int_equal(logs, 20);
    iu_snap_close(snap);
    for (uint8_t m = 0; m < 20; m++) {
        check_log(t, &models[m], 30, &rand);
        model_fini(&models[m]);
    }
}

/* --- the own log: what is released --- */

/* Puts the own log's entries [size, end) without a note, as a publish does. */
static void put_own(struct temp_store *t, struct model *model, uint64_t end)
{
    model_store(t, model, end, 0, NULL);
}

static void readers_see_of_the_own_log_only_what_is_released(void **state)
{
    struct temp_store *t = *state;
    struct model own = model_make(t->city, 1, 700, 100, 10), other = model_make(city_of(9), 1, 10, 100, 11);
    struct iu_buf note = IU_BUF_INIT;
    struct iu_head head;
    struct iu_log_state log;
    struct iu_feed_row row;
    struct iu_rand rand;
    iu_rand_seed(&rand, 10);
    put_own(t, &own, 300);
    model_store(t, &other, 10, 10, NULL);
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &own.city, 1, &log));
    assert_int_equal(log.size, 0);
    assert_int_equal(log.head.size, 0);
    assert_false(iu_feed_next(snap, 0, &row));
    assert_true(iu_log_committed(snap, &own.city, 1, &log));
    assert_int_equal(log.size, 300);
    assert_int_equal(log.head.size, 0);
    check_root(&log, &own);
    iu_snap_close(snap);

    iu_store_release(t->store, 1, 300, model_sign(&own, 300, &head, &note));
    check_log(t, &own, 300, &rand);
    put_own(t, &own, 650);
    check_log(t, &own, 300, &rand); /* still */
    snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &own.city, 1, &log));
    assert_true(iu_bytes_equal(log.note, iu_buf_view(&note)));
    assert_int_equal(log.right.len, 0);
    assert_true(iu_feed_next(snap, 0, &row));
    assert_int_equal(row.count, 300);
    assert_true(iu_feed_next(snap, 300, &row)); /* the other city's */
    assert_int_equal(row.count, 10);
    assert_false(iu_feed_next(snap, 310, &row));
    iu_snap_close(snap);

    iu_store_release(t->store, 1, 500, model_sign(&own, 500, &head, &note));
    for (int look = 0; look < 2; look++) /* the second finds what the first worked out */
        check_log(t, &own, 500, &rand);
    iu_store_release(t->store, 1, 650, model_sign(&own, 650, &head, &note));
    check_log(t, &own, 650, &rand);
    snap = iu_snap_open(t->store);
    assert_true(iu_feed_next(snap, 310, &row));
    assert_int_equal(row.count, 350);
    iu_snap_close(snap);
    iu_store_release(t->store, 0, 0, (struct iu_bytes){0});
    snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &own.city, 1, &log));
    assert_int_equal(log.size, 0);
    iu_snap_close(snap);
    iu_buf_fini(&note);
    model_fini(&own);
    model_fini(&other);
}

static void a_kept_note_gives_the_own_log_a_new_change_number(void **state)
{
    struct temp_store *t = *state;
    struct model own = model_make(t->city, 1, 50, 100, 12);
    struct iu_buf note = IU_BUF_INIT, newer = IU_BUF_INIT;
    struct iu_head head, old;
    struct iu_log_state log;
    put_own(t, &own, 20);
    iu_store_release(t->store, 1, 20, model_sign(&own, 20, &old, &note));
    put_own(t, &own, 50);
    struct iu_txn *txn = temp_txn(t);
    assert_true(iu_log_find(iu_txn_reads(txn), &own.city, 1, &log));
    assert_int_equal(log.size, 50); /* as committed */
    uint64_t change = log.change;
    iu_log_set_note(txn, &log, &old, iu_buf_view(&note));
    assert_int_equal(log.head.size, 20);
    assert_int_equal(log.change, change + 1);
    model_sign(&own, 50, &head, &newer);
    iu_log_set_note(txn, &log, &head, iu_buf_view(&newer));
    iu_log_set_note(txn, &log, &old, iu_buf_view(&note)); /* late: nothing */
    assert_int_equal(log.head.size, 50);
    assert_int_equal(log.change, change + 2);
    assert_true(iu_bytes_equal(log.note, iu_buf_view(&newer)));
    assert_int_equal(iu_table_count(iu_txn_reads(txn), IU_T_CHANGES), 1);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    iu_buf_fini(&note);
    iu_buf_fini(&newer);
    model_fini(&own);
}

static void entries_fetched_back_stay_unseen_until_released(void **state)
{
    struct temp_store *t = *state;
    struct model own = model_make(t->city, 1, 60, 100, 13);
    struct iu_buf note = IU_BUF_INIT;
    struct iu_head head;
    struct iu_log_state log;
    struct iu_rand rand;
    iu_rand_seed(&rand, 13);
    model_sign(&own, 60, &head, &note);
    model_store(t, &own, 25, 60, NULL);
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &own.city, 1, &log));
    assert_int_equal(log.size, 0);
    iu_snap_close(snap);
    model_store(t, &own, 60, 60, NULL);
    iu_store_release(t->store, 1, 60, iu_buf_view(&note));
    check_log(t, &own, 60, &rand);
    iu_buf_fini(&note);
    model_fini(&own);
}

/* --- ids, faults --- */

static void find(struct temp_store *t, const struct iu_hash *id, size_t len, int expect, uint64_t index)
{
    struct iu_log_state log;
    uint64_t found = UINT64_MAX;
    int count;
    struct iu_snap *snap = iu_snap_open(t->store);
    iu_log_find_id(snap, iu_bytes_of(id->b, len), &log, &found, &count);
    assert_int_equal(count, expect);
    if (expect == 1)
        assert_int_equal(found, index);
    iu_snap_close(snap);
}

static void entries_are_found_by_id_before_and_after_the_index_is_filled(void **state)
{
    struct temp_store *t = *state;
    struct model model = model_make(city_of(1), 1, 700, 100, 14), own = model_make(t->city, 1, 5, 100, 15);
    struct iu_hash absent = {{0xFE, 0xDC, 0xBA}};
    model_store(t, &model, 700, 700, NULL);
    put_own(t, &own, 5);
    bool more = true;
    for (int round = 0; round < 4; round++) {
        find(t, &model.leaves[0], 32, 1, 0);
        find(t, &model.leaves[699], 32, 1, 699);
        find(t, &model.leaves[350], 8, 1, 350);
        find(t, &model.leaves[350], 1, 0, 0); /* too short to ask */
        find(t, &absent, 3, 0, 0);
        find(t, &own.leaves[2], 32, 0, 0); /* not released */
        struct iu_hash near = model.leaves[699];
        near.b[31] ^= 1;
        find(t, &near, 32, 0, 0);
        struct iu_txn *txn = temp_txn(t);
        more = iu_ids_fill(txn, 300);
        assert_int_equal(iu_txn_commit(txn), IU_OK);
        assert_int_equal(more, round < 2);
    }
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_int_equal(iu_table_count(snap, IU_T_IDS), 705);
    iu_snap_close(snap);
    model_fini(&model);
    model_fini(&own);
}

static void two_entries_of_one_prefix_are_told_from_one(void **state)
{
    struct temp_store *t = *state;
    struct model model = model_make(city_of(1), 1, 800, 30, 16);
    model_store(t, &model, 800, 800, NULL);
    size_t pairs = 0;
    for (size_t i = 0; i < 800; i++)
        for (size_t j = i + 1; j < 800; j++)
            if (memcmp(model.leaves[i].b, model.leaves[j].b, 2) == 0) {
                find(t, &model.leaves[i], 2, 2, 0);
                find(t, &model.leaves[i], 32, 1, i);
                pairs++;
            }
    assert_true(pairs > 0);
    model_fini(&model);
}

static void a_fault_freezes_one_log_for_ever(void **state)
{
    struct temp_store *t = *state;
    struct model model = model_make(city_of(1), 1, 20, 100, 17),
                 other = model_make(city_of(2), 1, 20, 100, 18);
    struct iu_log_state log;
    struct iu_bytes fault;
    struct iu_hash expect;
    model_store(t, &model, 20, 20, NULL);
    model_store(t, &other, 20, 20, NULL);
    struct iu_txn *txn = temp_txn(t);
    assert_true(iu_log_find(iu_txn_reads(txn), &model.city, 1, &log));
    uint64_t change = log.change;
    iu_log_set_fault(txn, &log, 15, iu_bytes_str("two signed histories"));
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    temp_close(t);
    assert_int_equal(temp_open(t, 0), IU_OK);
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &model.city, 1, &log));
    assert_int_equal(log.frozen_at, 15);
    assert_true(log.change > change);
    iu_sha256(iu_bytes_str("two signed histories"), &expect);
    assert_true(iu_hash_equal(&log.fault_hash, &expect));
    assert_true(iu_log_fault(snap, log.no, &fault));
    assert_true(iu_bytes_equal(fault, iu_bytes_str("two signed histories")));
    assert_true(iu_log_find(snap, &other.city, 1, &log));
    assert_int_equal(log.frozen_at, IU_NOT_FROZEN);
    assert_false(iu_log_fault(snap, log.no, &fault));
    iu_snap_close(snap);
    model_fini(&model);
    model_fini(&other);
}

static void the_newest_log_is_the_last_that_holds_an_entry(void **state)
{
    struct temp_store *t = *state;
    struct iu_city city = city_of(1), unknown = city_of(2);
    struct model first = model_make(city, 1, 5, 50, 19), second = model_make(city, 2, 5, 50, 20);
    struct iu_log_state log;
    struct iu_txn *txn = temp_txn(t);
    iu_log_make(txn, &city, 1, &log);
    iu_log_make(txn, &city, 2, &log);
    assert_true(iu_log_newest(iu_txn_reads(txn), &city, &log));
    assert_int_equal(log.log, 1);
    assert_false(iu_log_newest(iu_txn_reads(txn), &unknown, &log));
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    model_store(t, &first, 5, 5, NULL);
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_log_newest(snap, &city, &log));
    assert_int_equal(log.log, 1);
    iu_snap_close(snap);
    model_store(t, &second, 1, 5, NULL);
    snap = iu_snap_open(t->store);
    assert_true(iu_log_newest(snap, &city, &log));
    assert_int_equal(log.log, 2);
    iu_snap_close(snap);
    model_fini(&first);
    model_fini(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_appends_of_small_entries_read_back, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(random_appends_of_large_entries_read_back, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(single_appends_share_runs, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(a_map_that_fills_up_in_mid_append_leaves_nothing_of_it, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(an_entry_above_the_run_length_stands_alone, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(runs_and_tiles_take_little_more_than_what_they_hold, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(gaps_are_kept_and_filled_from_any_side, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(lesser_forms_are_read_from_full_ones, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(feed_positions_are_dense_and_changes_have_one_row_a_log, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(one_commit_may_hold_appends_to_many_logs, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(readers_see_of_the_own_log_only_what_is_released, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(a_kept_note_gives_the_own_log_a_new_change_number, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(entries_fetched_back_stay_unseen_until_released, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(entries_are_found_by_id_before_and_after_the_index_is_filled,
                                        temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(two_entries_of_one_prefix_are_told_from_one, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(a_fault_freezes_one_log_for_ever, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(the_newest_log_is_the_last_that_holds_an_entry, temp_setup,
                                        temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
