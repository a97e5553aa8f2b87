/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: what is refused, what its honest twin does, and that the order of arrival does not matter. */
#include "view/apply.h"

#include "unit/fixture.h"

/* Lyon publishes, Porto takes. */
struct pair {
    struct node lyon, porto;
    const struct iu_city *city;
};

static int setup(void **state)
{
    struct pair *p = malloc(sizeof *p);
    assert_non_null(p);
    node_open(&p->lyon, 1);
    node_open(&p->porto, 11);
    p->city = &p->lyon.town.city;
    node_charter(&p->lyon, "Lyon", "lyon", "lyon.example");
    node_publish_many(&p->lyon, 9);
    node_release(&p->lyon);
    node_meet(&p->porto, &p->lyon);
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

/* Porto refuses the job and holds what it held; then it takes the honest twin. */
static void refuse_then_take(struct pair *p, struct iu_job *bad, enum iu_err err, struct iu_job *honest)
{
    uint64_t before = node_size(&p->porto, p->city);
    struct iu_outcome out = node_take(&p->porto, bad);
    assert_string_equal(iu_err_name(out.err), iu_err_name(err));
    assert_false(out.changed);
    assert_int_equal(out.size, before);
    assert_int_equal(node_size(&p->porto, p->city), before);
    out = node_take(&p->porto, honest);
    assert_string_equal(iu_err_name(out.err), iu_err_name(IU_OK));
    assert_true(out.changed);
    assert_int_equal(node_size(&p->porto, p->city), out.size);
}

static void a_batch_is_stored_with_its_views(void **state)
{
    struct pair *p = *state;
    struct iu_outcome out = node_take(&p->porto, node_batch(&p->lyon, p->city, 0, 10));
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.count, 10);
    assert_int_equal(out.size, 10);
    assert_true(out.changed);
    assert_log_whole(&p->porto, p->city, 10);
    assert_log_whole(&p->lyon, p->city, 10);
}

static void a_log_grows_batch_by_batch(void **state)
{
    struct pair *p = *state;
    node_pull(&p->porto, &p->lyon, p->city, 3);
    assert_log_whole(&p->porto, p->city, 10);
}

static void what_was_relayed_can_be_relayed(void **state)
{
    struct pair *p = *state;
    struct node kampala;
    node_open(&kampala, 21);
    node_meet(&kampala, &p->lyon);
    node_pull(&p->porto, &p->lyon, p->city, 4);
    node_pull(&kampala, &p->porto, p->city, 3);
    assert_log_whole(&kampala, p->city, 10);
    node_close(&kampala);
}

static void a_flipped_byte_of_an_entry_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    bad->a.data[bad->a.len - 1] ^= 1; /* of the last body */
    refuse_then_take(p, bad, IU_PEER_MISMATCH, node_batch(&p->lyon, p->city, 0, 4));
}

static void a_forged_head_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    struct iu_head head;
    assert_int_equal(iu_head_get(iu_buf_view(&bad->c), &head), IU_OK);
    iu_buf_clear(&bad->c);
    iu_head_sign(&head, p->porto.town.node[0], &bad->c);
    refuse_then_take(p, bad, IU_PEER_UNKNOWN_KEY, node_batch(&p->lyon, p->city, 0, 4));
}

static void a_spoilt_signature_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    bad->c.data[bad->c.len - 20] = bad->c.data[bad->c.len - 20] == 'A' ? 'B' : 'A';
    refuse_then_take(p, bad, IU_PEER_FORGED, node_batch(&p->lyon, p->city, 0, 4));
}

static void a_head_of_another_root_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 10);
    struct iu_head head;
    assert_int_equal(iu_head_get(iu_buf_view(&bad->c), &head), IU_OK);
    head.root.b[0] ^= 1;
    iu_buf_clear(&bad->c);
    iu_head_sign(&head, p->lyon.town.node[0], &bad->c);
    refuse_then_take(p, bad, IU_PEER_MISMATCH, node_batch(&p->lyon, p->city, 0, 10));
}

