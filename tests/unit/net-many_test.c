/* SPDX-License-Identifier: Apache-2.0 */
/* More cities than an Interest can name, and more heads than a Delta can hold. */
#include "peer/net.h"

#include "store/logs.h"
#include "unit/puppet.h"

enum { LYON, TURIN };

#define CITIES 1100
#define ENTRIES 3
#define FIELDS 1000 /* bytes: all logs together are more than a window */

static struct iu_city planted[CITIES];

static void apply_one(struct iu_txn *txn, size_t index, struct iu_job *job)
{
    struct iu_outcome outcome;
    iu_apply(txn, &world.nodes[index].self, job, &outcome);
    assert_int_equal(outcome.err, IU_OK);
    iu_job_fini(job);
}

static void follow_planted(struct iu_txn *txn, size_t index, const struct iu_city *city)
{
    struct iu_job job = {.kind = IU_JOB_FOLLOW, .city = *city};
    job.follow = (struct iu_follow){.city = *city, .reasons = IU_BY_ROLL};
    apply_one(txn, index, &job);
}

/* City number `i` with a log of three entries, as if it had been fetched. */
static void plant(struct iu_txn *txn, size_t index, size_t i)
{
    uint8_t seed[32] = {0xEE}, fields[FIELDS] = {1};
    iu_store_u32(seed + 4, (uint32_t)i);
    struct iu_key *key = iu_key_of_seed(seed);
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {{.log = 1}}};
    iu_sha256((struct iu_bytes){0}, &d.logs[0].root);
    iu_key_public(key, &d.root);
    memcpy(d.city.b, d.root.b, IU_ID_LEN);
    iu_key_public(key, &d.node);
    planted[i] = d.city;
    struct iu_job chain = {.kind = IU_JOB_CHAIN, .city = d.city};
    iu_delegation_sign(&d, key, &chain.a);
    apply_one(txn, index, &chain);
    follow_planted(txn, index, &d.city);
    struct iu_job batch = {.kind = IU_JOB_BATCH, .city = d.city, .log = 1};
    struct iu_frontier tree;
    iu_frontier_init(&tree);
    for (uint64_t entry = 0; entry < ENTRIES; entry++) {
        struct iu_buf header = IU_BUF_INIT;
        struct iu_hash leaf;
        struct iu_header h = {.kind = 99, .date_ms = 1 + entry, .fields = iu_bytes_of(fields, sizeof fields)};
        iu_header_put(&h, &header);
        iu_entry_id(&d.city, 1, entry, iu_buf_view(&header), &leaf);
        iu_frontier_add(&tree, &leaf);
        iu_item_put(&(struct iu_item){.header = iu_buf_view(&header)}, &batch.a);
        iu_buf_fini(&header);
    }
    struct iu_head head = {.city = d.city, .log = 1, .size = ENTRIES};
    iu_frontier_root(&tree, &head.root);
    iu_head_sign(&head, key, &batch.c);
    apply_one(txn, index, &batch);
    iu_key_close(key);
}

static size_t planted_held(size_t index)
{
    struct iu_log_state log;
    size_t count = 0;
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    for (size_t i = 0; i < CITIES; i++)
        count += iu_log_find(snap, &planted[i], 1, &log) && log.size == ENTRIES;
    iu_snap_close(snap);
    return count;
}

static void found_two(void)
{
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    publish(LYON, "charter");
    publish(TURIN, "charter");
    run(100);
}

/* One has all logs, both follow all cities. */
static void plant_all(void)
{
    struct iu_txn *txn;
    for (size_t index = 0; index < 2; index++) {
        stop_node(index);
        open_node_store(index);
        assert_int_equal(iu_txn_open(world.nodes[index].store.store, &txn), IU_OK);
        for (size_t i = 0; i < CITIES; i++)
            if (index == LYON)
                plant(txn, index, i);
            else
                follow_planted(txn, index, &planted[i]);
        assert_int_equal(iu_txn_commit(txn), IU_OK);
        open_net(index);
    }
}

static void found_both(void)
{
    found_two();
    plant_all();
}

static void all_of_many_cities_come_and_a_reconnect_lists_none_again(void **state)
{
    (void)state;
    found_both();
    befriend(TURIN, LYON);
    run(10000);
    assert_int_equal(planted_held(TURIN), CITIES);
    stop_node(TURIN);
    run(100);
    start_node(TURIN);
    uint64_t before = world.nodes[LYON].sent_bytes + world.nodes[TURIN].sent_bytes;
    run(5000);
    assert_int_equal(admitted(TURIN), 1);
    assert_true(world.nodes[LYON].sent_bytes + world.nodes[TURIN].sent_bytes - before < 1500);
}

