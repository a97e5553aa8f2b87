/* SPDX-License-Identifier: Apache-2.0 */
#include "view/docs.h"

#include "unit/fixture.h"

/* Lyon published something and took it back; `stale` had it before and did not hear of that. */
struct three {
    struct node lyon, stale, porto;
    uint64_t target;
};

static struct iu_ref ref_of(struct node *at, const struct iu_city *city, uint64_t index)
{
    struct iu_ref ref = {.city = *city, .log = 1, .index = index};
    struct iu_log_state log;
    struct iu_snap *snap;
    node_state(at, city, 1, &snap, &log);
    struct iu_log_tree tree = {snap, &log};
    assert_int_equal(iu_log_node(&tree, 0, index, &ref.entry), IU_OK);
    iu_snap_close(snap);
    return ref;
}

static uint64_t redact(struct node *n, const struct iu_ref *target, uint32_t ground)
{
    struct iu_buf fields = IU_BUF_INIT;
    iu_redact_put(ground, &fields);
    struct iu_header header = {.kind = IU_KIND_REDACT,
                               .date_ms = NODE_NOW_MS,
                               .fields = iu_buf_view(&fields),
                               .refs = target,
                               .ref_count = 1};
    struct iu_outcome out = node_take(n, node_job_entry(&header, iu_bytes_str("")));
    assert_int_equal(out.err, IU_OK);
    iu_buf_fini(&fields);
    node_release(n);
    return out.first;
}

/* How much of Lyon's entry is held, whether it counts as erased, and whether the record adds up. */
static enum iu_form held(struct three *t, struct node *at, uint64_t index, bool erased)
{
    struct iu_log_state log;
    struct iu_entry_view view;
    struct iu_arena arena;
    struct iu_snap *snap;
    uint64_t bytes = 0, lesser = 0, first, end;
    node_state(at, &t->lyon.town.city, 1, &snap, &log);
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    for (uint64_t i = 0; i < log.size; i++) {
        struct iu_item item;
        assert_int_equal(iu_log_item(snap, &log, i, &item), IU_OK);
        bytes += item.header.len + item.salt.len + item.body.len;
        lesser += iu_item_form(&item) != IU_FORM_FULL;
        assert_true(iu_docs_same(snap, &log, i, &item, &arena));
    }
    assert_int_equal(log.bytes, bytes);
    assert_int_equal(log.gap_count, lesser);
    assert_false(iu_log_gap_wanted(snap, &log, 0, &first, &end) && first < end);
    assert_int_equal(iu_entry_view(snap, &log, index, &arena, &view), IU_OK);
    assert_int_equal(view.erased, erased);
    assert_int_equal(view.has_body, view.has_document && view.form == IU_FORM_FULL);
    enum iu_form form = view.form;
    iu_arena_fini(&arena);
    iu_snap_close(snap);
    return form;
}

static int setup(void **state)
{
    struct three *t = malloc(sizeof *t);
    assert_non_null(t);
    node_open(&t->lyon, 1);
    node_open(&t->stale, 11);
    node_open(&t->porto, 21);
    node_charter(&t->lyon, "Lyon", "lyon", "lyon.example");
    node_publish(&t->lyon, "Water");
    t->target = node_publish(&t->lyon, "A list of names");
    node_publish(&t->lyon, "Air");
    node_release(&t->lyon);
    node_meet(&t->stale, &t->lyon);
    node_meet(&t->porto, &t->lyon);
    node_pull(&t->stale, &t->lyon, &t->lyon.town.city, 4);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct three *t = *state;
    node_close(&t->lyon);
    node_close(&t->stale);
    node_close(&t->porto);
    free(t);
    return 0;
}

static void what_is_held_goes_when_the_redaction_comes(void **state)
{
    struct three *t = *state;
    const struct iu_city *lyon = &t->lyon.town.city;
    node_pull(&t->porto, &t->stale, lyon, 4);
    assert_int_equal(held(t, &t->porto, t->target, false), IU_FORM_FULL);
    struct iu_ref target = ref_of(&t->lyon, lyon, t->target);
    redact(&t->lyon, &target, IU_GROUND_PERSONAL_DATA);
    assert_int_equal(held(t, &t->lyon, t->target, true), IU_FORM_HEADER);
    node_pull(&t->porto, &t->lyon, lyon, 4);
    assert_int_equal(held(t, &t->porto, t->target, true), IU_FORM_HEADER);
    assert_int_equal(held(t, &t->porto, t->target + 1, false), IU_FORM_FULL);
}

static void what_comes_after_its_redaction_is_not_kept(void **state)
{
    struct three *t = *state;
    const struct iu_city *lyon = &t->lyon.town.city;
    struct iu_ref target = ref_of(&t->lyon, lyon, t->target);
    redact(&t->lyon, &target, IU_GROUND_MISTAKE);
    node_pull(&t->porto, &t->lyon, lyon, 2);
    assert_int_equal(held(t, &t->porto, t->target, true), IU_FORM_HEADER);
    assert_int_equal(node_err(&t->porto, node_fill(&t->stale, lyon, 0, 4, IU_FORM_FULL)), IU_OK);
    assert_int_equal(held(t, &t->porto, t->target, true), IU_FORM_HEADER);
}

