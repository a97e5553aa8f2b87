/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/fence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 100
#define START 1000

static const struct iu_hash our_root = {{1}}, other_root = {{2}};

static struct iu_city peer(size_t i)
{
    return (struct iu_city){{(uint8_t)(i + 1)}};
}

static struct iu_fence fence_of(size_t peer_count, enum iu_guard_verdict verdict, bool clone, bool alone)
{
    struct iu_city peers[IU_FENCE_PEERS_MAX];
    for (size_t i = 0; i < peer_count; i++) {
        peers[i] = peer(i);
    }
    struct iu_fence fence;
    struct iu_fence_start start = {.now_ms = START,
                                   .clone = clone,
                                   .alone = alone,
                                   .verdict = verdict,
                                   .guard = {.counter = 9, .log = 1, .size = SIZE + 5, .root = our_root},
                                   .size = SIZE,
                                   .peers = peers,
                                   .peer_count = peer_count};
    iu_fence_init(&fence, &start);
    return fence;
}

static struct iu_fence asking(size_t peer_count)
{
    struct iu_fence fence = fence_of(peer_count, IU_GUARD_FINISH, false, false);
    assert_int_equal(fence.state, IU_FENCE_ASKING);
    return fence;
}

/* Peers [0, count) hold what we hold. */
static void answer(struct iu_fence *fence, size_t count, uint64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        struct iu_city city = peer(i);
        assert_false(iu_fence_heard(fence, &city, SIZE, now_ms));
    }
}

static bool ahead(struct iu_fence *fence, size_t i, uint64_t held, uint64_t now_ms)
{
    struct iu_city city = peer(i);
    return iu_fence_heard(fence, &city, held, now_ms);
}

static void a_node_without_fence_peers_signs_at_once(void **state)
{
    (void)state;
    struct iu_fence fence = fence_of(0, IU_GUARD_FINISH, false, false);
    assert_true(iu_fence_may_sign(&fence));
    fence = fence_of(0, IU_GUARD_FRESH, false, false);
    assert_true(iu_fence_may_sign(&fence));
    fence = fence_of(1, IU_GUARD_FRESH, false, false);
    assert_false(iu_fence_may_sign(&fence));
}

static void it_signs_when_all_have_answered(void **state)
{
    (void)state;
    struct iu_fence fence = asking(5);
    answer(&fence, 4, START);
    assert_false(iu_fence_may_sign(&fence));
    answer(&fence, 5, START);
    assert_true(iu_fence_may_sign(&fence));
}

static void it_signs_five_seconds_after_a_majority_has_answered(void **state)
{
    (void)state;
    struct iu_fence fence = asking(5);
    answer(&fence, 3, START + 7000);
    iu_fence_tick(&fence, START + 7000 + IU_FENCE_MS - 1);
    assert_false(iu_fence_may_sign(&fence));
    iu_fence_tick(&fence, START + 7000 + IU_FENCE_MS);
    assert_true(iu_fence_may_sign(&fence));
}

static void less_than_a_majority_never_opens_it(void **state)
{
    (void)state;
    struct iu_fence fence = asking(4);
    answer(&fence, 2, START);
    answer(&fence, 2, START + 1000); /* the same two again */
    iu_fence_tick(&fence, START + 1000000000);
    assert_false(iu_fence_may_sign(&fence));
    answer(&fence, 3, START + 1000000000);
    iu_fence_tick(&fence, START + 1000000000 + IU_FENCE_MS);
    assert_true(iu_fence_may_sign(&fence));
}

static void of_two_peers_one_is_enough_after_five_seconds(void **state)
{
    (void)state;
    struct iu_fence fence = asking(2);
    answer(&fence, 1, START);
    assert_false(iu_fence_may_sign(&fence));
    iu_fence_tick(&fence, START + IU_FENCE_MS);
    assert_true(iu_fence_may_sign(&fence));
}

static void a_stranger_does_not_count_as_an_answer(void **state)
{
    (void)state;
    struct iu_fence fence = asking(1);
    assert_false(ahead(&fence, 7, SIZE, START));
    assert_false(iu_fence_may_sign(&fence));
    answer(&fence, 1, START);
    assert_true(iu_fence_may_sign(&fence));
}

static void a_peer_that_holds_nothing_has_answered(void **state)
{
    (void)state;
    struct iu_fence fence = asking(1);
    assert_false(ahead(&fence, 0, 0, START));
    assert_true(iu_fence_may_sign(&fence));
}

