/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/net.h"

#include "unit/acts.h"

enum { LYON, TURIN, GRAZ, COPY };

static void found_two(void)
{
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    publish(LYON, "charter");
    publish(TURIN, "charter");
    run(100);
}

static void joining_by_an_invite_makes_each_follow_the_other(void **state)
{
    (void)state;
    struct iu_invitation invitation;
    found_two();
    invite(LYON, 1, &invitation);
    uint64_t token = join(TURIN, &invitation);
    run(1000);
    assert_string_equal(code_of(TURIN, token), "ok");
    assert_true(follows(LYON, TURIN));
    assert_true(follows(TURIN, LYON));
    assert_int_equal(admitted(LYON), 1);
    assert_int_equal(admitted(TURIN), 1);
    assert_int_equal(held(TURIN, LYON), 1);
    assert_int_equal(held(LYON, TURIN), 1);
}

static void what_one_publishes_the_other_holds(void **state)
{
    (void)state;
    found_two();
    befriend(TURIN, LYON);
    uint64_t token = publish(LYON, "Water charter");
    run(1000);
    assert_string_equal(code_of(LYON, token), "ok");
    assert_int_equal(answer_to(LYON, token)->index, 1);
    assert_int_equal(held(TURIN, LYON), 2);
}

static void a_new_entry_goes_through_two_hops_without_any_timer(void **state)
{
    (void)state;
    found_two();
    found(GRAZ, "graz", NODES_MAX);
    befriend(TURIN, LYON);
    befriend(GRAZ, TURIN);
    about_city(GRAZ, IU_JOB_FOLLOW, LYON);
    run(5000);
    for (uint64_t i = 1; i < 6; i++) {
        uint64_t now = world.now_ms;
        publish(LYON, "Water charter");
        while (world.count > 0)
            happen();
        assert_int_equal(world.now_ms, now);
        assert_int_equal(held(TURIN, LYON), i + 1);
        assert_int_equal(held(GRAZ, LYON), i + 1);
        run(i * 100);
    }
}

static void a_third_gets_it_from_the_second(void **state)
{
    (void)state;
    found_two();
    found(GRAZ, "graz", NODES_MAX);
    befriend(TURIN, LYON);
    befriend(GRAZ, TURIN);
    publish(LYON, "Water charter");
    run(1000);
    stop_node(LYON);
    about_city(GRAZ, IU_JOB_FOLLOW, LYON);
    run(2000);
    assert_int_equal(held(GRAZ, LYON), 2);
}

static void a_used_invite_is_refused_to_another_city_only(void **state)
{
    (void)state;
    struct iu_invitation invitation;
    found_two();
    found(GRAZ, "graz", NODES_MAX);
    invite(LYON, 1, &invitation);
    uint64_t first = join(TURIN, &invitation);
    run(1000);
    uint64_t other = join(GRAZ, &invitation);
    run(1000);
    uint64_t again = join(TURIN, &invitation);
    run(1000);
    assert_string_equal(code_of(TURIN, first), "ok");
    assert_int_equal(answer_to(GRAZ, other)->err, IU_HERE_DENIED);
    assert_string_equal(code_of(GRAZ, other), "used");
    assert_string_equal(code_of(TURIN, again), "ok");
    assert_false(follows(LYON, GRAZ));
    assert_int_equal(admitted(TURIN), 1);
}

static void a_join_says_what_went_wrong(void **state)
{
    (void)state;
    struct iu_invitation good, bad;
    found_two();
    found(GRAZ, "graz", NODES_MAX);
    invite(LYON, 1, &good);
    bad = good;
    bad.secret[0]++;
    uint64_t unknown = join(TURIN, &bad);
    bad = good;
    snprintf(bad.address, sizeof bad.address, "graz.example:7466");
    uint64_t wrong = join(TURIN, &bad);
    snprintf(bad.address, sizeof bad.address, "nowhere.example:7466");
    uint64_t away = join(TURIN, &bad);
    bad.expires_s = (uint32_t)(world.now_ms / 1000 - 1);
    uint64_t expired = join(TURIN, &bad);
    uint64_t self = join(LYON, &good);
    run(2000);
    assert_string_equal(code_of(TURIN, unknown), "unknown-invite");
    assert_string_equal(code_of(TURIN, wrong), "wrong-city");
    assert_string_equal(code_of(TURIN, away), "unreachable");
    assert_string_equal(code_of(TURIN, expired), "expired");
    assert_string_equal(code_of(LYON, self), "self");
    assert_false(follows(TURIN, LYON));
    uint64_t honest = join(TURIN, &good);
    run(1000);
    assert_string_equal(code_of(TURIN, honest), "ok");
}

