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

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(two_histories_of_one_size_freeze_both_halves),
        CASE(a_longer_second_history_freezes_both_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