/* Items [from, to) of a job, in the order that `order` gives. */
static void reorder(struct iu_job *job, const int *order, size_t count)
{
    struct iu_items it = iu_items_of(iu_buf_view(&job->a));
    struct iu_bytes raw[16];
    struct iu_item item;
    struct iu_buf out = IU_BUF_INIT;
    size_t n = 0;
    while (iu_items_next_raw(&it, &item, &raw[n]))
        n++;
    for (size_t i = 0; i < count; i++)
        iu_buf_put_bytes(&out, raw[order[i]]);
    iu_buf_fini(&job->a);
    job->a = out;
}

static void reordered_entries_are_refused(void **state)
{
    struct pair *p = *state;
    static const int swapped[] = {0, 2, 1, 3};
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    reorder(bad, swapped, 4);
    refuse_then_take(p, bad, IU_PEER_MISMATCH, node_batch(&p->lyon, p->city, 0, 4));
}

static void a_batch_without_its_last_entry_is_refused(void **state)
{
    struct pair *p = *state;
    static const int shorter[] = {0, 1, 2};
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    reorder(bad, shorter, 3);
    refuse_then_take(p, bad, IU_PEER_MISMATCH, node_batch(&p->lyon, p->city, 0, 4));
}

static void a_batch_without_its_right_edge_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    bad->b.len -= IU_HASH_LEN;
    refuse_then_take(p, bad, IU_PEER_MISMATCH, node_batch(&p->lyon, p->city, 0, 4));
}

static void a_truncated_batch_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    bad->a.len -= 7;
    refuse_then_take(p, bad, IU_PEER_MALFORMED, node_batch(&p->lyon, p->city, 0, 4));
    bad = node_batch(&p->lyon, p->city, 4, 8);
    bad->c.len -= 7;
    refuse_then_take(p, bad, IU_PEER_MALFORMED, node_batch(&p->lyon, p->city, 4, 8));
}

static void an_empty_batch_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    bad->a.len = 0;
    refuse_then_take(p, bad, IU_PEER_MALFORMED, node_batch(&p->lyon, p->city, 0, 4));
}

static void an_item_in_another_encoding_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 1), *good = node_batch(&p->lyon, p->city, 0, 1);
    struct iu_buf longer = IU_BUF_INIT;
    struct iu_items it = iu_items_of(iu_buf_view(&bad->a));
    struct iu_item item;
    struct iu_bytes raw;
    assert_true(iu_items_next_raw(&it, &item, &raw));
    iu_buf_put(&longer, raw.data, 2); /* tag, and a length of two bytes or one */
    bool two = raw.data[1] & 0x80;
    if (two)
        iu_buf_put_u8(&longer, raw.data[2] | 0x80);
    else
        longer.data[1] |= 0x80;
    iu_buf_put_u8(&longer, 0); /* a length with one byte more than needed */
    iu_buf_put(&longer, raw.data + (two ? 3 : 2), raw.len - (two ? 3 : 2));
    iu_buf_fini(&bad->a);
    bad->a = longer;
    refuse_then_take(p, bad, IU_PEER_MALFORMED, good);
}

static void entries_of_another_city_are_refused(void **state)
{
    struct pair *p = *state;
    struct node graz;
    node_open(&graz, 31);
    node_charter(&graz, "Graz", "graz", "graz.example");
    node_publish_many(&graz, 9);
    node_release(&graz);
    struct iu_job *bad = node_batch(&graz, &graz.town.city, 0, 4);
    bad->city = *p->city; /* with its own head, which is of another origin */
    refuse_then_take(p, bad, IU_PEER_MALFORMED, node_batch(&p->lyon, p->city, 0, 4));
    bad = node_batch(&graz, &graz.town.city, 0, 4);
    bad->first = 4;
    bad->city = *p->city; /* and with Lyon's head and edge */
    struct iu_job *good = node_batch(&p->lyon, p->city, 4, 8);
    iu_buf_clear(&bad->c);
    iu_buf_put_bytes(&bad->c, iu_buf_view(&good->c));
    iu_buf_clear(&bad->b);
    iu_buf_put_bytes(&bad->b, iu_buf_view(&good->b));
    refuse_then_take(p, bad, IU_PEER_MISMATCH, good);
    node_close(&graz);
}

static void entries_of_another_place_are_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 1, 4);
    bad->first = 0;
    refuse_then_take(p, bad, IU_PEER_MISMATCH, node_batch(&p->lyon, p->city, 0, 4));
}

