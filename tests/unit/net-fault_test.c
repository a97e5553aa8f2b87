/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that lie about logs, their own and others'. */
#include "peer/net.h"

#include "store/logs.h"
#include "store/wants.h"
#include "unit/puppet.h"

enum { LYON, TURIN };

/* Two friends that follow the puppet. */
static void found_followers(void)
{
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    publish(LYON, "charter");
    publish(TURIN, "charter");
    run(100);
    befriend(TURIN, LYON);
    puppet_found();
    about_city(LYON, IU_JOB_FOLLOW, PUPPET);
    about_city(TURIN, IU_JOB_FOLLOW, PUPPET);
    run(100);
}

static struct iu_log_state log_of(size_t index)
{
    struct iu_log_state log = {.frozen_at = IU_NOT_FROZEN};
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    (void)iu_log_find(snap, &world.nodes[PUPPET].city, 1, &log);
    iu_snap_close(snap);
    return log;
}

static void an_honest_log_reaches_both_and_nobody_doubts(void **state)
{
    (void)state;
    found_followers();
    struct talk *talk = puppet_meet(LYON);
    for (uint64_t size = 3; size < 40; size += 9) {
        puppet_announce(talk, 0, size);
        run(500);
        assert_int_equal(held(LYON, PUPPET), size);
        assert_int_equal(held(TURIN, PUPPET), size);
    }
    assert_int_equal(log_of(TURIN).frozen_at, IU_NOT_FROZEN);
    assert_int_equal(world.nodes[TURIN].facts[IU_FACT_LOG_DOUBTED], 0);
    assert_false(talk->closed);
    puppet_close();
}

/* A fragment of history that continues, of which `len` bytes of these are there so far. */
static void drip(struct talk *talk, const char *bytes, size_t len)
{
    size_t side;
    struct wire *wire = wire_of(PUPPET, talk->conn, &side);
    assert_non_null(wire);
    put(wire->node[1 - side], &(struct iu_event){.kind = IU_EVENT_RECEIVED, .conn = wire->conn[1 - side]},
        iu_bytes_of(bytes, len));
}

static void a_message_that_never_ends_holds_up_a_log_for_little_more_than_a_minute(void **state)
{
    (void)state;
    found_followers();
    struct talk *lyon = puppet_meet(LYON), *turin = puppet_meet(TURIN);
    lyon->answers = false;
    puppet_announce(lyon, 0, 20);
    run(50);
    assert_int_equal(lyon->heard[IU_FRAME_WANT], 1);
    drip(lyon, "\xe0\x01\x00\x00\x4a", 5);
    puppet_announce(turin, 0, 20);
    for (int second = 0; second < 50; second++) {
        drip(lyon, "x", 1);
        run(1000);
    }
    assert_int_equal(held(TURIN, PUPPET), 20);
    assert_int_equal(held(LYON, PUPPET), 0); /* it may still come: lines are slow in places */
    for (int second = 0; second < 20; second++) {
        drip(lyon, "x", 1);
        run(1000);
    }
    assert_int_equal(held(LYON, PUPPET), 20);
    assert_false(lyon->closed);
    puppet_close();
}

/* Shows history 0 to Lyon and history 1 to Turin. */
static void fork_at(uint64_t same, uint64_t size_0, uint64_t size_1)
{
    found_followers();
    puppet_write(same);
    struct talk *lyon = puppet_meet(LYON), *turin = puppet_meet(TURIN);
    world.late_from = LYON; /* they do not hear of each other's history while they fetch */
    world.late_to = TURIN;
    puppet_announce(lyon, 0, size_0);
    puppet_announce(turin, 1, size_1);
    run(20);
    deliver_late();
    run(3000);
}

