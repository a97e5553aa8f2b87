/* SPDX-License-Identifier: Apache-2.0 */
/* Many cities with a log each, put into the stores of nodes as if they had been fetched. */
#ifndef UNIT_PLANTED_H
#define UNIT_PLANTED_H

#include "store/logs.h"
#include "unit/acts.h"

static inline void apply_one(struct iu_txn *txn, size_t index, struct iu_job *job)
{
    struct iu_outcome outcome;
    iu_apply(txn, &world.nodes[index].self, job, &outcome);
    assert_int_equal(outcome.err, IU_OK);
    iu_job_fini(job);
}

static inline struct iu_key *planted_key(size_t i)
{
    uint8_t seed[32] = {0xEE};
    iu_store_u32(seed + 4, (uint32_t)i);
    return iu_key_of_seed(seed);
}

/* City number `i` is followed; its chain is there. */
static inline struct iu_city plant_city(struct iu_txn *txn, size_t index, size_t i)
{
    struct iu_key *key = planted_key(i);
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {{.log = 1}}};
    iu_sha256((struct iu_bytes){0}, &d.logs[0].root);
    iu_key_public(key, &d.root);
    memcpy(d.city.b, d.root.b, IU_ID_LEN);
    iu_key_public(key, &d.node);
    struct iu_job chain = {.kind = IU_JOB_CHAIN, .city = d.city};
    iu_delegation_sign(&d, key, &chain.a);
    apply_one(txn, index, &chain);
    struct iu_job follow = {.kind = IU_JOB_FOLLOW, .city = d.city};
    follow.follow = (struct iu_follow){.city = d.city, .reasons = IU_BY_ROLL};
    apply_one(txn, index, &follow);
    iu_key_close(key);
    return d.city;
}

/* Entries [from, to) of its log, which holds `from`. */
static inline void plant_entries(struct iu_txn *txn, size_t index, size_t i, uint64_t from, uint64_t to)
{
    struct iu_key *key = planted_key(i);
    struct iu_public city;
    struct iu_job batch = {.kind = IU_JOB_BATCH, .log = 1, .first = from};
    struct iu_frontier tree;
    iu_key_public(key, &city);
    memcpy(batch.city.b, city.b, IU_ID_LEN);
    iu_frontier_init(&tree);
    for (uint64_t entry = 0; entry < to; entry++) {
        struct iu_buf header = IU_BUF_INIT;
        struct iu_hash leaf;
        iu_header_put(&(struct iu_header){.kind = 99, .date_ms = 1 + entry}, &header);
        iu_entry_id(&batch.city, 1, entry, iu_buf_view(&header), &leaf);
        iu_frontier_add(&tree, &leaf);
        if (entry >= from)
            iu_item_put(&(struct iu_item){.header = iu_buf_view(&header)}, &batch.a);
        iu_buf_fini(&header);
    }
    struct iu_head head = {.city = batch.city, .log = 1, .size = to};
    iu_frontier_root(&tree, &head.root);
    iu_head_sign(&head, key, &batch.c);
    apply_one(txn, index, &batch);
    iu_key_close(key);
}

static inline uint64_t planted_size(size_t index, const struct iu_city *city)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    uint64_t size = iu_log_find(snap, city, 1, &log) ? log.size : 0;
    iu_snap_close(snap);
    return size;
}

#endif