static void a_silent_inviter_ends_the_join_at_its_deadline(void **state)
{
    (void)state;
    struct iu_invitation invitation;
    found_two();
    invite(LYON, 1, &invitation);
    world.nodes[LYON].deaf = true;
    uint64_t token = join(TURIN, &invitation);
    run(4000);
    assert_null(answer_to(TURIN, token));
    run(12000);
    assert_non_null(answer_to(TURIN, token));
    assert_int_equal(answer_to(TURIN, token)->err, IU_HERE_DENIED);
    assert_false(follows(TURIN, LYON));
}

static void who_is_not_followed_is_refused_with_a_reason(void **state)
{
    (void)state;
    found_two();
    about_city(TURIN, IU_JOB_FOLLOW, LYON);
    run(100);
    connect_nodes(TURIN, LYON, 0);
    run(1000);
    assert_int_equal(admitted(LYON), 0);
    assert_int_equal(held(TURIN, LYON), 0);
    befriend(TURIN, LYON);
    assert_int_equal(admitted(LYON), 1);
    assert_int_equal(held(TURIN, LYON), 1);
}

static void a_block_ends_the_session_and_beats_an_invite(void **state)
{
    (void)state;
    struct iu_invitation invitation;
    found_two();
    befriend(TURIN, LYON);
    about_city(LYON, IU_JOB_BLOCK, TURIN);
    run(1000);
    assert_int_equal(admitted(LYON), 0);
    invite(LYON, 9, &invitation);
    uint64_t token = join(TURIN, &invitation);
    run(2000);
    assert_string_equal(code_of(TURIN, token), "blocked-there");
    about_city(LYON, IU_JOB_UNBLOCK, TURIN);
    run(1000);
    token = join(TURIN, &invitation);
    run(2000);
    assert_string_equal(code_of(TURIN, token), "ok");
}

static void of_two_connections_one_stays(void **state)
{
    (void)state;
    found_two();
    befriend(TURIN, LYON);
    for (int i = 0; i < 3; i++) {
        struct iu_invitation again;
        invite(i % 2 ? LYON : TURIN, (uint8_t)(100 + i), &again);
        join(i % 2 ? TURIN : LYON, &again);
        run(3000);
        assert_int_equal(admitted(LYON), 1);
        assert_int_equal(admitted(TURIN), 1);
    }
    publish(LYON, "Water charter");
    run(1000);
    assert_int_equal(held(TURIN, LYON), 2);
}

static void two_running_copies_of_a_city_stop_signing_until_one_claims(void **state)
{
    (void)state;
    found_two();
    befriend(LYON, TURIN);
    found(COPY, "copy", LYON);
    about_city(COPY, IU_JOB_FOLLOW, TURIN);
    run(100);
    struct iu_invitation invitation;
    invite(TURIN, 200, &invitation);
    uint64_t joined = join(COPY, &invitation);
    run(8000);
    assert_string_equal(code_of(COPY, joined), "ok");
    uint64_t refused = publish(LYON, "Water charter");
    uint64_t too = publish(COPY, "Another history");
    run(1000);
    assert_string_equal(code_of(LYON, refused), "clone");
    assert_string_equal(code_of(COPY, too), "clone");
    assert_int_equal(world.nodes[TURIN].facts[IU_FACT_CLONE_SEEN], 1);
    assert_int_equal(held(TURIN, LYON), 1);
    stop_node(COPY);
    stop_node(LYON);
    start_node(LYON);
    uint64_t still = publish(LYON, "Water charter");
    run(1000);
    assert_string_equal(code_of(LYON, still), "clone");
    step(LYON, &(struct iu_event){.kind = IU_EVENT_CLAIM, .token = ++world.tokens});
    run(6000);
    uint64_t good = publish(LYON, "Water charter");
    run(2000);
    assert_string_equal(code_of(LYON, good), "ok");
    assert_int_equal(held(TURIN, LYON), 2);
}