static void a_peer_ahead_makes_it_recover_before_it_signs(void **state)
{
    (void)state;
    struct iu_fence fence = asking(2);
    assert_true(ahead(&fence, 0, SIZE + 20, START));
    assert_int_equal(fence.state, IU_FENCE_RECOVERING);
    assert_true(fence.first_ahead);
    assert_int_equal(fence.target, SIZE + 20);
    answer(&fence, 2, START);
    iu_fence_tick(&fence, START + 10 * IU_FENCE_MS);
    assert_false(iu_fence_may_sign(&fence));
    iu_fence_grew(&fence, SIZE + 19, &our_root, START + 10 * IU_FENCE_MS);
    assert_int_equal(fence.state, IU_FENCE_RECOVERING);
    iu_fence_grew(&fence, SIZE + 20, &our_root, START + 10 * IU_FENCE_MS);
    assert_true(iu_fence_may_sign(&fence));
}

static void after_recovery_the_others_are_still_waited_for(void **state)
{
    (void)state;
    struct iu_fence fence = asking(3);
    assert_true(ahead(&fence, 0, SIZE + 20, START));
    iu_fence_grew(&fence, SIZE + 20, &our_root, START);
    assert_int_equal(fence.state, IU_FENCE_ASKING);
    struct iu_city second = peer(1);
    assert_false(iu_fence_heard(&fence, &second, SIZE + 20, START));
    iu_fence_tick(&fence, START + IU_FENCE_MS);
    assert_true(iu_fence_may_sign(&fence));
}

static void a_new_epoch_begins_once_for_one_recovery(void **state)
{
    (void)state;
    struct iu_fence fence = asking(3);
    assert_false(fence.first_ahead);
    assert_true(ahead(&fence, 0, SIZE + 20, START));
    assert_true(fence.first_ahead);
    fence.first_ahead = false;
    assert_true(ahead(&fence, 1, SIZE + 30, START));
    assert_false(fence.first_ahead);
    assert_int_equal(fence.target, SIZE + 30);
}

static void a_late_peer_that_is_ahead_closes_an_open_fence(void **state)
{
    (void)state;
    struct iu_fence fence = asking(3);
    answer(&fence, 2, START);
    iu_fence_tick(&fence, START + IU_FENCE_MS);
    assert_true(iu_fence_may_sign(&fence));
    iu_fence_grew(&fence, SIZE + 1, &our_root, START + IU_FENCE_MS); /* published */
    assert_false(ahead(&fence, 2, SIZE + 1, START + IU_FENCE_MS));
    assert_true(iu_fence_may_sign(&fence));
    assert_true(ahead(&fence, 2, SIZE + 2, START + IU_FENCE_MS));
    assert_false(iu_fence_may_sign(&fence));
}

static void alone_asks_nobody(void **state)
{
    (void)state;
    struct iu_fence fence = fence_of(5, IU_GUARD_FINISH, false, true);
    assert_true(iu_fence_may_sign(&fence));
    assert_true(ahead(&fence, 0, SIZE + 1, START)); /* but what it hears, it heeds */
    assert_int_equal(fence.state, IU_FENCE_RECOVERING);
}

static void alone_does_not_override_the_guard(void **state)
{
    (void)state;
    struct iu_fence fence = fence_of(0, IU_GUARD_MISSING, false, true);
    assert_string_equal(iu_fence_code(&fence), "guard-missing");
    fence = fence_of(0, IU_GUARD_BEHIND, false, true);
    assert_string_equal(iu_fence_code(&fence), "guard-ahead");
    fence = fence_of(0, IU_GUARD_DIFFERS, false, true);
    assert_string_equal(iu_fence_code(&fence), "guard-differs");
    fence = fence_of(0, IU_GUARD_FINISH, true, true);
    assert_string_equal(iu_fence_code(&fence), "clone");
}

static void a_missing_or_different_guard_is_not_healed_by_answers_or_entries(void **state)
{
    (void)state;
    const enum iu_guard_verdict verdicts[] = {IU_GUARD_MISSING, IU_GUARD_DIFFERS};
    for (size_t i = 0; i < 2; i++) {
        struct iu_fence fence = fence_of(1, verdicts[i], false, false);
        answer(&fence, 1, START);
        iu_fence_grew(&fence, SIZE + 5, &our_root, START);
        assert_false(iu_fence_claim(&fence, START));
        iu_fence_tick(&fence, START + 1000000);
        assert_int_equal(fence.state, IU_FENCE_STOPPED);
    }
}

