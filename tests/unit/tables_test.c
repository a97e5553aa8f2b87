/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tables.h"

#include "base/rand.h"
#include "unit/temp_store.h"

static struct iu_bytes text(const char *word)
{
    return iu_bytes_str(word);
}

static void assert_text(struct iu_bytes bytes, const char *word)
{
    assert_true(iu_bytes_equal(bytes, iu_bytes_str(word)));
}

static void a_value_is_put_replaced_and_deleted(void **state)
{
    struct iu_txn *txn = temp_txn(*state);
    const struct iu_snap *reads = iu_txn_reads(txn);
    struct iu_bytes value;
    assert_false(iu_get(reads, IU_T_REFS, text("a"), &value));
    iu_put(txn, IU_T_REFS, text("a"), text("one"));
    iu_put(txn, IU_T_REFS, text("a"), text("two"));
    assert_true(iu_get(reads, IU_T_REFS, text("a"), &value));
    assert_text(value, "two");
    assert_false(iu_get(reads, IU_T_GAPS, text("a"), &value));
    assert_int_equal(iu_table_count(reads, IU_T_REFS), 1);
    iu_del(txn, IU_T_REFS, text("a"));
    iu_del(txn, IU_T_REFS, text("never there"));
    assert_false(iu_get(reads, IU_T_REFS, text("a"), &value));
    assert_int_equal(iu_txn_commit(txn), IU_OK);
}

static void appending_out_of_order_is_a_put(void **state)
{
    struct iu_txn *txn = temp_txn(*state);
    const struct iu_snap *reads = iu_txn_reads(txn);
    struct iu_bytes value;
    iu_append(txn, IU_T_FEED, text("m"), text("1"));
    iu_append(txn, IU_T_FEED, text("z"), text("2"));
    iu_append(txn, IU_T_FEED, text("a"), text("3"));
    iu_append(txn, IU_T_FEED, text("z"), text("4"));
    assert_int_equal(iu_table_count(reads, IU_T_FEED), 3);
    assert_true(iu_get(reads, IU_T_FEED, text("a"), &value));
    assert_text(value, "3");
    assert_true(iu_get(reads, IU_T_FEED, text("z"), &value));
    assert_text(value, "4");
    assert_int_equal(iu_txn_commit(txn), IU_OK);
}

static void put_all(struct iu_txn *txn, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        iu_put(txn, IU_T_NAMES, text(keys[i]), text(keys[i]));
}

static void a_scan_walks_one_prefix_from_a_key_on(void **state)
{
    static const char *const keys[] = {"a", "ba", "bb", "bc", "c"};
    struct iu_txn *txn = temp_txn(*state);
    struct iu_bytes key, value;
    struct iu_scan scan;
    put_all(txn, keys, 5);
    iu_scan_open(iu_txn_reads(txn), IU_T_NAMES, text("b"), text("bb"), &scan);
    assert_true(iu_scan_next(&scan, &key, &value));
    assert_text(key, "bb");
    assert_text(value, "bb");
    assert_true(iu_scan_next(&scan, &key, &value));
    assert_text(key, "bc");
    assert_false(iu_scan_next(&scan, &key, &value));
    iu_scan_close(&scan);
    iu_scan_open(iu_txn_reads(txn), IU_T_NAMES, (struct iu_bytes){0}, (struct iu_bytes){0}, &scan);
    int seen = 0;
    while (iu_scan_next(&scan, &key, &value))
        assert_text(key, keys[seen++]);
    assert_int_equal(seen, 5);
    iu_scan_close(&scan);
    iu_scan_open(iu_txn_reads(txn), IU_T_NAMES, text("d"), (struct iu_bytes){0}, &scan);
    assert_false(iu_scan_next(&scan, &key, &value));
    iu_scan_close(&scan);
    iu_txn_abort(txn);
}

