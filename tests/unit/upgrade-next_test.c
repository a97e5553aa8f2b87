/* SPDX-License-Identifier: Apache-2.0 */
/* Of the next version's format, whose table of documents is another one and which has a table more: the only
 * one that there is something to upgrade to. */
#include "view/upgrade.h"

#include "unit/fixture.h"

#define DOCUMENTS 40

struct pair {
    struct node lyon, porto;
    struct iu_buf views, entries; /* of porto's store as it should be */
};

static void dump(struct temp_store *t, enum iu_table table, struct iu_buf *out)
{
    struct iu_scan scan;
    struct iu_bytes key, value;
    struct iu_snap *snap = iu_snap_open(t->store);
    iu_scan_open(snap, table, (struct iu_bytes){0}, (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value)) {
        iu_buf_put_bytes(out, key);
        iu_buf_put_u8(out, '=');
        iu_buf_put_bytes(out, value);
        iu_buf_put_u8(out, '\n');
    }
    iu_scan_close(&scan);
    assert_int_equal(iu_snap_err(snap), IU_OK);
    iu_snap_close(snap);
}

static void dump_views(struct temp_store *t, struct iu_buf *out)
{
    dump(t, IU_T_DOCS, out);
    dump(t, IU_T_DATES, out);
}

static void dump_entries(struct temp_store *t, struct iu_buf *out)
{
    static const enum iu_table tables[] = {IU_T_CHAINS, IU_T_LOGS,     IU_T_RUNS,  IU_T_TILES, IU_T_GAPS,
                                           IU_T_FEED,   IU_T_CHARTERS, IU_T_NAMES, IU_T_REFS,  IU_T_CHANGES};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        dump(t, tables[i], out);
}

static enum iu_err open_as(struct temp_store *t, uint64_t map_bytes, bool older)
{
    struct iu_store_options options = {
        .dir = t->dir, .city = &t->city, .map_bytes = map_bytes, .seed = {1, 2}, .older = older};
    assert_null(t->store);
    return iu_store_open(&options, &t->store, &t->why);
}

/* What the older program leaves: its format number, its own table, and nothing good in ours. */
static void make_older(struct temp_store *t, uint64_t format)
{
    struct iu_txn *txn = temp_txn(t);
    uint8_t key[IU_KEY_MAX];
    iu_meta_put_u64(txn, "format", format);
    iu_put(txn, IU_T_DATES, iu_key_u64(key, 7), iu_bytes_str("left over"));
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    temp_close(t);
}

/* Porto holds its own log, and Lyon's in all forms. */
static int setup(void **state)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    node_open(&p->lyon, 1);
    node_open(&p->porto, 11);
    node_charter(&p->lyon, "Lyon", "lyon", "lyon.example");
    node_publish_many(&p->lyon, DOCUMENTS);
    node_release(&p->lyon);
    node_charter(&p->porto, "Porto", "porto", "porto.example");
    node_publish_many(&p->porto, 3);
    node_release(&p->porto);
    node_meet(&p->porto, &p->lyon);
    const struct iu_city *city = &p->lyon.town.city;
    assert_int_equal(node_err(&p->porto, node_batch_of(&p->lyon, city, 1, 0, 5, IU_FORM_HASH)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_batch_of(&p->lyon, city, 1, 5, 9, IU_FORM_HEADER)), IU_OK);
    node_pull(&p->porto, &p->lyon, city, 7);
    dump_views(&p->porto.disk, &p->views);
    dump_entries(&p->porto.disk, &p->entries);
    assert_true(p->views.len > 0);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    iu_buf_fini(&p->views);
    iu_buf_fini(&p->entries);
    node_close(&p->lyon);
    node_close(&p->porto);
    free(p);
    return 0;
}

/* Up to `steps` steps of so many entries. Whether there is more to do. */
static bool go_on(struct temp_store *t, uint64_t entries, int steps)
{
    bool more = true;
    struct iu_upgrade *u = iu_upgrade_open(t->store);
    assert_non_null(u);
    for (; more && steps; steps--)
        assert_int_equal(iu_upgrade_step(u, entries, &more), IU_OK);
    iu_upgrade_close(u);
    return more;
}

static uint64_t done_so_far(struct temp_store *t)
{
    struct iu_upgrade_view view;
    struct iu_upgrade *u = iu_upgrade_open(t->store);
    iu_upgrade_view(u, &view);
    iu_upgrade_close(u);
    assert_int_equal(view.from, 1);
    assert_int_equal(view.to, IU_STORE_FORMAT);
    assert_int_equal(view.entries, DOCUMENTS + 1 + 4);
    return view.done;
}

/* The store has the new format, also when it is opened as any other; the views are what they should be, and
 * nothing else is other than it was. */
static void assert_upgraded(struct pair *p)
{
    struct temp_store *t = &p->porto.disk;
    struct iu_buf views = IU_BUF_INIT, entries = IU_BUF_INIT;
    assert_int_equal(iu_store_format(t->store), IU_STORE_FORMAT);
    assert_null(iu_upgrade_open(t->store));
    temp_close(t);
    assert_int_equal(open_as(t, 0, false), IU_OK);
    dump_views(t, &views);
    dump_entries(t, &entries);
    assert_true(iu_bytes_equal(iu_buf_view(&views), iu_buf_view(&p->views)));
    assert_true(iu_bytes_equal(iu_buf_view(&entries), iu_buf_view(&p->entries)));
    iu_buf_fini(&views);
    iu_buf_fini(&entries);
    struct iu_snap *snap = iu_snap_open(t->store);
    struct iu_bytes value;
    assert_int_equal(iu_meta_u64(snap, "format"), IU_STORE_FORMAT);
    assert_false(iu_meta_get(snap, "upgrade", &value));
    iu_snap_close(snap);
}

