/* SPDX-License-Identifier: Apache-2.0 */
#include "store/wants.h"

#include "unit/temp_store.h"

static void wants_survive_and_are_walked_in_order_of_their_logs(void **state)
{
    (void)state;
    struct temp_store t;
    struct iu_want want;
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    struct iu_txn *txn = temp_txn(&t);
    iu_want_put(txn, &(struct iu_want){.no = 300, .size = 9, .state = IU_WANT_ABSENT, .since_ms = 5});
    iu_want_put(txn,
                &(struct iu_want){.no = 2, .size = 1ULL << 40, .state = IU_WANT_FETCHING, .since_ms = 6});
    iu_want_put(txn, &(struct iu_want){.no = 300, .size = 10, .state = IU_WANT_OVER_QUOTA, .since_ms = 7});
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    temp_close(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);

    struct iu_snap *snap = iu_snap_open(t.store);
    uint32_t no = 0;
    assert_true(iu_want_next(snap, &no, &want));
    assert_int_equal(no, 2);
    assert_int_equal(want.size, 1ULL << 40);
    assert_int_equal(want.state, IU_WANT_FETCHING);
    assert_true(iu_want_next(snap, &no, &want));
    assert_int_equal(want.no, 300);
    assert_int_equal(want.size, 10);
    assert_int_equal(want.state, IU_WANT_OVER_QUOTA);
    assert_int_equal(want.since_ms, 7);
    assert_false(iu_want_next(snap, &no, &want));
    iu_snap_close(snap);
    temp_fini(&t);
}

static void a_dropped_want_is_gone_and_the_others_stay(void **state)
{
    (void)state;
    struct temp_store t;
    struct iu_want want;
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    struct iu_txn *txn = temp_txn(&t);
    const struct iu_snap *reads = iu_txn_reads(txn);
    iu_want_put(txn, &(struct iu_want){.no = 1, .size = 1, .state = IU_WANT_FETCHING});
    iu_want_put(txn, &(struct iu_want){.no = 2, .size = 2, .state = IU_WANT_FETCHING});
    iu_want_drop(txn, 1);
    iu_want_drop(txn, 77);
    assert_false(iu_want_get(reads, 1, &want));
    assert_true(iu_want_get(reads, 2, &want));
    assert_int_equal(want.size, 2);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    temp_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wants_survive_and_are_walked_in_order_of_their_logs),
        cmocka_unit_test(a_dropped_want_is_gone_and_the_others_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
