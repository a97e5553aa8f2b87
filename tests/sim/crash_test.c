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

/* Turin's store cannot grow: a commit fails with some of its pages written. */
static void full_in_the_middle(struct world *w)
{
    found_two(w);
    uint64_t own = world_publish(w, TURIN, "Tram lines");
    world_run(w, 2000);
    assert_string_equal(world_code(w, TURIN, own), "ok");
    world_room(w, TURIN, 100000);
    for (int i = 0; i < 30; i++)
        world_publish_big(w, LYON, "Water charter", 20000);
    world_run(w, 10000);
    assert_true(w->nodes[TURIN].full);
    uint64_t some = world_held(w, TURIN, LYON);
    assert_in_range(some, 1, 30);
    assert_int_equal(world_held(w, TURIN, TURIN), 2);
    world_check(w); /* reads go on, and all that they show was signed */
    uint64_t refused = world_publish(w, TURIN, "Street lamps");
    world_run(w, 10000);
    assert_string_not_equal(world_code(w, TURIN, refused), "ok");
    world_room(w, TURIN, 0);
    assert_int_equal(world_held(w, TURIN, LYON), some);
    world_run(w, 30UL * 60 * 1000);
    assert_int_equal(world_held(w, TURIN, LYON), 31);
    uint64_t again = world_publish(w, TURIN, "Street lamps");
    world_run(w, 20000);
    assert_string_equal(world_code(w, TURIN, again), "ok");
    assert_int_equal(world_held(w, LYON, TURIN), world_held(w, TURIN, TURIN));
    world_kill(w, TURIN);
    world_start(w, TURIN);
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

static void a_disk_that_fills_within_a_commit_loses_nothing(void **state)
{
    (void)state;
    world_try(full_in_the_middle);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(death_at_each_step_forks_and_loses_nothing),
        CASE(a_full_disk_delays_only),
        CASE(a_disk_that_fills_within_a_commit_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