static void a_restored_old_store_fetches_its_own_entries_back_before_it_signs(void **state)
{
    (void)state;
    char command[300];
    struct node *lyon = &world.nodes[LYON];
    found_two();
    befriend(LYON, TURIN);
    run(2000);
    stop_node(LYON);
    snprintf(command, sizeof command, "cp -a %s %s.old", lyon->store.dir, lyon->store.dir);
    assert_int_equal(system(command), 0);
    start_node(LYON);
    publish(LYON, "Water charter");
    run(3000);
    assert_int_equal(held(TURIN, LYON), 2);
    assert_int_equal(lyon->fence_count, 1);
    stop_node(LYON);
    snprintf(command, sizeof command, "rm -rf %s && mv %s.old %s", lyon->store.dir, lyon->store.dir,
             lyon->store.dir);
    assert_int_equal(system(command), 0);
    start_node(LYON);
    assert_int_equal(held(LYON, LYON), 1);
    uint64_t token = publish(LYON, "Street lamps");
    run(8000);
    assert_string_equal(code_of(LYON, token), "ok");
    assert_int_equal(answer_to(LYON, token)->index, 2);
    assert_int_equal(held(TURIN, LYON), 3);
    assert_int_equal(lyon->facts[IU_FACT_OWN_AHEAD], 1);
    assert_int_equal(lyon->facts[IU_FACT_EPOCH_NEW], 1);
}

static void without_its_fence_peer_a_publication_waits_and_then_says_why(void **state)
{
    (void)state;
    found_two();
    befriend(LYON, TURIN);
    run(2000);
    stop_node(TURIN);
    stop_node(LYON);
    start_node(LYON);
    uint64_t token = publish(LYON, "Water charter");
    run(5000);
    assert_null(answer_to(LYON, token));
    run(6000);
    assert_string_equal(code_of(LYON, token), "asking");
    stop_node(LYON);
    world.nodes[LYON].alone = true;
    start_node(LYON);
    token = publish(LYON, "Water charter");
    run(1000);
    assert_string_equal(code_of(LYON, token), "ok");
}

static void a_reconnect_without_news_is_small_and_a_cursor_survives(void **state)
{
    (void)state;
    found_two();
    befriend(LYON, TURIN);
    for (int i = 0; i < 20; i++)
        publish(LYON, "Water charter");
    run(5000);
    assert_int_equal(held(TURIN, LYON), 21);
    stop_node(LYON);
    run(1000);
    start_node(LYON);
    uint64_t before = world.nodes[LYON].sent_bytes + world.nodes[TURIN].sent_bytes;
    run(5000);
    assert_int_equal(admitted(LYON), 1);
    assert_true(world.nodes[LYON].sent_bytes + world.nodes[TURIN].sent_bytes - before < 1300);
    publish(LYON, "Street lamps");
    run(1000);
    assert_int_equal(held(TURIN, LYON), 22);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(joining_by_an_invite_makes_each_follow_the_other),
        CASE(what_one_publishes_the_other_holds),
        CASE(a_new_entry_goes_through_two_hops_without_any_timer),
        CASE(a_third_gets_it_from_the_second),
        CASE(a_used_invite_is_refused_to_another_city_only),
        CASE(a_join_says_what_went_wrong),
        CASE(a_silent_inviter_ends_the_join_at_its_deadline),
        CASE(who_is_not_followed_is_refused_with_a_reason),
        CASE(a_block_ends_the_session_and_beats_an_invite),
        CASE(of_two_connections_one_stays),
        CASE(two_running_copies_of_a_city_stop_signing_until_one_claims),
        CASE(a_restored_old_store_fetches_its_own_entries_back_before_it_signs),
        CASE(without_its_fence_peer_a_publication_waits_and_then_says_why),
        CASE(a_reconnect_without_news_is_small_and_a_cursor_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
