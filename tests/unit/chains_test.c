/* SPDX-License-Identifier: Apache-2.0 */
#include "store/chains.h"

#include "sign/hash.h"
#include "store/logs.h"
#include "unit/temp_store.h"

/* Delegations of one city, serial 1 to `count`, one behind the other. */
static void make_chain(uint32_t count, struct iu_city *city, struct iu_chain *chain, struct iu_buf *notes)
{
    uint8_t seed[32] = {1};
    struct iu_key *root = iu_key_of_seed(seed);
    struct iu_delegation d = {.log_count = 1, .logs = {{.log = 1}}};
    iu_key_public(root, &d.root);
    memcpy(d.city.b, d.root.b, sizeof d.city.b);
    d.node = d.root;
    iu_sha256((struct iu_bytes){0}, &d.logs[0].root);
    chain->count = 0;
    for (d.serial = 1; d.serial <= count; d.serial++) {
        struct iu_buf note = IU_BUF_INIT;
        struct iu_delegation parsed;
        iu_delegation_sign(&d, root, &note);
        assert_int_equal(iu_delegation_get(iu_buf_view(&note), &parsed), IU_OK);
        assert_int_equal(iu_chain_append(chain, &parsed), IU_OK);
        iu_buf_put_bytes(notes, iu_buf_view(&note));
        d.prev = parsed.text_hash;
        iu_buf_fini(&note);
    }
    *city = d.city;
    iu_key_close(root);
}

static void a_chain_is_replaced_and_is_news_of_all_its_logs(void **state)
{
    (void)state;
    struct temp_store temp, *t = &temp;
    static struct iu_chain chain, loaded;
    struct iu_buf notes = IU_BUF_INIT, got = IU_BUF_INIT;
    struct iu_city city, unknown = city_of(3);
    struct iu_log_state log;
    temp_init(t);
    assert_int_equal(temp_open(t, 0), IU_OK);
    make_chain(1, &city, &chain, &notes);
    struct iu_txn *txn = temp_txn(t);
    iu_log_make(txn, &city, 1, &log);
    iu_log_make(txn, &city, 2, &log);
    assert_int_equal(log.change, 0);
    iu_chain_put(txn, &city, &chain, iu_buf_view(&notes));
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    iu_buf_clear(&notes);
    make_chain(3, &city, &chain, &notes);
    txn = temp_txn(t);
    iu_chain_put(txn, &city, &chain, iu_buf_view(&notes));
    iu_city_set_disputed(txn, &city, true, iu_bytes_str("the other text"));
    assert_int_equal(iu_txn_commit(txn), IU_OK);

    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_chain_notes(snap, &city, &got));
    assert_true(iu_bytes_equal(iu_buf_view(&got), iu_buf_view(&notes)));
    assert_true(iu_chain_load(snap, &city, &loaded));
    assert_int_equal(loaded.count, 3);
    assert_memory_equal(&loaded.items[2], &chain.items[2], sizeof loaded.items[2]);
    assert_false(iu_chain_load(snap, &unknown, &loaded));
    assert_false(iu_chain_notes(snap, &unknown, &got));
    assert_true(iu_city_disputed(snap, &city));
    assert_false(iu_city_disputed(snap, &unknown));
    assert_true(iu_log_find(snap, &city, 1, &log));
    assert_int_equal(log.change, 3);
    assert_true(iu_log_find(snap, &city, 2, &log));
    assert_int_equal(log.change, 4);
    iu_snap_close(snap);
    iu_buf_fini(&notes);
    iu_buf_fini(&got);
    temp_fini(t);
}

static void a_shorter_chain_leaves_nothing_of_the_longer_one(void **state)
{
    (void)state;
    struct temp_store t;
    static struct iu_chain chain, loaded;
    struct iu_buf notes = IU_BUF_INIT;
    struct iu_city city;
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    struct iu_txn *txn = temp_txn(&t);
    for (uint32_t count = 3; count > 1; count--) {
        iu_buf_clear(&notes);
        make_chain(count, &city, &chain, &notes);
        iu_chain_put(txn, &city, &chain, iu_buf_view(&notes));
        assert_true(iu_chain_load(iu_txn_reads(txn), &city, &loaded));
        assert_int_equal(loaded.count, count);
    }
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    iu_buf_fini(&notes);
    temp_fini(&t);
}

static void a_dispute_lasts_until_it_is_taken_back_whatever_chain_comes(void **state)
{
    (void)state;
    struct temp_store t;
    static struct iu_chain chain;
    struct iu_buf notes = IU_BUF_INIT;
    struct iu_city city;
    temp_init(&t);
    assert_int_equal(temp_open(&t, 0), IU_OK);
    make_chain(2, &city, &chain, &notes);
    struct iu_txn *txn = temp_txn(&t);
    const struct iu_snap *reads = iu_txn_reads(txn);
    iu_chain_put(txn, &city, &chain, iu_buf_view(&notes));
    assert_false(iu_city_disputed(reads, &city));
    iu_city_set_disputed(txn, &city, true, iu_bytes_str("the other text"));
    iu_chain_put(txn, &city, &chain, iu_buf_view(&notes));
    assert_true(iu_city_disputed(reads, &city));
    iu_city_set_disputed(txn, &city, false, (struct iu_bytes){0});
    assert_false(iu_city_disputed(reads, &city));
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    iu_buf_fini(&notes);
    temp_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_replaced_and_is_news_of_all_its_logs),
        cmocka_unit_test(a_shorter_chain_leaves_nothing_of_the_longer_one),
        cmocka_unit_test(a_dispute_lasts_until_it_is_taken_back_whatever_chain_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
