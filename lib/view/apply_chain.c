/* SPDX-License-Identifier: Apache-2.0 */
/* Delegations and faults: what decides which entries count. */
#include "view/apply_inner.h"

#include "log/fault.h"
#include "store/erase.h"
#include "view/confirm.h"
#include "view/moments.h"

#include <stdlib.h>

/* --- chains --- */

void iu_apply_thaw(const struct iu_applying *a, struct iu_log_state *log)
{
    struct iu_bytes fault;
    struct iu_buf kept = IU_BUF_INIT;
    if (!iu_log_fault(a->snap, log->no, &fault))
        return;
    iu_buf_put_bytes(&kept, fault);
    iu_log_set_fault(a->txn, log, IU_NOT_FROZEN, iu_buf_view(&kept));
    iu_buf_fini(&kept);
}

/* Whether a fork that agrees up to `agreed` is settled by the root, and what is held is not of the other
 * branch. */
static bool settled(const struct iu_applying *a, const struct iu_log_state *log, uint64_t agreed,
                    const struct iu_logline *line)
{
    return agreed < line->size && (log->size <= agreed || iu_branch(a->snap, log, line) == IU_BRANCH_RIGHT);
}

/* Each log that the newest delegation lists has a record; made before the chain is put, which gives all of
 * them new change numbers. */
static void store_chain(const struct iu_applying *a, const struct iu_chain *chain)
{
    const struct iu_delegation *last = iu_chain_last(chain);
    struct iu_log_state log;
    for (uint32_t i = 0; i < last->log_count; i++)
        iu_log_make(a->txn, &a->job->city, last->logs[i].log, &log);
    iu_chain_put(a->txn, &a->job->city, chain, iu_buf_view(&a->job->a));
    for (uint32_t i = 0; i + 1 < last->log_count; i++) /* all but the open one are closed */
        iu_redactions_void(a->txn, &a->job->city, last->logs[i].log, last->logs[i].size);
    for (uint32_t i = 0; i < last->log_count; i++)
        if (iu_log_find(a->snap, &a->job->city, last->logs[i].log, &log) &&
            settled(a, &log, log.frozen_at, &last->logs[i]))
            iu_apply_thaw(a, &log);
    a->out->size = last->serial;
    a->out->changed = true;
}

/* The note of delegation `at`, for the record of a dispute. */
static struct iu_bytes note_at(struct iu_bytes notes, uint32_t at)
{
    struct iu_bytes first = {0};
    for (uint32_t i = 0; i <= at; i++)
        iu_must(iu_chain_split(notes, &first, &notes) == IU_OK);
    return first;
}

/* How many delegations two chains have in common. */
static uint32_t alike(const struct iu_chain *a, const struct iu_chain *b)
{
    uint32_t same = 0;
    while (same < a->count && same < b->count &&
           iu_hash_equal(&a->items[same].text_hash, &b->items[same].text_hash))
        same++;
    return same;
}

/* Two different texts after the same one: nothing new of the city is taken until a person decides. This is
 * the one thing that a refused job writes. */
static enum iu_err dispute(const struct iu_applying *a, uint32_t at)
{
    struct iu_log_state log;
    a->out->changed = !iu_city_disputed(a->snap, &a->job->city);
    if (!a->out->changed)
        return IU_PEER_DISPUTED;
    iu_city_set_disputed(a->txn, &a->job->city, true, note_at(iu_buf_view(&a->job->a), at));
    if (iu_log_find(a->snap, &a->job->city, 1, &log))
        iu_moment_put(a->txn, IU_MOMENT_DISPUTED, log.no, a->job->now_ms);
    return IU_PEER_DISPUTED;
}

static enum iu_err take_chain(const struct iu_applying *a, const struct iu_chain *new,
                              const struct iu_chain *held)
{
    uint32_t same = alike(new, held);
    a->out->size = held->count;
    if (same < new->count && same < held->count)
        return dispute(a, same);
    if (iu_city_disputed(a->snap, &a->job->city))
        return IU_PEER_DISPUTED;
    if (new->count <= held->count)
        return IU_PEER_STALE;
    store_chain(a, new);
    return IU_OK;
}

/* Within one chain nothing may be disputed: that is not a chain. */
static enum iu_err read_chain(const struct iu_applying *a, const struct iu_chain **new)
{
    iu_job_prepare(a->job);
    *new = a->job->prepared->chain;
    enum iu_err err = a->job->prepared->chain_err;
    return err == IU_PEER_DISPUTED ? IU_PEER_MISMATCH : err;
}