static void check_frozen(uint64_t agreed)
{
    struct iu_snap *snap = iu_snap_open(world.nodes[LYON].store.store);
    struct iu_bytes fault;
    struct iu_log_state log;
    assert_int_equal(log_of(LYON).frozen_at, agreed);
    assert_int_equal(log_of(TURIN).frozen_at, agreed);
    assert_true(iu_log_find(snap, &world.nodes[PUPPET].city, 1, &log));
    assert_true(iu_log_fault(snap, log.no, &fault));
    iu_snap_close(snap);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_LOG_FORKED], 1);
    assert_int_equal(world.nodes[TURIN].facts[IU_FACT_LOG_FORKED], 1);
    assert_int_equal(admitted(LYON), 2);
    publish(LYON, "Life goes on");
    run(1000);
    assert_int_equal(held(TURIN, LYON), 2);
    puppet_close();
}

static void two_histories_of_one_size_freeze_the_log_at_both(void **state)
{
    (void)state;
    fork_at(6, 10, 10);
    check_frozen(6);
}

static void a_longer_second_history_freezes_the_log_at_both(void **state)
{
    (void)state;
    fork_at(5, 8, 30);
    check_frozen(5);
}

/* Nothing is held of either when they are announced, and nothing more is announced afterwards. */
static void two_histories_of_one_size_announced_at_once_freeze_the_log(void **state)
{
    (void)state;
    found_followers();
    puppet_write(6);
    struct talk *one = puppet_meet(LYON);
    puppet.instance++;
    struct talk *other = puppet_meet(LYON);
    assert_false(one->closed || other->closed);
    puppet_announce(one, 0, 10);
    puppet_announce(other, 1, 10);
    run(5000);
    assert_int_equal(log_of(LYON).frozen_at, 6);
    assert_int_equal(log_of(TURIN).frozen_at, 6);
    puppet_close();
}

static void one_history_announced_by_two_freezes_nothing(void **state)
{
    (void)state;
    found_followers();
    struct talk *one = puppet_meet(LYON);
    puppet.instance++;
    struct talk *other = puppet_meet(LYON);
    puppet_announce(one, 0, 10);
    puppet_announce(other, 0, 7);
    run(5000);
    assert_int_equal(held(LYON, PUPPET), 10);
    assert_int_equal(log_of(LYON).frozen_at, IU_NOT_FROZEN);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_LOG_DOUBTED], 0);
    puppet_close();
}

static void two_histories_from_the_first_entry_freeze_everything(void **state)
{
    (void)state;
    fork_at(0, 4, 9);
    check_frozen(0);
}

static void who_sends_bad_batches_under_a_good_head_is_blamed_and_closed(void **state)
{
    (void)state;
    found_followers();
    struct talk *lyon = puppet_meet(LYON);
    puppet.corrupt = true;
    puppet_announce(lyon, 0, 10);
    run(30000);
    puppet_announce(lyon, 0, 11);
    run(30ULL * 60 * 1000);
    assert_int_equal(log_of(LYON).frozen_at, IU_NOT_FROZEN);
    assert_int_equal(held(LYON, PUPPET), 0);
    puppet.corrupt = false;
    struct talk *turin = puppet_meet(TURIN);
    puppet_announce(turin, 0, 11);
    run(5000);
    assert_int_equal(held(LYON, PUPPET), 11);
    assert_int_equal(held(TURIN, PUPPET), 11);
    puppet_close();
}

static void a_fault_reaches_who_was_away(void **state)
{
    (void)state;
    found_followers();
    stop_node(TURIN);
    run(100);
    puppet_write(6);
    struct talk *talk = puppet_meet(LYON);
    puppet_announce(talk, 0, 10);
    run(500);
    puppet_announce(talk, 1, 12);
    run(3000);
    assert_int_equal(log_of(LYON).frozen_at, 6);
    start_node(TURIN);
    run(20000);
    assert_int_equal(log_of(TURIN).frozen_at, 6);
    assert_int_equal(held(TURIN, PUPPET), 6);
    assert_int_equal(held(LYON, PUPPET), 10);
    puppet_close();
}

