/* SPDX-License-Identifier: Apache-2.0 */
/* How the index of entry ids is filled behind the feed. */
#include "store/logs.h"

#include "store/meta.h"
#include "store/tables.h"
#include "unit/log_model.h"

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

static uint64_t ids_in(struct temp_store *t)
{
    struct iu_snap *snap = iu_snap_open(t->store);
    uint64_t count = iu_table_count(snap, IU_T_IDS);
    iu_snap_close(snap);
    return count;
}

static bool fill_ids(struct temp_store *t, uint64_t entries_max)
{
    struct iu_txn *txn = temp_txn(t);
    bool more = iu_ids_fill(txn, entries_max);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    return more;
}

/* What comes while a pass is under way belongs to the next one; a restart goes on with the pass, and a
 * program that does not know of passes begins again where it began. */
static void the_index_goes_on_where_it_was_and_takes_what_came_meanwhile(void **state)
{
    struct temp_store *t = *state;
    struct model first = model_make(city_of(1), 1, 2000, 30, 21),
                 second = model_make(city_of(2), 1, 500, 30, 22);
    model_store(t, &first, 2000, 2000, NULL);
    assert_true(fill_ids(t, 300));
    uint64_t some = ids_in(t);
    assert_in_range(some, 200, 600); /* a part of a pass, in the order of the ids */
    model_store(t, &second, 500, 500, NULL);
    temp_close(t);
    assert_int_equal(temp_open(t, 0), IU_OK);
    for (size_t i = 0; i < 2000; i += 97)
        find(t, &first.leaves[i], 32, 1, i); /* found once, whether it is in the index or not */
    find(t, &second.leaves[499], 32, 1, 499);
    assert_true(fill_ids(t, 300));
    assert_true(ids_in(t) > some);
    struct iu_txn *txn = temp_txn(t); /* as an older program would leave it */
    iu_meta_put(txn, "ids.pass", (struct iu_bytes){0});
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    while (fill_ids(t, 300))
        ;
    assert_int_equal(ids_in(t), 2500);
    assert_false(fill_ids(t, 300));
    find(t, &second.leaves[0], 32, 1, 0);
    model_fini(&first);
    model_fini(&second);
}

/* A part is cut where ids are dense. */
static void no_part_of_the_index_is_much_larger_than_asked(void **state)
{
    struct temp_store *t = *state;
    struct model model = model_make(city_of(1), 1, 3000, 30, 23);
    model_store(t, &model, 3000, 3000, NULL);
    int rounds = 0;
    for (uint64_t before = 0, now; fill_ids(t, 10); before = now, rounds++) {
        now = ids_in(t);
        assert_true(now - before <= 20);
    }
    assert_in_range(rounds, 150, 400);
    assert_int_equal(ids_in(t), 3000);
    model_fini(&model);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_index_goes_on_where_it_was_and_takes_what_came_meanwhile),
        CASE(no_part_of_the_index_is_much_larger_than_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