/* One that fetches from a peer without the redaction, and the rest from the author. */
static void the_order_of_arrival_does_not_matter(void **state)
{
    struct three *t = *state;
    const struct iu_city *lyon = &t->lyon.town.city;
    struct iu_ref target = ref_of(&t->lyon, lyon, t->target);
    redact(&t->lyon, &target, IU_GROUND_MISTAKE);
    assert_int_equal(node_err(&t->porto, node_batch_of(&t->lyon, lyon, 1, 0, 5, IU_FORM_HEADER)), IU_OK);
    assert_int_equal(node_err(&t->porto, node_fill(&t->stale, lyon, 0, 4, IU_FORM_FULL)), IU_OK);
    node_pull(&t->stale, &t->lyon, lyon, 4);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(held(t, &t->porto, i, i == t->target), held(t, &t->stale, i, i == t->target));
}

static void another_citys_word_and_a_wrong_id_take_nothing_back(void **state)
{
    struct three *t = *state;
    const struct iu_city *lyon = &t->lyon.town.city;
    node_pull(&t->porto, &t->lyon, lyon, 4);
    node_charter(&t->porto, "Porto", "porto", "porto.example");
    struct iu_ref target = ref_of(&t->lyon, lyon, t->target), other = target;
    redact(&t->porto, &target, IU_GROUND_OTHER);
    assert_int_equal(held(t, &t->porto, t->target, false), IU_FORM_FULL);
    other.entry.b[0] ^= 1;
    redact(&t->lyon, &other, IU_GROUND_OTHER);
    node_pull(&t->porto, &t->lyon, lyon, 4);
    assert_int_equal(held(t, &t->porto, t->target, false), IU_FORM_FULL);
    redact(&t->lyon, &target, IU_GROUND_OTHER);
    node_pull(&t->porto, &t->lyon, lyon, 4);
    assert_int_equal(held(t, &t->porto, t->target, true), IU_FORM_HEADER);
}

/* Who stole the node key took everything back; the root closed the log before that. */
static void what_a_stolen_key_took_back_is_fetched_again(void **state)
{
    struct three *t = *state;
    const struct iu_city *lyon = &t->lyon.town.city;
    struct iu_ref target = ref_of(&t->lyon, lyon, t->target);
    struct iu_log_state log;
    struct iu_arena arena;
    struct iu_entry_view view;
    uint64_t first = 0, end = 0, thief = redact(&t->lyon, &target, IU_GROUND_OTHER);
    node_pull(&t->porto, &t->lyon, lyon, 4);
    assert_int_equal(held(t, &t->porto, t->target, true), IU_FORM_HEADER);
    node_close_log(&t->lyon, thief);
    assert_int_equal(node_err(&t->porto, node_job_chain(lyon, iu_buf_view(&t->lyon.town.notes))), IU_OK);
    struct iu_snap *snap;
    node_state(&t->porto, lyon, 1, &snap, &log);
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    assert_true(iu_log_gap_wanted(snap, &log, 0, &first, &end));
    assert_true(first == t->target && end == t->target + 1);
    assert_int_equal(iu_entry_view(snap, &log, t->target, &arena, &view), IU_OK);
    assert_false(view.erased);
    iu_arena_fini(&arena);
    iu_snap_close(snap);
    assert_int_equal(node_err(&t->porto, node_fill(&t->stale, lyon, 0, 4, IU_FORM_FULL)), IU_OK);
    assert_int_equal(held(t, &t->porto, t->target, false), IU_FORM_FULL);
}

static void the_first_of_several_redactions_is_named(void **state)
{
    struct three *t = *state;
    const struct iu_city *lyon = &t->lyon.town.city;
    struct iu_ref target = ref_of(&t->lyon, lyon, t->target);
    struct iu_redactor by;
    uint64_t first = redact(&t->lyon, &target, IU_GROUND_OTHER);
    redact(&t->lyon, &target, IU_GROUND_MISTAKE);
    struct iu_snap *snap = iu_snap_open(t->lyon.disk.store);
    assert_true(iu_redaction_get(snap, &target, &by));
    assert_int_equal(by.log, 1);
    assert_int_equal(by.index, first);
    iu_snap_close(snap);
    struct iu_txn *txn = temp_txn(&t->lyon.disk);
    iu_redaction_put(txn, &target, &(struct iu_redactor){1, first - 1});
    iu_redaction_put(txn, &target, &(struct iu_redactor){2, 0});
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    snap = iu_snap_open(t->lyon.disk.store);
    assert_true(iu_redaction_get(snap, &target, &by) && by.log == 1 && by.index == first - 1);
    iu_snap_close(snap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_held_goes_when_the_redaction_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_comes_after_its_redaction_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_of_arrival_does_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(another_citys_word_and_a_wrong_id_take_nothing_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_stolen_key_took_back_is_fetched_again, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_of_several_redactions_is_named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
