/* SPDX-License-Identifier: Apache-2.0 */
/* One city's key in two places: each half of the network hears another history. */
#include "sim/world.h"

enum { LYON, TURIN, GRAZ, COPY };

static void two_halves(struct world *w, int more)
{
    w->forks = true;
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    world_befriend(w, TURIN, LYON);
    world_kill(w, LYON);
    world_found(w, COPY, "copy", LYON);
    for (int i = 0; i < more; i++)
        world_publish(w, COPY, "Another history");
    world_befriend(w, GRAZ, COPY);
    world_run(w, 2000);
    assert_int_equal(world_held(w, TURIN, LYON), 1);
    assert_int_equal(world_held(w, GRAZ, LYON), 1 + (uint64_t)more);
    world_kill(w, COPY);
    world_befriend(w, TURIN, GRAZ);
    for (int i = 0; i < 300 && world_frozen(w, TURIN, LYON) + world_frozen(w, GRAZ, LYON) > 0; i++)
        world_run(w, 100);
    assert_int_equal(world_frozen(w, TURIN, LYON), 0);
    assert_int_equal(world_frozen(w, GRAZ, LYON), 0);
    assert_true(w->forked);
}

/* Both histories begin with the same four entries: a copy of the store goes on elsewhere. */
static void after_four(struct world *w, int more)
{
    w->forks = true;
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    world_befriend(w, TURIN, LYON);
    for (int i = 0; i < 3; i++)
        world_publish(w, LYON, "What both have");
    world_run(w, 2000);
    world_copy(w, COPY, "copy", LYON);
    world_publish(w, LYON, "Water charter");
    world_run(w, 2000);
    world_kill(w, LYON);
    w->apart[COPY][TURIN] = w->apart[TURIN][COPY] = true;
    world_start(w, COPY);
    for (int i = 0; i < more; i++)
        world_publish(w, COPY, "Another history");
    world_befriend(w, GRAZ, COPY);
    world_run(w, 2000);
    assert_int_equal(world_held(w, TURIN, LYON), 5);
    assert_int_equal(world_held(w, GRAZ, LYON), 4 + (uint64_t)more);
    world_kill(w, COPY);
    world_befriend(w, TURIN, GRAZ);
    world_about(w, GRAZ, IU_JOB_FOLLOW, LYON);
    for (int i = 0; i < 300 && (world_frozen(w, TURIN, LYON) != 4 || world_frozen(w, GRAZ, LYON) != 4); i++)
        world_run(w, 100);
    assert_int_equal(world_frozen(w, TURIN, LYON), 4);
    assert_int_equal(world_frozen(w, GRAZ, LYON), 4);
    assert_true(w->forked);
}

static void same_size_after_four(struct world *w)
{
    after_four(w, 1);
}

static void longer_after_four(struct world *w)
{
    after_four(w, 5);
}

/* The honest case: nobody goes on elsewhere. */
static void one_history(struct world *w)
{
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    world_befriend(w, TURIN, LYON);
    for (int i = 0; i < 4; i++)
        world_publish(w, LYON, "Water charter");
    world_befriend(w, GRAZ, TURIN);
    world_about(w, GRAZ, IU_JOB_FOLLOW, LYON);
    world_run(w, 30000);
    assert_int_equal(world_held(w, TURIN, LYON), 5);
    assert_int_equal(world_held(w, GRAZ, LYON), 5);
    assert_int_equal(world_frozen(w, TURIN, LYON), IU_NOT_FROZEN);
    assert_int_equal(world_frozen(w, GRAZ, LYON), IU_NOT_FROZEN);
}

static void same_size(struct world *w)
{
    two_halves(w, 0);
}

static void longer(struct world *w)
{
    two_halves(w, 5);
}

static void two_histories_of_one_size_freeze_both_halves(void **state)
{
    (void)state;
    world_try(same_size);
}

static void a_longer_second_history_freezes_both_halves(void **state)
{
    (void)state;
    world_try(longer);
}

static void histories_of_one_size_that_part_at_entry_4_freeze_there(void **state)
{
    (void)state;
    world_try(same_size_after_four);
}

static void a_longer_history_that_parts_at_entry_4_freezes_there(void **state)
{
    (void)state;
    world_try(longer_after_four);
}

static void one_history_by_two_paths_freezes_nothing(void **state)
{
    (void)state;
    world_try(one_history);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(two_histories_of_one_size_freeze_both_halves),
        CASE(a_longer_second_history_freezes_both_halves),
        CASE(histories_of_one_size_that_part_at_entry_4_freeze_there),
        CASE(a_longer_history_that_parts_at_entry_4_freezes_there),
        CASE(one_history_by_two_paths_freezes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
