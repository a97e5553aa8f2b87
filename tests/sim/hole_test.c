/* SPDX-License-Identifier: Apache-2.0 */
/* A peer that holds a log but for one entry in the middle, of which it has the leaf hash or the header. */
#include "sim/world.h"

#include "log/item.h"

enum { LYON, TURIN, GRAZ };

#define HOLE 1
#define SIZE 11

static enum iu_form hole_form;
static uint64_t from_lyon, from_turin; /* entries of Lyon's log that came to Graz */
static unsigned absent;                /* how often Turin said that it has not what was asked for */

static bool batch_of_lyon(struct world *w, struct iu_bytes message, struct iu_arena *arena,
                          struct iu_frame *frame)
{
    return iu_frame_get(message, arena, frame) == IU_OK && frame->type == IU_FRAME_BATCH &&
           iu_city_equal(&frame->batch.city, &w->nodes[LYON].city);
}

static void count(struct world *w, size_t from, size_t to, struct iu_bytes message)
{
    struct iu_frame frame;
    struct iu_arena arena;
    struct iu_item item;
    (void)to;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    if (batch_of_lyon(w, message, &arena, &frame)) {
        struct iu_items items = iu_items_of(frame.batch.items);
        while (iu_items_next(&items, &item))
            ++*(from == LYON ? &from_lyon : &from_turin);
        absent += from == TURIN && frame.batch.items.len == 0 && frame.batch.absent_count > 0;
    }
    iu_arena_fini(&arena);
}

/* The items as one has them who lacks the entry. */
static void put_items(const struct iu_batch_frame *batch, struct iu_buf *out)
{
    struct iu_items items = iu_items_of(batch->items);
    struct iu_item item;
    for (uint64_t index = batch->first; iu_items_next(&items, &item); index++) {
        struct iu_item less = {.header = item.header};
        if (index == HOLE && hole_form == IU_FORM_HASH) {
            less = (struct iu_item){.has_hash = true};
            iu_entry_id(&batch->city, batch->log, index, item.header, &less.hash);
        }
        iu_item_put(index == HOLE ? &less : &item, out);
    }
}

/* Turin answers from a store with a hole. A Want of the hole alone finds nothing. */
static bool with_hole(struct world *w, size_t from, size_t to, struct iu_buf *message)
{
    struct iu_frame frame;
    struct iu_arena arena;
    struct iu_buf items = IU_BUF_INIT, out = IU_BUF_INIT;
    struct iu_range hole = {.from = HOLE, .to = HOLE + 1};
    (void)from;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    if (to == GRAZ && batch_of_lyon(w, iu_buf_view(message), &arena, &frame) && frame.batch.items.len > 0) {
        put_items(&frame.batch, &items);
        bool fill = frame.batch.first == HOLE;
        if (fill)
            frame.batch = (struct iu_batch_frame){.city = frame.batch.city,
                                                  .log = frame.batch.log,
                                                  .first = HOLE,
                                                  .absent = &hole,
                                                  .absent_count = 1};
        else
            frame.batch.items = iu_buf_view(&items);
        iu_frame_put(&frame, &out);
        iu_buf_clear(message);
        iu_buf_put_bytes(message, iu_buf_view(&out));
    }
    iu_buf_fini(&items);
    iu_buf_fini(&out);
    iu_arena_fini(&arena);
    return true;
}

static enum iu_form form_at(struct world *w, uint64_t index)
{
    struct iu_log_state log;
    struct iu_item item;
    struct iu_snap *snap = iu_snap_open(w->nodes[GRAZ].store);
    assert_true(iu_log_find(snap, &w->nodes[LYON].city, 1, &log));
    assert_int_equal(iu_log_item(snap, &log, index, &item), IU_OK);
    enum iu_form form = iu_item_form(&item);
    iu_snap_close(snap);
    return form;
}

static void check_all_but(struct world *w, enum iu_form hole)
{
    assert_int_equal(world_held(w, GRAZ, LYON), SIZE);
    for (uint64_t i = 0; i < SIZE; i++)
        assert_int_equal(form_at(w, i), i == HOLE ? hole : IU_FORM_FULL);
}

static void script(struct world *w, enum iu_form form)
{
    hole_form = form;
    from_lyon = from_turin = absent = 0;
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    for (int i = 1; i < SIZE; i++)
        world_publish(w, LYON, "Water charter");
    world_run(w, 5000);
    assert_int_equal(world_held(w, TURIN, LYON), SIZE);
    w->bent = TURIN;
    w->bend = with_hole;
    w->watched = GRAZ;
    w->watch = count;
    world_befriend(w, GRAZ, TURIN);
    world_about(w, GRAZ, IU_JOB_FOLLOW, LYON);
    world_run(w, 30000);
    check_all_but(w, form);
    assert_int_equal(from_turin, SIZE);
    world_check(w);
    world_run(w, 15UL * 60 * 1000); /* Turin is asked for the hole, and says that it has not got it */
    assert_true(absent > 0);
    check_all_but(w, form);
    world_befriend(w, GRAZ, LYON);
    world_run(w, 30000);
    check_all_but(w, IU_FORM_FULL);
    assert_int_equal(from_turin, SIZE);
    assert_int_equal(from_lyon, 1); /* the hole, and nothing that was there */
    assert_int_equal(w->nodes[GRAZ].facts[IU_FACT_PEER_MALFORMED], 0);
    assert_int_equal(w->nodes[GRAZ].facts[IU_FACT_BATCH_REFUSED], 0);
}

static void hash_alone(struct world *w)
{
    script(w, IU_FORM_HASH);
}

static void header_alone(struct world *w)
{
    script(w, IU_FORM_HEADER);
}

static void an_entry_that_a_peer_has_as_a_hash_comes_from_another(void **state)
{
    (void)state;
    world_try(hash_alone);
}

static void a_body_that_a_peer_has_not_got_comes_from_another(void **state)
{
    (void)state;
    world_try(header_alone);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_entry_that_a_peer_has_as_a_hash_comes_from_another),
        CASE(a_body_that_a_peer_has_not_got_comes_from_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
