/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/prints.h"

#include "peer/announce.h"
#include "peer/chainwire.h"
#include "sign/hash.h"

#include <string.h>

#define SLICE 1024    /* logs in one TICK: some milliseconds */
#define SLICE_MS 10    /* until the next */
#define AT_ONCE 4096 /* changes that are gone through when they are needed now */

void iu_prints_open(struct iu_net *net)
{
    net->sums = iu_sums_open();
}

void iu_prints_close(struct iu_net *net)
{
    iu_sums_close(net->sums);
}

void iu_prints_key(const struct iu_city *city, uint32_t log, uint8_t out[IU_SUMS_KEY_LEN])
{
    memcpy(out, city->b, IU_ID_LEN);
    iu_store_u32(out + IU_ID_LEN, log);
}

/* SHA-256(city ‖ log ‖ min(held, g) ‖ root there ‖ chain hash ‖ g); g is 2^64 - 1 without a fault. */
static void number_of(const struct iu_head_item *item, uint64_t agreed, struct iu_hash *out)
{
    uint8_t in[IU_SUMS_KEY_LEN + 8 + IU_HASH_LEN + IU_HASH_LEN + 8], *at = in;
    iu_prints_key(&item->city, item->log, at);
    iu_store_u64(at += IU_SUMS_KEY_LEN, item->size);
    memcpy(at += 8, item->root.b, IU_HASH_LEN);
    memcpy(at += IU_HASH_LEN, item->chain_hash.b, IU_HASH_LEN);
    iu_store_u64(at + IU_HASH_LEN, agreed);
    iu_sha256(iu_bytes_of(in, sizeof in), out);
}

bool iu_prints_item(const struct iu_head_item *item, struct iu_hash *out)
{
    if (item->has_fault || !item->has_root)
        return false;
    number_of(item, IU_NOT_FROZEN, out);
    return true;
}

/* The log as it is shown now; one of which nothing is shown has no number. */
static void put_log(struct iu_net *net, const struct iu_log_state *log)
{
    struct iu_head_item item;
    struct iu_hash number;
    uint8_t key[IU_SUMS_KEY_LEN];
    iu_prints_key(&log->city, log->log, key);
    if (iu_announce_item(iu_net_snap(net), log, &item) && item.has_root && item.size > 0) {
        number_of(&item, log->frozen_at, &number);
        iu_sums_put(net->sums, key, &number);
    } else {
        (void)iu_sums_drop(net->sums, key);
    }
}

void iu_prints_city(struct iu_net *net, const struct iu_city *city)
{
    struct iu_log_state log;
    for (uint32_t no = 1; no <= IU_LOGS_MAX; no++)
        if (iu_log_find(iu_net_snap(net), city, no, &log))
            put_log(net, &log);
}

/* True when nothing is left. */
static bool follow_changes(struct iu_net *net, size_t most)
{
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_log_state log;
    uint64_t counter;
    uint32_t no;
    if (net->sums_own_due)
        iu_prints_city(net, &net->options.self);
    net->sums_own_due = false;
    if (net->summed >= iu_net_counter(net))
        return true;
    while (iu_change_next(snap, net->summed, &counter, &no)) {
        if (most-- == 0)
            return false;
        net->summed = counter;
        if (iu_log_by_no(snap, no, &log))
            put_log(net, &log);
    }
    return true;
}

void iu_prints_tick(struct iu_net *net)
{
    if (net->summed_ms <= net->now_ms && !follow_changes(net, SLICE)) {
        net->summed_ms = net->now_ms + SLICE_MS;
        iu_net_wake(net, net->summed_ms);
    }
}

bool iu_prints_ready(struct iu_net *net)
{
    if (follow_changes(net, AT_ONCE))
        return true;
    iu_net_wake(net, net->now_ms + SLICE_MS);
    return false;
}

/* --- of an interest --- */

static void add_city(const struct iu_sums *from, const struct iu_city *city, struct iu_sums *to)
{
    uint8_t key[IU_SUMS_KEY_LEN];
    struct iu_hash number;
    for (uint32_t no = 1; no <= IU_LOGS_MAX; no++) {
        iu_prints_key(city, no, key);
        if (iu_sums_get(from, key, &number))
            iu_sums_put(to, key, &number);
    }
}

const struct iu_sums *iu_prints_scope(struct iu_net *net, bool all, const struct iu_city *cities,
                                      size_t city_count, struct iu_sums **made)
{
    *made = NULL;
    if (all)
        return net->sums;
    *made = iu_sums_open();
    for (size_t i = 0; i < city_count; i++)
        add_city(net->sums, &cities[i], *made);
    return *made;
}

/* All but one city's. */
static struct iu_sums_part all_but(const struct iu_sums *sums, const struct iu_city *city)
{
    uint8_t from[IU_SUMS_KEY_LEN], last[IU_SUMS_KEY_LEN];
    iu_prints_key(city, 0, from);
    iu_prints_key(city, UINT32_MAX, last);
    struct iu_sums_part part = iu_sums_all(sums), out = iu_sums_between(sums, from, last);
    part.count -= out.count;
    iu_sum_subtract(&part.sum, &out.sum);
    return part;
}

void iu_prints_of(struct iu_net *net, const struct iu_prints_of *interest, uint64_t *count,
                  struct iu_hash *print)
{
    struct iu_sums_part part = {0};
    if (iu_prints_ready(net)) {
        struct iu_sums *made;
        const struct iu_sums *sums =
            iu_prints_scope(net, interest->all, interest->cities, interest->city_count, &made);
        part = interest->all ? all_but(sums, interest->whose) : iu_sums_all(sums);
        iu_sums_close(made);
    }
    *count = part.count;
    iu_sum_hash(&part.sum, print);
}

void iu_prints_ours(struct iu_net *net, uint64_t *count, struct iu_hash *print)
{
    const struct iu_interest *interest = &net->interest;
    iu_prints_of(net,
                 &(struct iu_prints_of){.whose = &net->options.self,
                                        .all = interest->all,
                                        .cities = interest->cities,
                                        .city_count = interest->city_count},
                 count, print);
}