static void a_guard_ahead_is_healed_by_the_own_entries_with_the_signed_root(void **state)
{
    (void)state;
    struct iu_fence fence = fence_of(1, IU_GUARD_BEHIND, false, false);
    assert_string_equal(iu_fence_code(&fence), "guard-ahead");
    assert_int_equal(fence.target, SIZE + 5);
    assert_true(ahead(&fence, 0, SIZE + 5, START));
    assert_int_equal(fence.state, IU_FENCE_STOPPED);
    assert_true(fence.first_ahead);
    iu_fence_grew(&fence, SIZE + 4, &our_root, START);
    assert_int_equal(fence.state, IU_FENCE_STOPPED);
    iu_fence_grew(&fence, SIZE + 5, &our_root, START);
    assert_true(iu_fence_may_sign(&fence));
}

static void a_guard_ahead_with_another_root_stays_stopped(void **state)
{
    (void)state;
    struct iu_fence fence = fence_of(1, IU_GUARD_BEHIND, false, false);
    assert_true(ahead(&fence, 0, SIZE + 5, START));
    iu_fence_grew(&fence, SIZE + 5, &other_root, START);
    assert_string_equal(iu_fence_code(&fence), "guard-differs");
    iu_fence_grew(&fence, SIZE + 6, &our_root, START);
    assert_int_equal(fence.state, IU_FENCE_STOPPED);
}

static void entries_beyond_a_guard_ahead_do_not_heal_it_without_the_root_there(void **state)
{
    (void)state;
    struct iu_fence fence = fence_of(1, IU_GUARD_BEHIND, false, false);
    assert_true(ahead(&fence, 0, SIZE + 9, START));
    iu_fence_grew(&fence, SIZE + 9, &our_root, START);
    assert_string_equal(iu_fence_code(&fence), "guard-ahead");
    iu_fence_grew(&fence, SIZE + 5, &our_root, START);
    iu_fence_grew(&fence, SIZE + 9, &other_root, START);
    assert_true(iu_fence_may_sign(&fence));
}

static void a_clone_is_stopped_until_the_claim_and_then_asks_again(void **state)
{
    (void)state;
    struct iu_fence fence = asking(2);
    answer(&fence, 2, START);
    assert_true(iu_fence_may_sign(&fence));
    assert_false(iu_fence_claim(&fence, START));
    assert_true(iu_fence_may_sign(&fence));
    iu_fence_stop_for(&fence, IU_STOP_CLONE);
    assert_string_equal(iu_fence_code(&fence), "clone");
    answer(&fence, 2, START);
    iu_fence_tick(&fence, START + 1000000);
    assert_false(iu_fence_may_sign(&fence));
    assert_true(iu_fence_claim(&fence, START + 1000000));
    assert_int_equal(fence.state, IU_FENCE_ASKING);
    assert_int_equal(fence.answered_count, 0);
    answer(&fence, 2, START + 1000000);
    assert_true(iu_fence_may_sign(&fence));
}

static void a_clone_of_an_earlier_run_is_remembered(void **state)
{
    (void)state;
    struct iu_fence fence = fence_of(0, IU_GUARD_FINISH, true, false);
    assert_string_equal(iu_fence_code(&fence), "clone");
    assert_true(iu_fence_claim(&fence, START));
    assert_true(iu_fence_may_sign(&fence));
}

static void a_claim_does_not_open_what_something_graver_holds(void **state)
{
    (void)state;
    struct iu_fence fence = fence_of(0, IU_GUARD_FINISH, true, false);
    iu_fence_stop_for(&fence, IU_STOP_OWN_FORK);
    iu_fence_stop_for(&fence, IU_STOP_CLONE);
    assert_string_equal(iu_fence_code(&fence), "own-fork");
    assert_true(iu_fence_claim(&fence, START));
    assert_string_equal(iu_fence_code(&fence), "own-fork");
    assert_false(iu_fence_may_sign(&fence));

    fence = fence_of(0, IU_GUARD_BEHIND, true, false);
    assert_string_equal(iu_fence_code(&fence), "clone");
    assert_true(iu_fence_claim(&fence, START));
    assert_string_equal(iu_fence_code(&fence), "guard-ahead");
}

static void healing_the_guard_does_not_end_a_clone(void **state)
{
    (void)state;
    struct iu_fence fence = fence_of(0, IU_GUARD_BEHIND, true, false);
    iu_fence_grew(&fence, SIZE + 5, &our_root, START);
    assert_string_equal(iu_fence_code(&fence), "clone");
    assert_true(iu_fence_claim(&fence, START));
    assert_true(iu_fence_may_sign(&fence));
}