static void a_head_of_another_log_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    struct iu_head head;
    assert_int_equal(iu_head_get(iu_buf_view(&bad->c), &head), IU_OK);
    head.log = 2;
    iu_buf_clear(&bad->c);
    iu_head_sign(&head, p->lyon.town.node[0], &bad->c);
    refuse_then_take(p, bad, IU_PEER_SUPERSEDED, node_batch(&p->lyon, p->city, 0, 4));
}

static void a_log_that_no_delegation_lists_is_unknown(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_batch(&p->lyon, p->city, 0, 4);
    bad->log = 2;
    refuse_then_take(p, bad, IU_PEER_UNKNOWN_KEY, node_batch(&p->lyon, p->city, 0, 4));
}

static void a_city_without_a_chain_is_unknown(void **state)
{
    struct pair *p = *state;
    struct node kampala;
    node_open(&kampala, 21);
    assert_int_equal(node_err(&kampala, node_batch(&p->lyon, p->city, 0, 4)), IU_PEER_UNKNOWN_KEY);
    assert_int_equal(node_size(&kampala, p->city), 0);
    node_meet(&kampala, &p->lyon);
    assert_int_equal(node_err(&kampala, node_batch(&p->lyon, p->city, 0, 4)), IU_OK);
    node_close(&kampala);
}

static void a_batch_beyond_what_is_held_is_a_gap(void **state)
{
    struct pair *p = *state;
    refuse_then_take(p, node_batch(&p->lyon, p->city, 1, 4), IU_PEER_GAP,
                     node_batch(&p->lyon, p->city, 0, 4));
    refuse_then_take(p, node_batch(&p->lyon, p->city, 5, 8), IU_PEER_GAP,
                     node_batch(&p->lyon, p->city, 4, 8));
}

static void an_overlapping_batch_is_cut_at_what_is_held(void **state)
{
    struct pair *p = *state;
    node_pull(&p->porto, &p->lyon, p->city, 10);
    node_publish_many(&p->lyon, 3);
    node_release(&p->lyon);
    struct iu_outcome out = node_take(&p->porto, node_batch(&p->lyon, p->city, 7, 12));
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.first, 10);
    assert_int_equal(out.count, 2);
    assert_log_whole(&p->porto, p->city, 12);
}

static void a_batch_of_what_is_held_is_stale(void **state)
{
    struct pair *p = *state;
    node_pull(&p->porto, &p->lyon, p->city, 10);
    struct iu_outcome out = node_take(&p->porto, node_batch(&p->lyon, p->city, 2, 10));
    assert_int_equal(out.err, IU_PEER_STALE);
    assert_int_equal(out.size, 10);
    assert_false(out.changed);
}

/* An older copy of Lyon's store that went on in another way: the same first entries. */
static void open_fork(struct node *fork, int same, int further)
{
    node_open_fork(fork, 1, same, further, "another history");
}

static void a_second_history_below_what_is_held_is_a_fork(void **state)
{
    struct pair *p = *state;
    struct node fork;
    open_fork(&fork, 6, 2);
    node_pull(&p->porto, &p->lyon, p->city, 10);
    assert_int_equal(node_err(&p->porto, node_batch(&fork, p->city, 0, 8)), IU_PEER_FORKED);
    assert_int_equal(node_err(&p->porto, node_batch(&fork, p->city, 7, 8)), IU_PEER_FORKED);
    assert_log_whole(&p->porto, p->city, 10);
    node_close(&fork);
}

static void a_second_history_above_what_is_held_does_not_fold(void **state)
{
    struct pair *p = *state;
    struct node fork;
    open_fork(&fork, 6, 6);
    node_pull(&p->porto, &p->lyon, p->city, 10);
    assert_int_equal(node_err(&p->porto, node_batch(&fork, p->city, 10, 12)), IU_PEER_MISMATCH);
    assert_log_whole(&p->porto, p->city, 10);
    node_close(&fork);
}

static void passing_a_kept_head_compares_roots(void **state)
{
    struct pair *p = *state;
    struct node fork;
    open_fork(&fork, 6, 7);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_OK); /* head 10 kept */
    assert_int_equal(node_err(&p->porto, node_batch(&fork, p->city, 4, 13)), IU_PEER_FORKED);
    assert_int_equal(node_size(&p->porto, p->city), 4);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 4, 10)), IU_OK);
    assert_log_whole(&p->porto, p->city, 10);
    node_close(&fork);
}