static void steps_of_any_size_make_the_views_that_apply_would_have_made(void **state)
{
    struct pair *p = *state;
    struct temp_store *t = &p->porto.disk;
    static const uint64_t sizes[] = {0, 1, 2, 7, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        make_older(t, 1);
        assert_int_equal(open_as(t, 0, true), IU_OK);
        assert_false(go_on(t, sizes[i], 1000));
        assert_upgraded(p);
    }
}

static void one_cut_short_goes_on_where_it_was(void **state)
{
    struct pair *p = *state;
    struct temp_store *t = &p->porto.disk;
    uint64_t last = 0;
    make_older(t, 1);
    for (bool more = true; more;) {
        assert_int_equal(open_as(t, 0, true), IU_OK);
        uint64_t now = done_so_far(t);
        assert_true(now == last || now == last + 3 || now == DOCUMENTS + 5);
        last = now;
        more = go_on(t, 3, 1);
        if (more)
            temp_close(t);
    }
    assert_int_equal(last, DOCUMENTS + 5);
    assert_upgraded(p);
}

static void what_another_program_wrote_meanwhile_makes_it_begin_again(void **state)
{
    struct pair *p = *state;
    struct temp_store *t = &p->porto.disk;
    make_older(t, 1);
    assert_int_equal(open_as(t, 0, true), IU_OK);
    assert_true(go_on(t, 4, 5));
    assert_int_equal(done_so_far(t), 16);
    struct iu_txn *txn = temp_txn(t);
    iu_meta_put_u64(txn, "someone", 1);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    temp_close(t);
    assert_int_equal(open_as(t, 0, true), IU_OK);
    assert_int_equal(done_so_far(t), 0);
    assert_false(go_on(t, 4, 1000));
    assert_upgraded(p);
}

static void only_who_upgrades_may_open_an_older_store(void **state)
{
    struct pair *p = *state;
    struct temp_store *t = &p->porto.disk;
    make_older(t, 1);
    assert_int_equal(open_as(t, 0, false), IU_HERE_FORMAT);
    assert_non_null(strstr(t->why, "older"));
    assert_int_equal(open_as(t, 0, true), IU_OK);
    make_older(t, 0);
    assert_int_equal(open_as(t, 0, true), IU_HERE_FORMAT);
}

static void a_map_that_is_too_small_grows_on_the_way(void **state)
{
    struct pair *p = *state;
    struct temp_store *t = &p->porto.disk;
    static const uint8_t filler[2000];
    enum iu_err err = IU_OK;
    make_older(t, 1);
    assert_int_equal(open_as(t, 4096, true), IU_OK);
    for (int i = 0; !err; i++) { /* until there is no room in the map as it is */
        char name[32];
        struct iu_txn *txn = temp_txn(t);
        snprintf(name, sizeof name, "filler%d", i);
        iu_meta_put(txn, name, iu_bytes_of(filler, sizeof filler));
        err = iu_txn_commit(txn);
    }
    assert_int_equal(err, IU_HERE_GROW);
    assert_false(go_on(t, 100000, 1000));
    assert_upgraded(p);
}

static void a_look_says_how_far_it_is_and_writes_nothing(void **state)
{
    struct pair *p = *state;
    struct temp_store *t = &p->porto.disk;
    struct iu_store_peek seen;
    const char *why;
    make_older(t, 1);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(iu_store_peek(t->dir, &seen, &why), IU_OK);
        assert_int_equal(seen.format, 1);
        assert_int_equal(seen.entries, DOCUMENTS + 5);
        assert_int_equal(seen.done, round ? 8 : 0);
        assert_true(seen.free_bytes > 0);
        assert_int_equal(open_as(t, 0, true), IU_OK); /* which goes on: nobody has written */
        assert_int_equal(done_so_far(t), round ? 8 : 0);
        if (!round)
            assert_true(go_on(t, 4, 3));
        temp_close(t);
    }
    assert_int_equal(open_as(t, 0, true), IU_OK);
    assert_false(go_on(t, 4, 1000));
    assert_upgraded(p);
    temp_close(t);
    assert_int_equal(iu_store_peek(t->dir, &seen, &why), IU_OK);
    assert_int_equal(seen.format, IU_STORE_FORMAT);
    assert_int_equal(seen.done, 0);
    assert_int_equal(iu_store_peek("/nonexistent/store", &seen, &why), IU_HERE_NOT_FOUND);
}

static void room_is_asked_for_what_is_left(void **state)
{
    (void)state;
    assert_int_equal(iu_rebuild_bytes(IU_STORE_FORMAT, 1000), 0);
    assert_true(iu_rebuild_bytes(1, 1000) >= 1000 * (12 + 13 + 20 + 4));
    assert_true(iu_rebuild_bytes(1, 10) < iu_rebuild_bytes(1, 1000));
    assert_true(iu_rebuild_stale(IU_T_DOCS, 1) && iu_rebuild_stale(IU_T_DOCS, 2) && !iu_rebuild_stale(IU_T_DOCS, 3));
    assert_false(iu_rebuild_stale(IU_T_RUNS, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(steps_of_any_size_make_the_views_that_apply_would_have_made),
        TEST(one_cut_short_goes_on_where_it_was),
        TEST(what_another_program_wrote_meanwhile_makes_it_begin_again),
        TEST(only_who_upgrades_may_open_an_older_store),
        TEST(a_map_that_is_too_small_grows_on_the_way),
        TEST(a_look_says_how_far_it_is_and_writes_nothing),
        TEST(room_is_asked_for_what_is_left),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