static void a_wrong_key_or_an_own_fork_stops_until_the_next_start(void **state)
{
    (void)state;
    const enum iu_fence_stop stops[] = {IU_STOP_KEY, IU_STOP_OWN_FORK};
    const char *codes[] = {"key", "own-fork"};
    for (size_t i = 0; i < 2; i++) {
        struct iu_fence fence = fence_of(0, IU_GUARD_FINISH, false, false);
        assert_true(iu_fence_may_sign(&fence));
        iu_fence_stop_for(&fence, stops[i]);
        iu_fence_tick(&fence, START + 1000000);
        assert_false(iu_fence_claim(&fence, START + 1000000));
        assert_string_equal(iu_fence_code(&fence), codes[i]);
        assert_false(iu_fence_may_sign(&fence));
    }
}

static void expect_words(const struct iu_fence *fence, const char *code, const char *in_next)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    iu_fence_words(fence, START + 3000, &why, &next);
    assert_string_equal(iu_fence_code(fence), code);
    assert_true(why.len > 10 && why.len <= IU_FACT_TEXT_MAX);
    assert_true(next.len <= IU_FACT_TEXT_MAX);
    assert_non_null(strstr(iu_buf_cstr(&next), in_next));
    iu_buf_fini(&why);
    iu_buf_fini(&next);
}

static void words_say_what_to_do_in_every_state(void **state)
{
    (void)state;
    struct iu_fence fence = asking(3);
    expect_words(&fence, "asking", "interurband --alone");
    assert_true(ahead(&fence, 0, SIZE + 1, START));
    expect_words(&fence, "recovering", "interurban status");
    fence = fence_of(0, IU_GUARD_FINISH, false, false);
    expect_words(&fence, "open", "nothing to do");
    iu_fence_stop_for(&fence, IU_STOP_CLONE);
    expect_words(&fence, "clone", "interurban key claim");
    iu_fence_stop_for(&fence, IU_STOP_OWN_FORK);
    expect_words(&fence, "own-fork", "interurban key rotate --good N");
    fence = fence_of(0, IU_GUARD_FINISH, false, false);
    iu_fence_stop_for(&fence, IU_STOP_KEY);
    expect_words(&fence, "key", "interurban key rotate --root-key FILE");
    fence = fence_of(0, IU_GUARD_MISSING, false, false);
    expect_words(&fence, "guard-missing", "guard");
    fence = fence_of(0, IU_GUARD_BEHIND, false, false);
    expect_words(&fence, "guard-ahead", "interurban peers");
    fence = fence_of(0, IU_GUARD_DIFFERS, false, false);
    expect_words(&fence, "guard-differs", "newest copy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_without_fence_peers_signs_at_once),
        cmocka_unit_test(it_signs_when_all_have_answered),
        cmocka_unit_test(it_signs_five_seconds_after_a_majority_has_answered),
        cmocka_unit_test(less_than_a_majority_never_opens_it),
        cmocka_unit_test(of_two_peers_one_is_enough_after_five_seconds),
        cmocka_unit_test(a_stranger_does_not_count_as_an_answer),
        cmocka_unit_test(a_peer_that_holds_nothing_has_answered),
        cmocka_unit_test(a_peer_ahead_makes_it_recover_before_it_signs),
        cmocka_unit_test(after_recovery_the_others_are_still_waited_for),
        cmocka_unit_test(a_new_epoch_begins_once_for_one_recovery),
        cmocka_unit_test(a_late_peer_that_is_ahead_closes_an_open_fence),
        cmocka_unit_test(alone_asks_nobody),
        cmocka_unit_test(alone_does_not_override_the_guard),
        cmocka_unit_test(a_missing_or_different_guard_is_not_healed_by_answers_or_entries),
        cmocka_unit_test(a_guard_ahead_is_healed_by_the_own_entries_with_the_signed_root),
        cmocka_unit_test(a_guard_ahead_with_another_root_stays_stopped),
        cmocka_unit_test(entries_beyond_a_guard_ahead_do_not_heal_it_without_the_root_there),
        cmocka_unit_test(a_clone_is_stopped_until_the_claim_and_then_asks_again),
        cmocka_unit_test(a_clone_of_an_earlier_run_is_remembered),
        cmocka_unit_test(a_claim_does_not_open_what_something_graver_holds),
        cmocka_unit_test(healing_the_guard_does_not_end_a_clone),
        cmocka_unit_test(a_wrong_key_or_an_own_fork_stops_until_the_next_start),
        cmocka_unit_test(words_say_what_to_do_in_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
