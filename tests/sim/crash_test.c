/* SPDX-License-Identifier: Apache-2.0 */
/* A process that dies at each step between a publication and its release, and a disk that is full for a
 * while. */
#include "sim/world.h"

enum { LYON, TURIN };

static void found_two(struct world *w)
{
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    world_run(w, 2000);
}

static void dies_at_each(struct world *w)
{
    found_two(w);
    for (enum world_step at = WORLD_BEFORE_COMMIT; at < WORLD_STEPS; at++) {
        w->nodes[LYON].dies = at;
        world_publish(w, LYON, "Water charter");
        world_run(w, 1000);
        assert_null(w->nodes[LYON].net);
        world_start(w, LYON);
        world_run(w, 60000);
        uint64_t token = world_publish(w, LYON, "Street lamps");
        world_run(w, 20000);
        assert_string_equal(world_code(w, LYON, token), "ok");
        assert_int_equal(world_held(w, TURIN, LYON), world_held(w, LYON, LYON));
        world_check(w);
    }
}

static void full_for_a_while(struct world *w)
{
    found_two(w);
    w->nodes[TURIN].full = true;
    for (int i = 0; i < 30; i++)
        world_publish(w, LYON, "Water charter");
    world_run(w, 10000);
    assert_int_equal(world_held(w, TURIN, LYON), 1);
    w->nodes[TURIN].full = false;
    world_run(w, 30UL * 60 * 1000);
    assert_int_equal(world_held(w, TURIN, LYON), 31);
}

static void death_at_each_step_forks_and_loses_nothing(void **state)
{
    (void)state;
    world_try(dies_at_each);
}

static void a_full_disk_delays_only(void **state)
{
    (void)state;
    world_try(full_for_a_while);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(death_at_each_step_forks_and_loses_nothing),
        CASE(a_full_disk_delays_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