static void a_city_that_is_followed_later_is_listed_then(void **state)
{
    (void)state;
    found_both();
    struct iu_job *job = new_job(IU_JOB_UNFOLLOW);
    job->city = planted[500];
    local(TURIN, job);
    run(100);
    befriend(TURIN, LYON);
    run(10000);
    assert_int_equal(planted_held(TURIN), CITIES - 1);
    job = new_job(IU_JOB_FOLLOW);
    job->city = planted[500];
    job->follow = (struct iu_follow){.city = planted[500], .reasons = IU_BY_HAND};
    local(TURIN, job);
    run(3000);
    assert_int_equal(planted_held(TURIN), CITIES);
}

static size_t waiting(size_t index, enum iu_job_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < world.nodes[index].job_count; i++)
        count += world.nodes[index].jobs[i]->kind == kind;
    return count;
}

/* A few at a time, over longer than after what a log that was heard of gets its row. */
static void many_logs_that_keep_coming_are_written_once(void **state)
{
    (void)state;
    size_t rows = 0, urgent = 0;
    found_two();
    befriend(TURIN, LYON);
    plant_all();
    uint64_t begin_ms = world.now_ms;
    while (planted_held(TURIN) < CITIES && world.now_ms - begin_ms < 60000) {
        world.nodes[TURIN].held_up = true;
        run(20);
        rows += waiting(TURIN, IU_JOB_WANT);
        urgent += world.nodes[TURIN].job_count > 0 && world.nodes[TURIN].jobs[0]->urgent;
        world.nodes[TURIN].held_up = false;
        write_all(TURIN);
    }
    assert_int_equal(planted_held(TURIN), CITIES);
    assert_true(world.now_ms - begin_ms > 500);
    assert_int_equal(rows, 0);
    assert_int_equal(urgent, 0); /* none overtakes another, and each commit takes what has come */
}

/* Asks for the logs of planted cities [from, to), all in what is read at once. */
static void ask_for(struct talk *talk, size_t from, size_t to)
{
    struct iu_buf bytes = IU_BUF_INIT, message = IU_BUF_INIT;
    size_t side;
    struct wire *wire = wire_of(PUPPET, talk->conn, &side);
    assert_non_null(wire);
    talk->batch_count = 0;
    for (size_t i = from; i < to; i++) {
        struct iu_frame want = {
            .type = IU_FRAME_WANT,
            .want = {.city = planted[i], .log = 1, .from = 0, .to = ENTRIES, .form = IU_FORM_FULL}};
        iu_buf_clear(&message);
        iu_frame_put(&want, &message);
        iu_buf_put_u32(&bytes, (uint32_t)IU_LANE_CONTROL << 29 | (uint32_t)message.len);
        iu_buf_put_bytes(&bytes, iu_buf_view(&message));
    }
    put(wire->node[1 - side], &(struct iu_event){.kind = IU_EVENT_RECEIVED, .conn = wire->conn[1 - side]},
        iu_buf_view(&bytes));
    iu_buf_fini(&bytes);
    iu_buf_fini(&message);
    run(100);
    assert_int_equal(talk->batch_count, to - from);
}

static size_t in_lane(const struct talk *talk, enum iu_lane lane)
{
    size_t count = 0;
    for (size_t i = 0; i < talk->batch_count; i++)
        count += talk->batch_lanes[i] == lane;
    return count;
}

/* So that they do not delay what is new. */
static void a_few_small_logs_are_live_and_many_are_history(void **state)
{
    (void)state;
    found_both();
    puppet_found();
    about_city(LYON, IU_JOB_FOLLOW, PUPPET);
    run(100);
    struct talk *talk = puppet_meet(LYON);
    ask_for(talk, 0, 10);
    assert_int_equal(in_lane(talk, IU_LANE_LIVE), 10);
    ask_for(talk, 10, 60);
    assert_int_equal(in_lane(talk, IU_LANE_HISTORY), 50);
    ask_for(talk, 60, 61); /* one of those that were asked for in a row */
    assert_int_equal(in_lane(talk, IU_LANE_HISTORY), 1);
    run(2000);
    ask_for(talk, 61, 62);
    assert_int_equal(in_lane(talk, IU_LANE_LIVE), 1);
    puppet_close();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(all_of_many_cities_come_and_a_reconnect_lists_none_again),
        CASE(a_city_that_is_followed_later_is_listed_then),
        CASE(many_logs_that_keep_coming_are_written_once),
        CASE(a_few_small_logs_are_live_and_many_are_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
