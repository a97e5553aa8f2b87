/* SPDX-License-Identifier: Apache-2.0 */
/* Delegations and faults: what decides which entries count. */
#include "view/apply_inner.h"

#include "log/fault.h"
#include "sign/hash.h"
#include "store/logs.h"

#include <stdlib.h>
#include <string.h>

/* The record of each log that the newest delegation lists, so that it has a number and a place. */
static void make_logs(const struct iu_applying *a, const struct iu_chain *chain)
{
    const struct iu_delegation *last = iu_chain_last(chain);
    for (uint32_t i = 0; i < last->log_count; i++) {
        struct iu_log_state log;
        if (!iu_log_find(a->snap, &a->job->city, last->logs[i].log, &log))
            iu_log_make(a->txn, &a->job->city, last->logs[i].log, &log);
    }
}

static void store_chain(const struct iu_applying *a, const struct iu_chain *chain)
{
    iu_chain_put(a->txn, &a->job->city, chain, iu_buf_view(&a->job->a));
    make_logs(a, chain);
    a->out->size = iu_chain_last(chain)->serial;
    a->out->changed = true;
}

/* The note of delegation `at`, for the record of a dispute. */
static struct iu_bytes note_at(struct iu_bytes notes, uint32_t at)
{
    struct iu_bytes first = {0};
    do {
        if (iu_chain_split(notes, &first, &notes))
            return (struct iu_bytes){0};
    } while (at--);
    return first;
}

enum iu_err iu_apply_chain(const struct iu_applying *a)
{
    struct iu_chain *new = malloc(sizeof *new), *old = malloc(sizeof *old);
    uint32_t same = 0;
    iu_must(new &&old);
    enum iu_err err = iu_chain_get(iu_buf_view(&a->job->a), &a->job->city, new);
    if (err)
        goto out;
    if (!iu_chain_load(a->snap, &a->job->city, old)) {
        store_chain(a, new);
        goto out;
    }
    while (same < new->count &&
           same < old->count &&iu_hash_equal(&new->items[same].text_hash, &old->items[same].text_hash))
        same++;
    a->out->size = old->count;
    if (same < new->count && same < old->count) {
        err = IU_PEER_DISPUTED;
        a->out->changed = !iu_city_disputed(a->snap, &a->job->city);
        if (a->out->changed)
            iu_city_set_disputed(a->txn, &a->job->city, true, note_at(iu_buf_view(&a->job->a), same));
    } else if (iu_city_disputed(a->snap, &a->job->city)) {
        err = IU_PEER_DISPUTED;
    } else if (new->count > old->count) {
        store_chain(a, new);
    } else {
        err = IU_PEER_STALE;
    }
out:
    free(new);
    free(old);
    return err;
}

enum iu_err iu_apply_pin(const struct iu_applying *a)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    iu_must(chain);
    enum iu_err err = iu_chain_get(iu_buf_view(&a->job->a), &a->job->city, chain);
    if (!err) {
        store_chain(a, chain);
        iu_city_set_disputed(a->txn, &a->job->city, false, (struct iu_bytes){0});
    }
    free(chain);
    return err;
}

/* For one pair of heads the largest agreed size counts (the trial found it), over several pairs the smallest.
 */
enum iu_err iu_apply_fault(const struct iu_applying *a)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_fault fault;
    struct iu_head first, second;
    struct iu_log_state log;
    iu_must(chain);
    enum iu_err err = iu_fault_get(iu_buf_view(&a->job->a), &fault);
    if (!err && !iu_city_equal(&fault.city, &a->job->city))
        err = IU_PEER_MISMATCH;
    if (!err && !iu_chain_load(a->snap, &fault.city, chain))
        err = IU_PEER_UNKNOWN_KEY;
    if (!err)
        err = iu_fault_verify(&fault, chain, &first, &second);
    free(chain);
    if (err)
        return err;
    a->out->log = fault.log;
    if (!iu_log_find(a->snap, &fault.city, fault.log, &log))
        iu_log_make(a->txn, &fault.city, fault.log, &log);
    a->out->size = log.size;
    if (log.frozen_at <= fault.agreed)
        return IU_PEER_STALE;
    iu_log_set_fault(a->txn, &log, fault.agreed, iu_buf_view(&a->job->a));
    a->out->changed = true;
    return IU_OK;
}