static void two_heads_of_one_size_with_two_roots_are_a_fork(void **state)
{
    struct pair *p = *state;
    struct node fork;
    open_fork(&fork, 6, 4);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_batch(&fork, p->city, 4, 5)), IU_PEER_FORKED);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 4, 5)), IU_OK);
    node_close(&fork);
}

static void a_smaller_head_still_brings_history(void **state)
{
    struct pair *p = *state;
    struct node older;
    open_fork(&older, 8, 0);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_batch(&older, p->city, 4, 6)), IU_OK);
    assert_log_whole(&p->porto, p->city, 6);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 6, 10)), IU_OK);
    assert_log_whole(&p->porto, p->city, 10);
    node_close(&older);
}

static void a_blocked_city_brings_nothing(void **state)
{
    struct pair *p = *state;
    assert_int_equal(node_err(&p->porto, node_job_of(IU_JOB_BLOCK, p->city)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_HERE_DENIED);
    assert_int_equal(node_err(&p->porto, node_job_of(IU_JOB_UNBLOCK, p->city)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_OK);
}

static void a_city_over_its_quota_brings_nothing(void **state)
{
    struct pair *p = *state;
    p->porto.self.quota_bytes = 100;
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_OK);
    struct iu_outcome out = node_take(&p->porto, node_batch(&p->lyon, p->city, 4, 8));
    assert_int_equal(out.err, IU_HERE_DENIED);
    assert_string_equal(out.why, "quota");
    struct iu_job *job = node_job_of(IU_JOB_FOLLOW, p->city);
    job->follow = (struct iu_follow){.reasons = IU_BY_HAND, .quota_bytes = 1 << 20};
    assert_int_equal(node_err(&p->porto, job), IU_OK); /* its own quota counts before the node's */
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 4, 8)), IU_OK);
}

static void a_batch_settles_what_was_wanted(void **state)
{
    struct pair *p = *state;
    struct iu_want want;
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_job *job = node_job_of(IU_JOB_WANT, p->city);
    job->log = 1;
    job->want = (struct iu_want){.size = 10, .state = IU_WANT_FETCHING};
    assert_int_equal(node_err(&p->porto, job), IU_OK);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_true(iu_want_get(snap, log.no, &want));
    iu_snap_close(snap);
    node_pull(&p->porto, &p->lyon, p->city, 5);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_false(iu_want_get(snap, log.no, &want));
    iu_snap_close(snap);
}

/* What Lyon's node would serve if it had signed one entry more, of this item. */
static struct iu_job *with_item(struct pair *p, const struct iu_item *item)
{
    struct iu_job *job = node_batch(&p->lyon, p->city, 0, 10);
    struct iu_head head = {.city = *p->city, .log = 1, .size = 11};
    struct iu_frontier at;
    struct iu_hash leaf;
    struct iu_items it = iu_items_of(iu_buf_view(&job->a));
    struct iu_item each;
    iu_frontier_init(&at);
    while (iu_items_next(&it, &each)) {
        assert_int_equal(iu_item_leaf(p->city, 1, at.size, &each, &leaf), IU_OK);
        iu_frontier_add(&at, &leaf);
    }
    iu_entry_id(p->city, 1, at.size, item->header, &leaf);
    iu_frontier_add(&at, &leaf);
    iu_frontier_root(&at, &head.root);
    iu_item_put(item, &job->a);
    iu_buf_clear(&job->c);
    iu_head_sign(&head, p->lyon.town.node[0], &job->c);
    return job;
}

static void what_stands_beside_an_unreadable_header_is_left_away(void **state)
{
    struct pair *p = *state;
    uint8_t salt[IU_SALT_LEN] = {7};
    struct iu_item item = {.header = iu_bytes_str("no header"),
                           .salt = iu_bytes_of(salt, sizeof salt),
                           .body = iu_bytes_str("no body of it")};
    struct iu_entry_view view;
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_arena arena;
    assert_int_equal(node_err(&p->porto, with_item(p, &item)), IU_OK);
    assert_log_whole(&p->porto, p->city, 11);
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_int_equal(iu_entry_view(snap, &log, 10, &arena, &view), IU_OK);
    assert_true(view.unreadable);
    assert_int_equal(view.item.header.len, item.header.len);
    assert_int_equal(view.item.salt.len + view.item.body.len, 0);
    iu_snap_close(snap);
    iu_arena_fini(&arena);
}