enum iu_err iu_apply_chain(const struct iu_applying *a)
{
    struct iu_chain *held = malloc(sizeof *held);
    const struct iu_chain *new;
    iu_must(held != NULL);
    enum iu_err err = read_chain(a, &new);
    if (!err && iu_chain_load(a->snap, &a->job->city, held))
        err = take_chain(a, new, held);
    else if (!err)
        store_chain(a, new);
    free(held);
    return err;
}

enum iu_err iu_apply_pin(const struct iu_applying *a)
{
    struct iu_chain *held = malloc(sizeof *held);
    const struct iu_chain *new = NULL;
    enum iu_err err = IU_OK;
    iu_must(held != NULL);
    if (!iu_city_disputed(a->snap, &a->job->city)) {
        a->out->why = "this city's delegations are not disputed";
        err = IU_HERE_NOT_FOUND;
    } else if (read_chain(a, &new)) {
        a->out->why = "these are not valid delegations of this city";
        err = IU_HERE_INVALID;
    } else if (iu_chain_load(a->snap, &a->job->city, held) &&
               alike(new, held) == new->count &&new->count < held->count) {
        a->out->why = "these delegations end before the disputed one";
        err = IU_HERE_INVALID;
    }
    if (!err) {
        store_chain(a, new);
        iu_city_set_disputed(a->txn, &a->job->city, false, (struct iu_bytes){0});
    }
    free(held);
    return err;
}

/* --- faults --- */

/* Both say the same of the same two heads. */
static bool same_pair(struct iu_bytes held, const struct iu_head *a, const struct iu_head *b)
{
    struct iu_fault fault;
    struct iu_head first, second;
    return iu_fault_get(held, &fault) == IU_OK && iu_head_get(fault.head_a, &first) == IU_OK &&
           iu_head_get(fault.head_b, &second) == IU_OK && first.size == a->size && second.size == b->size &&
           ((iu_hash_equal(&first.root, &a->root) && iu_hash_equal(&second.root, &b->root)) ||
            (iu_hash_equal(&first.root, &b->root) && iu_hash_equal(&second.root, &a->root)));
}

/* One fault is kept. For one pair of heads the largest agreed size counts, for anyone can leave away what is
 * agreed; over several pairs the smallest. */
static bool counts_more(const struct iu_applying *a, const struct iu_log_state *log,
                        const struct iu_fault *fault, const struct iu_head heads[2])
{
    struct iu_bytes bytes;
    struct iu_fault held;
    if (!iu_log_fault(a->snap, log->no, &bytes) || iu_fault_get(bytes, &held))
        return true;
    return same_pair(bytes, &heads[0], &heads[1]) ? fault->agreed > held.agreed : fault->agreed < held.agreed;
}

static void store_fault(const struct iu_applying *a, const struct iu_fault *fault,
                        const struct iu_logline *line, struct iu_log_state *log)
{
    iu_log_make(a->txn, &fault->city, fault->log, log); /* the one that is there, if it is */
    uint64_t freeze = settled(a, log, fault->agreed, line) ? IU_NOT_FROZEN : fault->agreed;
    iu_log_set_fault(a->txn, log, freeze, iu_buf_view(&a->job->a));
    iu_moment_put(a->txn, IU_MOMENT_FROZEN, log->no, a->job->now_ms);
    a->out->changed = true;
}

/* What this node took before a delegation settled it comes back from its backup. */
static enum iu_err verify_fault(const struct iu_applying *a, const struct iu_fault *fault,
                                const struct iu_chain *chain, struct iu_head heads[2])
{
    uint32_t serial;
    return a->self->restores ? iu_fault_verify_past(fault, chain, &serial, &heads[0], &heads[1])
                             : iu_fault_verify(fault, chain, &heads[0], &heads[1]);
}

enum iu_err iu_apply_fault(const struct iu_applying *a)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_fault fault;
    struct iu_head heads[2];
    struct iu_log_state log;
    struct iu_logline line = {0};
    iu_must(chain != NULL);
    enum iu_err err = iu_fault_get(iu_buf_view(&a->job->a), &fault);
    if (!err && !iu_city_equal(&fault.city, &a->job->city))
        err = IU_PEER_MISMATCH;
    if (!err && !(iu_chain_load(a->snap, &fault.city, chain) && iu_chain_line(chain, fault.log, &line)))
        err = IU_PEER_UNKNOWN_KEY;
    if (!err)
        err = verify_fault(a, &fault, chain, heads);
    free(chain);
    if (err)
        return err;
    bool known = iu_log_or_new(a->snap, &fault.city, fault.log, &log);
    a->out->log = fault.log;
    a->out->size = log.size;
    if (known && !counts_more(a, &log, &fault, heads))
        return IU_PEER_STALE;
    store_fault(a, &fault, &line, &log);
    return IU_OK;
}
