/* SPDX-License-Identifier: Apache-2.0 */
/* Honest cities on a bad network. */
#include "sim/world.h"

enum { LYON, TURIN, GRAZ };

static void found_line(struct world *w)
{
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    world_befriend(w, GRAZ, TURIN);
    world_about(w, GRAZ, IU_JOB_FOLLOW, LYON);
    world_about(w, LYON, IU_JOB_FOLLOW, GRAZ);
    world_run(w, 1000);
}

static void expect_all(struct world *w, size_t of, uint64_t size)
{
    for (size_t i = LYON; i <= GRAZ; i++)
        assert_int_equal(world_held(w, i, of), size);
}

static void in_a_line(struct world *w)
{
    found_line(w);
    uint64_t water = world_publish(w, LYON, "Water charter");
    world_run(w, 3000);
    world_publish(w, GRAZ, "Street lamps");
    world_run(w, 3000);
    assert_string_equal(world_code(w, LYON, water), "ok");
    expect_all(w, LYON, 2);
    expect_all(w, TURIN, 1);
    expect_all(w, GRAZ, 2);
    assert_int_equal(world_said(w, LYON, "lyon published 1 entry, log 1 at size 2"), 1);
    assert_int_equal(world_said(w, TURIN, "lyon: 1 entry to size 2, from lyon"), 1);
    assert_int_equal(world_said(w, GRAZ, "lyon: 1 entry to size 2, from turin"), 1);
}

static void cut_and_healed(struct world *w)
{
    found_line(w);
    world_part(w, TURIN, GRAZ);
    for (int i = 0; i < 20; i++)
        world_publish(w, LYON, "Water charter");
    world_publish(w, GRAZ, "Street lamps");
    world_run(w, 5000);
    assert_int_equal(world_held(w, TURIN, LYON), 21);
    assert_int_equal(world_held(w, GRAZ, LYON), 1);
    assert_int_equal(world_held(w, LYON, GRAZ), 1);
    world_heal(w, TURIN, GRAZ);
    world_run(w, 10UL * 60 * 1000);
    expect_all(w, LYON, 21);
    expect_all(w, GRAZ, 2);
}

static void on_wires_that_break(struct world *w)
{
    found_line(w);
    w->sim.cuts_percent = 80;
    world_kill(w, TURIN);
    world_start(w, TURIN);
    for (int i = 0; i < 60; i++) {
        world_publish_big(w, i % 2 ? LYON : GRAZ, "Water charter", 3000);
        world_run(w, 2000);
    }
    w->sim.cuts_percent = 0;
    world_run(w, 15UL * 60 * 1000);
    expect_all(w, LYON, 31);
    expect_all(w, GRAZ, 31);
}

static void one_invite_twice(struct world *w)
{
    struct iu_invitation invitation;
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    world_invite(w, LYON, &invitation);
    uint64_t turin = world_join(w, TURIN, &invitation), graz = world_join(w, GRAZ, &invitation);
    world_run(w, 15000);
    bool first = strcmp(world_code(w, TURIN, turin), "ok") == 0;
    assert_string_equal(world_code(w, TURIN, turin), first ? "ok" : "used");
    assert_string_equal(world_code(w, GRAZ, graz), first ? "used" : "ok");
    assert_int_equal(world_held(w, LYON, first ? TURIN : GRAZ), 1);
    assert_int_equal(world_held(w, LYON, first ? GRAZ : TURIN), 0);
    uint64_t again = world_join(w, first ? TURIN : GRAZ, &invitation);
    world_run(w, 15000);
    assert_string_equal(world_code(w, first ? TURIN : GRAZ, again), "ok");
}

static void both_dial_at_once(struct world *w)
{
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    for (int i = 0; i < 10; i++) {
        world_kill(w, LYON);
        world_kill(w, TURIN);
        world_start(w, LYON);
        world_start(w, TURIN);
        world_run(w, 60000);
        assert_int_equal(world_admitted(w, LYON), 1);
        assert_int_equal(world_admitted(w, TURIN), 1);
    }
    assert_true(w->nodes[LYON].facts[IU_FACT_PEER_REFUSED] + w->nodes[TURIN].facts[IU_FACT_PEER_REFUSED] > 0);
    world_publish(w, LYON, "Water charter");
    world_run(w, 1000);
    assert_int_equal(world_held(w, TURIN, LYON), 2);
}

static void replayed(struct world *w)
{
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    w->bent = LYON;
    w->record = true;
    world_befriend(w, LYON, TURIN);
    world_publish(w, LYON, "Water charter");
    world_run(w, 2000);
    w->record = false;
    world_replay(w, LYON, TURIN);
    world_run(w, 60000);
    assert_int_equal(world_held(w, TURIN, LYON), 2);
    world_publish(w, LYON, "Street lamps");
    world_run(w, 60000);
    assert_int_equal(world_held(w, TURIN, LYON), 3);
    assert_int_equal(world_frozen(w, TURIN, LYON), IU_NOT_FROZEN);
}

#define TRY(name, script)                                                                                    \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        world_try(script);                                                                                   \
    }

TRY(three_cities_in_a_line_hold_the_same, in_a_line)
TRY(what_a_cut_kept_apart_arrives_after_it, cut_and_healed)
TRY(wires_that_break_at_any_byte_lose_nothing, on_wires_that_break)
TRY(an_invite_works_for_one_city, one_invite_twice)
TRY(of_two_connections_dialled_at_once_one_stays, both_dial_at_once)
TRY(what_was_said_on_another_connection_changes_nothing, replayed)

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(three_cities_in_a_line_hold_the_same),
        CASE(what_a_cut_kept_apart_arrives_after_it),
        CASE(wires_that_break_at_any_byte_lose_nothing),
        CASE(an_invite_works_for_one_city),
        CASE(of_two_connections_dialled_at_once_one_stays),
        CASE(what_was_said_on_another_connection_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
