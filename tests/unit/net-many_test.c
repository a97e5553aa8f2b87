/* SPDX-License-Identifier: Apache-2.0 */
/* More cities than an Interest can name, and more heads than a Delta can hold. */
#include "peer/net.h"

#include "store/logs.h"
#include "unit/acts.h"

enum { LYON, TURIN };

#define CITIES 1100
#define ENTRIES 3

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
    uint8_t seed[32] = {0xEE};
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
        iu_header_put(&(struct iu_header){.kind = 99, .date_ms = 1 + entry}, &header);
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

static void found_both(void)
{
    struct iu_txn *txn;
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    publish(LYON, "charter");
    publish(TURIN, "charter");
    run(100);
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

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(all_of_many_cities_come_and_a_reconnect_lists_none_again),
        CASE(a_city_that_is_followed_later_is_listed_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