static void a_second_history_by_our_own_key_stops_our_signing(void **state)
{
    (void)state;
    found_followers();
    struct talk *talk = puppet_meet(LYON);
    struct iu_head head = {.city = world.nodes[LYON].city, .log = 1, .size = 1, .root = {{1, 2, 3}}};
    struct iu_buf note = IU_BUF_INIT;
    iu_head_sign(&head, world.nodes[LYON].key, &note);
    struct iu_frame frame = {.type = IU_FRAME_STATE,
                             .state = {.epoch = {1, 2, 3}, .yours = iu_buf_view(&note)}};
    memset(frame.state.interest_hash.b, 9, IU_HASH_LEN);
    puppet_say(talk, IU_LANE_CONTROL, &frame);
    run(100);
    uint64_t token = publish(LYON, "Water charter");
    run(100);
    assert_string_equal(code_of(LYON, token), "own-fork");
    token = publish(TURIN, "Water charter");
    run(100);
    assert_string_equal(code_of(TURIN, token), "ok");
    iu_buf_fini(&note);
    puppet_close();
}

/* --- a size that nobody can show --- */

#define CLAIMED 999999999999

/* The puppet says that it holds that much of Turin's log. */
static void puppet_claim(struct talk *talk, uint64_t size)
{
    struct iu_head_item item = {.city = world.nodes[TURIN].city, .log = 1, .size = size};
    struct iu_frame frame = {.type = IU_FRAME_HEADS,
                             .heads = {.items = &item, .item_count = 1, .counter = 2}};
    struct iu_chain *chain = calloc(1, sizeof *chain);
    assert_non_null(chain);
    assert_int_equal(iu_chain_get(iu_buf_view(&world.nodes[TURIN].chain), &item.city, chain), IU_OK);
    item.chain_hash = *iu_chain_hash(chain);
    free(chain);
    puppet_say(talk, IU_LANE_CONTROL, &frame);
}

static bool wanted(uint64_t *size)
{
    struct iu_log_state log;
    struct iu_want want = {0};
    struct iu_snap *snap = iu_snap_open(world.nodes[LYON].store.store);
    bool any = iu_log_find(snap, &world.nodes[TURIN].city, 1, &log) && iu_want_get(snap, log.no, &want);
    iu_snap_close(snap);
    *size = want.size;
    return any;
}

static void a_size_that_nobody_here_claims_and_its_city_denies_is_forgotten(void **state)
{
    (void)state;
    uint64_t size;
    found_followers();
    struct talk *talk = puppet_meet(LYON);
    puppet_claim(talk, CLAIMED);
    run(120000);
    assert_true(wanted(&size)); /* who claims it is here */
    assert_int_equal(size, CLAIMED);
    publish(TURIN, "Water charter");
    run(1000);
    assert_int_equal(held(LYON, TURIN), 2); /* and keeps nobody else's entries out */
    stop_node(LYON);
    start_node(LYON);
    run(120000);
    assert_false(wanted(&size));
    publish(TURIN, "Tree charter");
    run(1000);
    assert_int_equal(held(LYON, TURIN), 3);
    puppet_close();
}

static void a_size_that_its_city_cannot_deny_is_kept(void **state)
{
    (void)state;
    uint64_t size;
    found_followers();
    struct talk *talk = puppet_meet(LYON);
    stop_node(TURIN);
    puppet_claim(talk, 5);
    run(1000);
    stop_node(LYON);
    start_node(LYON);
    run(120000);
    assert_true(wanted(&size));
    assert_int_equal(size, 5);
    puppet_close();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(an_honest_log_reaches_both_and_nobody_doubts),
        CASE(a_message_that_never_ends_holds_up_a_log_for_little_more_than_a_minute),
        CASE(two_histories_of_one_size_freeze_the_log_at_both),
        CASE(a_longer_second_history_freezes_the_log_at_both),
        CASE(two_histories_of_one_size_announced_at_once_freeze_the_log),
        CASE(one_history_announced_by_two_freezes_nothing),
        CASE(two_histories_from_the_first_entry_freeze_everything),
        CASE(who_sends_bad_batches_under_a_good_head_is_blamed_and_closed),
        CASE(a_fault_reaches_who_was_away),
        CASE(a_second_history_by_our_own_key_stops_our_signing),
        CASE(a_size_that_nobody_here_claims_and_its_city_denies_is_forgotten),
        CASE(a_size_that_its_city_cannot_deny_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
