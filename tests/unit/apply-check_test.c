/* SPDX-License-Identifier: Apache-2.0 */
/* What `check` finds in a store whose rows were changed behind our back. */
#include "unit/fixture.h"

struct pair {
    struct node lyon, porto;
    uint32_t no; /* of Lyon's log at Porto */
};

static int setup(void **state)
{
    struct pair *p = malloc(sizeof *p);
    struct iu_log_state log;
    struct iu_snap *snap;
    assert_non_null(p);
    node_open(&p->lyon, 1);
    node_open(&p->porto, 11);
    node_charter(&p->lyon, "Lyon", "lyon", "lyon.example");
    node_publish_many(&p->lyon, 20);
    node_release(&p->lyon);
    node_meet(&p->porto, &p->lyon);
    node_pull(&p->porto, &p->lyon, &p->lyon.town.city, 7);
    node_state(&p->porto, &p->lyon.town.city, 1, &snap, &log);
    p->no = log.no;
    iu_snap_close(snap);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    node_close(&p->lyon);
    node_close(&p->porto);
    free(p);
    return 0;
}

/* Changes byte `at` of a row's value, counted from its end; the check of a log says `why`. Then all is as
 * before. */
static void spoil(struct pair *p, enum iu_table table, struct iu_bytes key, size_t at, uint32_t no,
                  const char *expected)
{
    struct iu_bytes value;
    struct iu_buf copy = IU_BUF_INIT;
    const char *why = NULL;
    uint64_t done;
    for (int turn = 0; turn < 2; turn++) {
        struct iu_txn *txn = temp_txn(&p->porto.disk);
        assert_true(iu_get(iu_txn_reads(txn), table, key, &value));
        iu_buf_clear(&copy);
        iu_buf_put_bytes(&copy, value);
        assert_true(at < copy.len);
        copy.data[copy.len - 1 - at] ^= 1;
        iu_put(txn, table, key, iu_buf_view(&copy));
        assert_int_equal(iu_txn_commit(txn), IU_OK);
        struct iu_snap *snap = iu_snap_open(p->porto.disk.store);
        assert_int_equal(iu_check_log(snap, no, &done, &why), turn == 0 ? IU_HERE_CORRUPT : IU_OK);
        assert_string_equal(why, turn == 0 ? expected : "");
        iu_snap_close(snap);
    }
    iu_buf_fini(&copy);
}

static void a_changed_body_is_found(void **state)
{
    struct pair *p = *state;
    uint8_t key[IU_KEY_MAX];
    spoil(p, IU_T_RUNS, iu_key_u32_u64(key, p->no, 0), 0, p->no,
          "an entry's body is not the one that it commits to");
}

static void a_changed_tile_is_found(void **state)
{
    struct pair *p = *state;
    uint8_t key[IU_KEY_MAX];
    spoil(p, IU_T_TILES, iu_key_tile(key, p->no, 0, 0), 3, p->no,
          "an entry's hash is not the one in the tree");
}

static void a_changed_view_is_found(void **state)
{
    struct pair *p = *state;
    uint8_t key[IU_KEY_MAX];
    spoil(p, IU_T_DOCS, iu_key_u32_u64(key, p->no, 5), 0, p->no, "a view is not what the entries say");
    spoil(p, IU_T_CHARTERS, iu_charter_key(key, &p->lyon.town.city, 1, 0), 0, p->no,
          "a view is not what the entries say");
}

static void a_changed_note_is_found(void **state)
{
    struct pair *p = *state;
    struct iu_log_state log;
    struct iu_snap *snap;
    uint8_t key[IU_KEY_MAX];
    node_state(&p->porto, &p->lyon.town.city, 1, &snap, &log);
    size_t behind = log.frontier.count * IU_HASH_LEN; /* hashes behind the note */
    iu_snap_close(snap);
    spoil(p, IU_T_LOGS, iu_key_u32(key, p->no), behind + 10, p->no,
          "the newest head is not signed by the city");
}

static void a_changed_record_is_found(void **state)
{
    struct pair *p = *state;
    struct iu_log_state log;
    struct iu_snap *snap;
    uint8_t key[IU_KEY_MAX];
    node_state(&p->porto, &p->lyon.town.city, 1, &snap, &log);
    size_t behind = log.frontier.count * IU_HASH_LEN + log.note.len + 2; /* then gap count, bytes */
    iu_snap_close(snap);
    spoil(p, IU_T_LOGS, iu_key_u32(key, p->no), behind, p->no, "the log's record does not say what is held");
}

static void a_changed_feed_is_found_with_the_first_log(void **state)
{
    struct pair *p = *state;
    uint8_t key[IU_KEY_MAX];
    spoil(p, IU_T_FEED, iu_key_u64(key, 0), 8, 1, "the feed is not what the logs hold");
}

static void a_log_that_is_not_there_is_found(void **state)
{
    struct pair *p = *state;
    uint64_t done;
    const char *why;
    struct iu_snap *snap = iu_snap_open(p->porto.disk.store);
    assert_int_equal(iu_check_log(snap, 99, &done, &why), IU_HERE_CORRUPT);
    assert_string_equal(why, "the log's record is missing");
    assert_int_equal(iu_check_log(snap, p->no, &done, &why), IU_OK);
    assert_int_equal(done, 21);
    iu_snap_close(snap);
}

static void own_entries_that_are_not_released_are_no_contradiction(void **state)
{
    struct pair *p = *state;
    node_charter(&p->porto, "Porto", "porto", "porto.example");
    node_release(&p->porto);
    node_publish(&p->porto, "pending");
    assert_log_whole(&p->porto, &p->porto.town.city, 1);
    assert_log_whole(&p->porto, &p->lyon.town.city, 21);
    node_release(&p->porto);
    assert_log_whole(&p->porto, &p->porto.town.city, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_changed_body_is_found),          TEST(a_changed_tile_is_found),
        TEST(a_changed_view_is_found),          TEST(a_changed_note_is_found),
        TEST(a_changed_record_is_found),        TEST(a_changed_feed_is_found_with_the_first_log),
        TEST(a_log_that_is_not_there_is_found), TEST(own_entries_that_are_not_released_are_no_contradiction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
