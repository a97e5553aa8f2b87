/* SPDX-License-Identifier: Apache-2.0 */
/* A peer between two honest cities that spoils or withholds what it passes on. */
#include "sim/invariants.h"

#include "log/item.h"

enum { LYON, TURIN, GRAZ };

static bool is_batch(const struct iu_buf *message)
{
    struct iu_frame frame;
    struct iu_arena arena;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    bool is = iu_frame_get(iu_buf_view(message), &arena, &frame) == IU_OK && frame.type == IU_FRAME_BATCH;
    iu_arena_fini(&arena);
    return is;
}

static bool flip(struct world *w, size_t from, size_t to, struct iu_buf *message)
{
    (void)from;
    if (to == GRAZ && is_batch(message))
        message->data[iu_rand_below(&w->sim.rand, message->len)] ^= 1;
    return true;
}

static bool withhold(struct world *w, size_t from, size_t to, struct iu_buf *message)
{
    (void)w;
    (void)from;
    return to != GRAZ || !is_batch(message);
}

/* Puts a batch of items in the place of the message. */
static void put(const struct iu_batch_frame *batch, struct iu_buf *message)
{
    struct iu_frame frame = {.type = IU_FRAME_BATCH, .batch = *batch};
    struct iu_buf out = IU_BUF_INIT;
    iu_frame_put(&frame, &out);
    iu_buf_clear(message);
    iu_buf_put_bytes(message, iu_buf_view(&out));
    iu_buf_fini(&out);
}

/* Changes a batch of Lyon's log on its way to Graz; or keeps the message, a batch of Turin's. */
typedef void (*change)(struct iu_batch_frame *batch, struct iu_buf *message);

static bool change_batch(struct world *w, size_t to, struct iu_buf *message, change by, change keep)
{
    struct iu_frame frame;
    struct iu_arena arena;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    if (to == GRAZ && iu_frame_get(iu_buf_view(message), &arena, &frame) == IU_OK &&
        frame.type == IU_FRAME_BATCH && frame.batch.items.len > 0) {
        bool lyon = iu_city_equal(&frame.batch.city, &w->nodes[LYON].city);
        if (lyon || keep != NULL)
            (lyon ? by : keep)(&frame.batch, message);
    }
    iu_arena_fini(&arena);
    return true;
}

static struct iu_buf kept; /* a batch of Turin's own log, good and whole */
static unsigned changed;

static void keep_it(struct iu_batch_frame *batch, struct iu_buf *message)
{
    (void)batch;
    iu_buf_clear(&kept);
    iu_buf_put_bytes(&kept, iu_buf_view(message));
}

/* Turin's items, right edge and head, as if they were what was asked for. */
static void rename_kept(struct iu_batch_frame *batch, struct iu_buf *message)
{
    struct iu_frame other;
    struct iu_arena arena;
    assert_true(kept.len > 0);
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    assert_int_equal(iu_frame_get(iu_buf_view(&kept), &arena, &other), IU_OK);
    other.batch.city = batch->city;
    other.batch.log = batch->log;
    other.batch.first = batch->first;
    put(&other.batch, message);
    iu_arena_fini(&arena);
    changed++;
}

static void give_kept(struct iu_batch_frame *batch, struct iu_buf *message)
{
    (void)batch;
    assert_true(kept.len > 0);
    iu_buf_clear(message);
    iu_buf_put_bytes(message, iu_buf_view(&kept));
    changed++;
}

/* Turin's items under Lyon's own right edge and head. */
static void mix_kept(struct iu_batch_frame *batch, struct iu_buf *message)
{
    struct iu_frame other;
    struct iu_arena arena;
    struct iu_batch_frame mixed = *batch;
    assert_true(kept.len > 0);
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    assert_int_equal(iu_frame_get(iu_buf_view(&kept), &arena, &other), IU_OK);
    mixed.items = other.batch.items;
    put(&mixed, message);
    iu_arena_fini(&arena);
    changed++;
}

/* Without its last item. */
static void cut_item(struct iu_batch_frame *batch, struct iu_buf *message)
{
    struct iu_batch_frame cut = *batch;
    struct iu_items items = iu_items_of(batch->items);
    struct iu_item item;
    size_t last = 0;
    for (size_t at = 0; iu_items_next(&items, &item); at = batch->items.len - items.rest.len)
        last = at;
    assert_true(last > 0);
    cut.items.len = last;
    put(&cut, message);
    changed++;
}

/* In the middle of an item. */
static void cut_inside(struct iu_batch_frame *batch, struct iu_buf *message)
{
    struct iu_batch_frame cut = *batch;
    cut.items.len -= 7;
    put(&cut, message);
    changed++;
}

#define BEND(name, by, keep)                                                                                 \
    static bool name(struct world *w, size_t from, size_t to, struct iu_buf *message)                        \
    {                                                                                                        \
        (void)from;                                                                                          \
        return change_batch(w, to, message, by, keep);                                                       \
    }

