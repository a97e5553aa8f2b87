/* SPDX-License-Identifier: Apache-2.0 */
/* Cities that lose what they had, or come back with an older state of it. */
#include "sim/world.h"

enum { LYON, TURIN, GRAZ };

#define QUIET_MS (30UL * 60 * 1000)
#define QUIET_STEP_MS 1000
#define QUIET_FRAMES 150 /* a Ping or an answer in 20 s, and what a session begins with */

static void found_two(struct world *w)
{
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    world_run(w, 2000);
}

static void publish_some(struct world *w, size_t index, int count)
{
    for (int i = 0; i < count; i++) {
        uint64_t token = world_publish(w, index, "Water charter");
        world_run(w, 2000);
        assert_string_equal(world_code(w, index, token), "ok");
    }
}

static void receiver_loses_all(struct world *w)
{
    found_two(w);
    publish_some(w, LYON, 5);
    assert_int_equal(world_held(w, TURIN, LYON), 6);
    world_kill(w, TURIN);
    world_lose(w, TURIN, false);
    world_start(w, TURIN);
    assert_int_equal(world_held(w, TURIN, LYON), 0);
    world_about(w, TURIN, IU_JOB_FOLLOW, LYON);
    world_run(w, 60000);
    assert_int_equal(world_held(w, TURIN, LYON), 6);
    assert_int_equal(world_held(w, TURIN, TURIN), 1);
    publish_some(w, TURIN, 1);
    assert_int_equal(world_held(w, LYON, TURIN), 2);
}

/* A backup of `published` entries ago, with or without the guard of that time. */
static uint64_t restore(struct world *w, bool guard_too)
{
    found_two(w);
    publish_some(w, LYON, 2);
    world_kill(w, LYON);
    world_keep(w, LYON);
    world_start(w, LYON);
    world_run(w, 2000);
    publish_some(w, LYON, 3);
    assert_int_equal(world_held(w, TURIN, LYON), 6);
    world_kill(w, LYON);
    world_put_back(w, LYON, guard_too);
    world_start(w, LYON);
    assert_int_equal(world_held(w, LYON, LYON), 3);
    return world_publish(w, LYON, "Street lamps");
}

static void check_restored(struct world *w, uint64_t token)
{
    world_run(w, 20000);
    assert_string_equal(world_code(w, LYON, token), "ok");
    assert_int_equal(world_answer(w, LYON, token)->effect.index, 6);
    assert_int_equal(world_held(w, TURIN, LYON), 7);
    assert_int_equal(world_frozen(w, TURIN, LYON), IU_NOT_FROZEN);
    assert_int_equal(world_said(w, LYON, "turin holds our log 1 at size 6; fetching our own entries back"),
                     1);
}

static void old_store_and_guard(struct world *w)
{
    check_restored(w, restore(w, true));
}

static void old_store_new_guard(struct world *w)
{
    check_restored(w, restore(w, false));
}

static uint64_t frames_out(const struct world *w, size_t index)
{
    struct iu_net_view view;
    iu_net_view(w->nodes[index].net, &view);
    return view.frames_out;
}

/* From a new connection on nobody says the same thing again and again. */
static void check_quiet(struct world *w)
{
    uint64_t lyon = frames_out(w, LYON), turin = frames_out(w, TURIN);
    for (uint64_t ms = 0; ms < QUIET_MS; ms += QUIET_STEP_MS) {
        world_run(w, QUIET_STEP_MS);
        assert_in_range(frames_out(w, LYON) - lyon, 0, QUIET_FRAMES);
        assert_in_range(frames_out(w, TURIN) - turin, 0, QUIET_FRAMES);
    }
    assert_int_equal(world_admitted(w, LYON), 1);
    assert_int_equal(world_admitted(w, TURIN), 1);
}

static void old_store_careless(struct world *w)
{
    w->forks = true;
    found_two(w);
    w->nodes[LYON].careless = true;
    publish_some(w, LYON, 2);
    world_kill(w, LYON);
    world_keep(w, LYON);
    world_start(w, LYON);
    world_run(w, 2000);
    publish_some(w, LYON, 1);
    assert_int_equal(world_held(w, TURIN, LYON), 4);
    world_part(w, LYON, TURIN);
    world_kill(w, LYON);
    world_put_back(w, LYON, true);
    world_start(w, LYON);
    publish_some(w, LYON, 2); /* beyond what Turin holds: the freeze keeps back what was released */
    assert_true(w->forked);   /* what the safety check looks for */
    world_heal(w, LYON, TURIN);
    for (int i = 0; i < 300 && world_frozen(w, TURIN, LYON) == IU_NOT_FROZEN; i++)
        world_run(w, 100);
    assert_int_equal(world_frozen(w, TURIN, LYON), 3);
    world_part(w, LYON, TURIN);
    world_heal(w, LYON, TURIN);
    check_quiet(w);
    assert_int_equal(world_said(w, TURIN, "lyon signed two histories of log 1; they agree up to size 3"), 1);
}

/* Nothing is left but the keys, and a peer that is known from the configuration. */
static void source_made_again(struct world *w)
{
    found_two(w);
    publish_some(w, LYON, 4);
    world_kill(w, LYON);
    world_lose(w, LYON, true);
    w->nodes[LYON].fence[0] = w->nodes[TURIN].city;
    w->nodes[LYON].fence_count = 1;
    world_start(w, LYON);
    world_about(w, LYON, IU_JOB_FOLLOW, TURIN);
    uint64_t token = world_publish(w, LYON, "Street lamps");
    world_run(w, 60000);
    assert_int_equal(world_held(w, LYON, LYON) >= 5, 1);
    if (strcmp(world_code(w, LYON, token), "ok") != 0) {
        token = world_publish(w, LYON, "Street lamps");
        world_run(w, 20000);
    }
    assert_string_equal(world_code(w, LYON, token), "ok");
    assert_int_equal(world_answer(w, LYON, token)->effect.index, 5);
    assert_int_equal(world_held(w, TURIN, LYON), 6);
    assert_int_equal(world_frozen(w, TURIN, LYON), IU_NOT_FROZEN);
}

#define TRY(name, script)                                                                                    \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        world_try(script);                                                                                   \
    }

TRY(a_receiver_that_lost_everything_gets_it_again, receiver_loses_all)
TRY(a_restored_backup_fetches_its_entries_back_before_it_signs, old_store_and_guard)
TRY(an_old_store_under_a_newer_guard_does_too, old_store_new_guard)
TRY(without_guard_and_fence_a_restored_backup_forks_and_is_found_out, old_store_careless)
TRY(a_source_made_again_from_its_keys_goes_on_where_it_was, source_made_again)

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_receiver_that_lost_everything_gets_it_again),
        CASE(a_restored_backup_fetches_its_entries_back_before_it_signs),
        CASE(an_old_store_under_a_newer_guard_does_too),
        CASE(without_guard_and_fence_a_restored_backup_forks_and_is_found_out),
        CASE(a_source_made_again_from_its_keys_goes_on_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