static void the_last_row_of_a_prefix_is_found_with_and_without_a_bound(void **state)
{
    static const char *const keys[] = {"a", "ba", "bb", "bd", "c"};
    struct iu_txn *txn = temp_txn(*state);
    const struct iu_snap *reads = iu_txn_reads(txn);
    struct iu_bytes key, value, none = {0};
    assert_false(iu_last(reads, IU_T_NAMES, none, none, &key, &value));
    put_all(txn, keys, 5);
    assert_true(iu_last(reads, IU_T_NAMES, text("b"), none, &key, &value));
    assert_text(key, "bd");
    assert_true(iu_last(reads, IU_T_NAMES, text("b"), text("bc"), &key, &value));
    assert_text(key, "bb");
    assert_true(iu_last(reads, IU_T_NAMES, text("b"), text("bb"), &key, &value));
    assert_text(key, "bb");
    assert_false(iu_last(reads, IU_T_NAMES, text("b"), text("b"), &key, &value));
    assert_true(iu_last(reads, IU_T_NAMES, none, none, &key, &value));
    assert_text(key, "c");
    assert_true(iu_last(reads, IU_T_NAMES, text("c"), text("cz"), &key, &value));
    assert_text(key, "c");
    assert_false(iu_last(reads, IU_T_NAMES, text("d"), none, &key, &value));
    iu_put(txn, IU_T_NAMES, text("\xFF\xFF"), text("end"));
    assert_true(iu_last(reads, IU_T_NAMES, text("\xFF"), none, &key, &value));
    assert_text(value, "end");
    iu_txn_abort(txn);
}

static void keys_sort_as_their_numbers_do(void **state)
{
    (void)state;
    struct iu_rand rand;
    iu_rand_seed(&rand, 1);
    for (int i = 0; i < 10000; i++) {
        uint8_t a_bytes[IU_KEY_MAX], b_bytes[IU_KEY_MAX];
        uint32_t no_a = (uint32_t)iu_rand_below(&rand, 3), no_b = (uint32_t)iu_rand_below(&rand, 3);
        uint64_t a = iu_rand_u64(&rand) >> iu_rand_below(&rand, 64),
                 b = iu_rand_u64(&rand) >> iu_rand_below(&rand, 64);
        int expect = no_a != no_b ? (no_a < no_b ? -1 : 1) : a != b ? (a < b ? -1 : 1) : 0;
        int got = iu_bytes_cmp(iu_key_u32_u64(a_bytes, no_a, a), iu_key_u32_u64(b_bytes, no_b, b));
        assert_int_equal((got > 0) - (got < 0), expect);
        got = iu_bytes_cmp(iu_key_tile(a_bytes, no_a, 0, a), iu_key_tile(b_bytes, no_b, 0, b));
        assert_int_equal((got > 0) - (got < 0), expect);
        got = iu_bytes_cmp(iu_key_attachment(a_bytes, no_a, a, 0), iu_key_attachment(b_bytes, no_b, b, 0));
        assert_int_equal((got > 0) - (got < 0), expect);
        got = iu_bytes_cmp(iu_key_u64_u64(a_bytes, no_a, a), iu_key_u64_u64(b_bytes, no_b, b));
        assert_int_equal((got > 0) - (got < 0), expect);
    }
}

static void key_lengths_are_those_of_the_layout(void **state)
{
    (void)state;
    uint8_t bytes[IU_KEY_MAX];
    struct iu_city city = city_of(1);
    assert_int_equal(iu_key_u32(bytes, 1).len, 4);
    assert_int_equal(iu_key_u64(bytes, 1).len, 8);
    assert_int_equal(iu_key_u32_u64(bytes, 1, 2).len, 12);
    assert_int_equal(iu_key_u64_u64(bytes, 1, 2).len, 16);
    assert_int_equal(iu_key_city_u32(bytes, &city, 2).len, 36);
    assert_int_equal(iu_key_tile(bytes, 1, 2, 3).len, 13);
    assert_int_equal(iu_key_attachment(bytes, 1, 2, 3).len, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_is_put_replaced_and_deleted, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(appending_out_of_order_is_a_put, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(a_scan_walks_one_prefix_from_a_key_on, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(the_last_row_of_a_prefix_is_found_with_and_without_a_bound,
                                        temp_setup, temp_teardown),
        cmocka_unit_test(keys_sort_as_their_numbers_do),
        cmocka_unit_test(key_lengths_are_those_of_the_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