static void it_is_left_away_where_a_gap_is_filled(void **state)
{
    struct pair *p = *state;
    uint8_t salt[IU_SALT_LEN] = {7};
    struct iu_item hash = {.has_hash = true};
    struct iu_item item = {.header = iu_bytes_str("no header"), .salt = iu_bytes_of(salt, sizeof salt)};
    struct iu_job *held = with_item(p, &item), *fill = node_job_of(IU_JOB_FILL, p->city);
    struct iu_buf items = IU_BUF_INIT;
    iu_entry_id(p->city, 1, 10, item.header, &hash.hash);
    iu_item_put(&item, &items);
    held->a.len -= items.len;
    iu_item_put(&hash, &held->a);
    assert_int_equal(node_err(&p->porto, held), IU_OK);
    fill->log = 1;
    fill->first = 10;
    fill->a = items;
    struct iu_outcome out = node_take(&p->porto, fill);
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.count, 1);
    assert_log_whole(&p->porto, p->city, 11);
}

static void nodes_that_hold_the_same_know_the_same(void **state)
{
    struct pair *p = *state;
    struct node kampala;
    node_open(&kampala, 21);
    node_meet(&kampala, &p->lyon);
    node_pull(&p->porto, &p->lyon, p->city, 1);
    assert_int_equal(node_err(&kampala, node_batch_of(&p->lyon, p->city, 1, 0, 10, IU_FORM_HEADER)), IU_OK);
    assert_int_equal(node_err(&kampala, node_fill(&p->porto, p->city, 4, 10, IU_FORM_FULL)), IU_OK);
    assert_int_equal(node_err(&kampala, node_fill(&p->porto, p->city, 0, 4, IU_FORM_FULL)), IU_OK);
    assert_log_whole(&kampala, p->city, 10);
    struct iu_snap *here = iu_snap_open(p->porto.disk.store), *there = iu_snap_open(kampala.disk.store);
    static const enum iu_table views[] = {IU_T_CHARTERS, IU_T_NAMES, IU_T_REFS, IU_T_DOCS};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        assert_int_equal(iu_table_count(here, views[i]), iu_table_count(there, views[i]));
    iu_snap_close(here);
    iu_snap_close(there);
    node_close(&kampala);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_stored_with_its_views),
        TEST(a_log_grows_batch_by_batch),
        TEST(what_was_relayed_can_be_relayed),
        TEST(a_flipped_byte_of_an_entry_is_refused),
        TEST(a_forged_head_is_refused),
        TEST(a_spoilt_signature_is_refused),
        TEST(a_head_of_another_root_is_refused),
        TEST(reordered_entries_are_refused),
        TEST(a_batch_without_its_last_entry_is_refused),
        TEST(a_batch_without_its_right_edge_is_refused),
        TEST(a_truncated_batch_is_refused),
        TEST(an_empty_batch_is_refused),
        TEST(an_item_in_another_encoding_is_refused),
        TEST(entries_of_another_city_are_refused),
        TEST(entries_of_another_place_are_refused),
        TEST(a_head_of_another_log_is_refused),
        TEST(a_log_that_no_delegation_lists_is_unknown),
        TEST(a_city_without_a_chain_is_unknown),
        TEST(a_batch_beyond_what_is_held_is_a_gap),
        TEST(an_overlapping_batch_is_cut_at_what_is_held),
        TEST(a_batch_of_what_is_held_is_stale),
        TEST(a_second_history_below_what_is_held_is_a_fork),
        TEST(a_second_history_above_what_is_held_does_not_fold),
        TEST(passing_a_kept_head_compares_roots),
        TEST(two_heads_of_one_size_with_two_roots_are_a_fork),
        TEST(a_smaller_head_still_brings_history),
        TEST(a_blocked_city_brings_nothing),
        TEST(a_city_over_its_quota_brings_nothing),
        TEST(a_batch_settles_what_was_wanted),
        TEST(what_stands_beside_an_unreadable_header_is_left_away),
        TEST(it_is_left_away_where_a_gap_is_filled),
        TEST(nodes_that_hold_the_same_know_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