BEND(transplant_renamed, rename_kept, keep_it)
BEND(transplant_as_it_is, give_kept, keep_it)
BEND(transplant_items, mix_kept, keep_it)
BEND(truncate_between, cut_item, NULL)
BEND(truncate_inside, cut_inside, NULL)

static void check_nobody_accused(struct world *w)
{
    for (size_t index = LYON; index <= GRAZ; index++) {
        for (size_t of = LYON; of <= GRAZ; of++)
            assert_int_equal(world_frozen(w, index, of), IU_NOT_FROZEN);
        assert_int_equal(w->nodes[index].facts[IU_FACT_LOG_FORKED], 0);
    }
}

/* Turin passes on to Graz what is not Lyon's log as asked for. */
static void lie(struct world *w, world_bend bend, bool credulous)
{
    changed = 0;
    iu_buf_clear(&kept);
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    for (int i = 0; i < 4; i++) {
        world_publish(w, LYON, "Water charter");
        world_publish(w, TURIN, "Street lamps");
        world_run(w, 500);
    }
    world_run(w, 2000);
    assert_int_equal(world_held(w, TURIN, LYON), 5);
    w->bent = TURIN;
    w->bend = bend;
    world_befriend(w, GRAZ, TURIN);
    assert_int_equal(world_held(w, GRAZ, TURIN), 5); /* of its own it gives what is good */
    w->nodes[GRAZ].credulous = credulous;
    world_about(w, GRAZ, IU_JOB_FOLLOW, LYON);
    world_run(w, 60000);
    assert_true(changed > 0);
    iu_buf_fini(&kept);
}

/* Nothing is believed of it; Lyon's own word comes later. */
static void lies(struct world *w, world_bend bend)
{
    lie(w, bend, false);
    assert_int_equal(world_held(w, GRAZ, LYON), 0);
    assert_int_equal(world_held(w, GRAZ, TURIN), 5);
    check_nobody_accused(w);
    world_check(w);
    world_befriend(w, GRAZ, LYON);
    world_run(w, 10UL * 60 * 1000);
    assert_int_equal(world_held(w, GRAZ, LYON), 5);
    check_nobody_accused(w);
}

/* The planted fault: Graz looks at nothing. */
static void fooled(struct world *w, world_bend bend)
{
    lie(w, bend, true);
    assert_true(world_held(w, GRAZ, LYON) > 0);
    world_expect_breach(w, "I1: graz holds entries that no signed head covers");
}

#define LIE(name, by, bend)                                                                                  \
    static void name##_script(struct world *w)                                                               \
    {                                                                                                        \
        by(w, bend);                                                                                         \
    }                                                                                                        \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        world_try(name##_script);                                                                            \
    }

LIE(another_citys_batch_under_this_logs_name_is_not_believed, lies, transplant_renamed)
LIE(another_citys_batch_in_answer_to_this_want_is_not_this_log, lies, transplant_as_it_is)
LIE(another_citys_entries_under_this_logs_head_are_not_believed, lies, transplant_items)
LIE(a_batch_cut_between_entries_is_not_believed, lies, truncate_between)
LIE(a_batch_cut_inside_an_entry_is_not_believed, lies, truncate_inside)
LIE(who_looks_at_nothing_takes_a_transplant_and_it_is_seen, fooled, transplant_renamed)
LIE(who_looks_at_nothing_takes_a_cut_batch_and_it_is_seen, fooled, truncate_between)

static void with(struct world *w, world_bend bend)
{
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    world_befriend(w, GRAZ, TURIN);
    w->bent = TURIN;
    w->bend = bend;
    world_about(w, GRAZ, IU_JOB_FOLLOW, LYON);
    world_publish(w, LYON, "Water charter");
    world_run(w, 60000);
    assert_int_equal(world_held(w, GRAZ, LYON), 0);
    world_check(w);
    world_befriend(w, GRAZ, LYON);
    world_run(w, 10UL * 60 * 1000);
    assert_int_equal(world_held(w, GRAZ, LYON), 2);
    assert_int_equal(world_frozen(w, GRAZ, LYON), IU_NOT_FROZEN);
}

static void flipping(struct world *w)
{
    with(w, flip);
}

static void withholding(struct world *w)
{
    with(w, withhold);
}

static void forged_batches_never_show_and_the_source_serves(void **state)
{
    (void)state;
    world_try(flipping);
}

static void who_claims_and_never_serves_is_passed_by(void **state)
{
    (void)state;
    world_try(withholding);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(forged_batches_never_show_and_the_source_serves),
        CASE(who_claims_and_never_serves_is_passed_by),
        CASE(another_citys_batch_under_this_logs_name_is_not_believed),
        CASE(another_citys_batch_in_answer_to_this_want_is_not_this_log),
        CASE(another_citys_entries_under_this_logs_head_are_not_believed),
        CASE(a_batch_cut_between_entries_is_not_believed),
        CASE(a_batch_cut_inside_an_entry_is_not_believed),
        CASE(who_looks_at_nothing_takes_a_transplant_and_it_is_seen),
        CASE(who_looks_at_nothing_takes_a_cut_batch_and_it_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
