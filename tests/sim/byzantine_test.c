/* SPDX-License-Identifier: Apache-2.0 */
/* A peer between two honest cities that spoils or withholds what it passes on. */
#include "sim/world.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
