/* SPDX-License-Identifier: Apache-2.0 */
/* What is settled with a peer, and what a reconnect costs. */
#include "peer/net.h"

#include "unit/planted.h"
#include "unit/puppet.h"

enum { LYON, TURIN };

#define SETTLED_MS 1000
#define MANY_MS 12000
#define OFTEN_MS 100
#define SPARE 8 /* bytes: numbers have more digits where more is held */

static uint64_t cursor_of(size_t index, size_t peer)
{
    struct iu_peer row;
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    bool known = iu_peer_get(snap, &world.nodes[peer].city, &row);
    iu_snap_close(snap);
    return known ? row.cursor : 0;
}

/* The puppet announces what it never gives. */
static void one_stuck_log_holds_up_no_cursor(void **state)
{
    (void)state;
    found(LYON, "lyon", NODES_MAX);
    publish(LYON, "charter");
    puppet_found();
    about_city(LYON, IU_JOB_FOLLOW, PUPPET);
    run(100);
    struct talk *talk = puppet_meet(LYON);
    talk->answers = false;
    puppet_announce(talk, 0, 5);
    run(100);
    assert_int_equal(talk->want.to, 5);
    assert_int_equal(cursor_of(LYON, PUPPET), 0); /* neither held nor in `wants` yet */
    run(SETTLED_MS);
    assert_int_equal(held(LYON, PUPPET), 0);
    assert_int_equal(cursor_of(LYON, PUPPET), 5);
    puppet_close();
}

/* While others come, rows are put off; not for ever. */
static void one_stuck_log_holds_up_no_cursor_while_others_come(void **state)
{
    (void)state;
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    publish(LYON, "charter");
    publish(TURIN, "charter");
    run(100);
    befriend(TURIN, LYON);
    puppet_found();
    about_city(TURIN, IU_JOB_FOLLOW, PUPPET);
    run(1000);
    struct talk *talk = puppet_meet(TURIN);
    talk->answers = false;
    puppet_announce(talk, 0, 5);
    for (int i = 0; i < MANY_MS / OFTEN_MS; i++) {
        publish(LYON, "Water charter");
        world.nodes[LYON].answer_count = 0;
        run(OFTEN_MS);
        if (i == SETTLED_MS / OFTEN_MS)
            assert_int_equal(cursor_of(TURIN, PUPPET), 0);
    }
    assert_int_equal(held(TURIN, LYON), 1 + MANY_MS / OFTEN_MS);
    assert_int_equal(held(TURIN, PUPPET), 0);
    assert_int_equal(cursor_of(TURIN, PUPPET), 5);
    puppet_close();
}

/* Two nodes that hold as many logs, met before: bytes of their next session until all is said, both ways. */
static size_t reconnect(void **state, size_t count)
{
    struct iu_txn *txn;
    open_world(state);
    for (size_t index = LYON; index <= TURIN; index++) {
        found(index, index == LYON ? "lyon" : "turin", NODES_MAX);
        publish(index, "charter");
        run(100);
        stop_node(index);
        open_node_store(index);
        assert_int_equal(iu_txn_open(world.nodes[index].store.store, &txn), IU_OK);
        for (size_t i = 0; i < count; i++) {
            (void)plant_city(txn, index, i);
            plant_entries(txn, index, i, 0, 1);
        }
        assert_int_equal(iu_txn_commit(txn), IU_OK);
        open_net(index);
    }
    befriend(TURIN, LYON);
    run(60000);
    stop_node(TURIN);
    run(100);
    start_node(TURIN);
    size_t before = world.nodes[LYON].sent_bytes + world.nodes[TURIN].sent_bytes;
    run(5000);
    assert_int_equal(admitted(TURIN), 1);
    size_t bytes = world.nodes[LYON].sent_bytes + world.nodes[TURIN].sent_bytes - before;
    close_world(state);
    return bytes;
}

static void a_reconnect_without_news_costs_the_same_however_many_logs_there_are(void **state)
{
    size_t few = reconnect(state, 300), many = reconnect(state, 1500);
    open_world(state);
    print_message("%zu bytes at 300 logs, %zu at 1500\n", few, many);
    assert_in_range(many, few - SPARE, few + SPARE);
    assert_in_range(many, 600, 1500);
}

static uint64_t met_ms(size_t index, size_t peer)
{
    struct iu_peer row;
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    bool known = iu_peer_get(snap, &world.nodes[peer].city, &row);
    iu_snap_close(snap);
    return known ? row.met_ms : 0;
}

/* When it was met is kept when it leaves, and when it comes after a while. */
static void one_that_is_back_at_once_costs_no_write(void **state)
{
    (void)state;
    for (size_t index = LYON; index <= TURIN; index++) {
        found(index, index == LYON ? "lyon" : "turin", NODES_MAX);
        publish(index, "charter");
    }
    befriend(TURIN, LYON);
    run(90000);
    stop_node(TURIN);
    run(100);
    uint64_t met = met_ms(LYON, TURIN);
    assert_true(met > 0);
    start_node(TURIN);
    run(5000);
    assert_int_equal(admitted(TURIN), 1);
    assert_int_equal(met_ms(LYON, TURIN), met);
    stop_node(TURIN);
    run(100);
    uint64_t again = met_ms(LYON, TURIN);
    assert_true(again > met);
    run(90000);
    start_node(TURIN);
    run(5000);
    assert_int_equal(admitted(TURIN), 1);
    assert_true(met_ms(LYON, TURIN) > again);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(one_stuck_log_holds_up_no_cursor),
        CASE(one_stuck_log_holds_up_no_cursor_while_others_come),
        CASE(one_that_is_back_at_once_costs_no_write),
        CASE(a_reconnect_without_news_costs_the_same_however_many_logs_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
