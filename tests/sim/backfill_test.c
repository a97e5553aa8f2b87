/* SPDX-License-Identifier: Apache-2.0 */
/* A long history over a slow wire. */
#include "sim/world.h"

enum { LYON, TURIN };

static void behind_a_backfill(struct world *w)
{
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    world_part(w, LYON, TURIN);
    for (int i = 0; i < 100; i++) {
        world_publish_big(w, LYON, "Water charter", 20000);
        world_run(w, 200);
    }
    w->sim.bytes_per_ms = 20;
    world_heal(w, LYON, TURIN);
    world_run(w, 10UL * 60 * 1000);
    assert_int_equal(world_held(w, TURIN, LYON), 101);
    assert_int_equal(world_admitted(w, LYON), 1);
    assert_int_equal(w->nodes[LYON].facts[IU_FACT_PEER_MALFORMED], 0);
}

static void a_backfill_on_a_slow_wire_keeps_the_session(void **state)
{
    (void)state;
    world_try(behind_a_backfill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_backfill_on_a_slow_wire_keeps_the_session, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
