/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/arrive.h"

#include "peer/chainwire.h"
#include "peer/doubt.h"
#include "peer/fetch.h"
#include "peer/fill.h"
#include "peer/own.h"
#include "peer/session.h"
#include "peer/source.h"
#include "peer/window.h"

#include <stdlib.h>
#include <string.h>

#define PAUSE_MS 5000
#define PAUSE_MAX_MS 60000
#define TELL_MS 1000
#define AVOID_MS (10ULL * 60 * 1000)
#define AVOID_SHORT_MS 2000
#define PARTIAL_MS 60000 /* of one message; when it takes longer, others are asked too */

/* --- what comes --- */

/* What is in them is looked at by whoever takes them. */
static bool count_items(struct iu_bytes items, uint64_t *count)
{
    struct iu_bytes raw;
    *count = 0;
    while (iu_items_hop(&items, &raw))
        ++*count;
    return items.len == 0;
}

void iu_arrive_credit(struct iu_session *session, enum iu_lane lane, size_t len)
{
    if (lane == IU_LANE_LIVE || lane == IU_LANE_HISTORY)
        iu_window_back(session, lane == IU_LANE_LIVE, len);
}

/* Another head than the last one: who is thought to have signed it, so that this can be verified ahead. Where
 * the chain is held, it is looked up only when the writer is busy anyway. */
static void name_signer(struct iu_net *net, struct iu_fetch *fetch, const struct iu_batch_frame *batch,
                        struct iu_job *job)
{
    if (iu_bytes_equal(iu_buf_view(&fetch->note), batch->head))
        return;
    if (!fetch->has_signer && net->duty_count > 1) {
        struct iu_chain *chain = malloc(sizeof *chain);
        iu_must(chain != NULL);
        if (iu_chain_load(iu_net_snap(net), &fetch->city, chain))
            iu_fetch_signer(fetch, chain);
        free(chain);
    }
    job->has_signer = fetch->has_signer;
    job->signer = fetch->signer;
}

/* The next batch of a claim: to the writer with it. */
static void take(struct iu_session *session, struct iu_fetch *fetch, const struct iu_batch_frame *batch,
                 uint64_t count, const struct iu_duty *duty)
{
    struct iu_net *net = session->net;
    struct iu_job *job = iu_net_job(net, IU_JOB_BATCH, duty);
    fetch->urgent = job->urgent;
    net->live_ms = duty->live ? net->now_ms : net->live_ms;
    job->city = batch->city;
    job->log = batch->log;
    job->first = batch->first;
    job->peer_city = session->city;
    iu_buf_put_bytes(&job->a, batch->items);
    iu_buf_put_bytes(&job->b, batch->right);
    iu_buf_put_bytes(&job->c, batch->head);
    name_signer(net, fetch, batch, job);
    iu_buf_clear(&fetch->note);
    iu_buf_put_bytes(&fetch->note, batch->head);
    net->counts.bytes_entries_in += batch->items.len;
    fetch->arrived += count;
    fetch->got += batch->items.len;
    fetch->jobs++;
    session->jobs++;
    session->fetch_ms = session->got_ms = net->now_ms;
    session->stalled = false;
}

/* It has begun with the next Want before the last was answered, as older nodes do: what is missing between is
 * asked for again, and from now on one Want at a time. */
static void ask_one_by_one(struct iu_net *net, struct iu_fetch *fetch)
{
    if (fetch->serial)
        return;
    fetch->serial = true;
    iu_fetch_end_claim(net, fetch);
    iu_fetch_list(net, fetch);
}

void iu_arrive_batch(struct iu_session *session, const struct iu_batch_frame *batch, enum iu_lane lane,
                     size_t len)
{
    struct iu_net *net = session->net;
    struct iu_fetch *fetch = iu_fetch_find(net, &batch->city, batch->log);
    bool claimed = fetch != NULL && fetch->conn == session->conn;
    uint64_t count;
    if (!count_items(batch->items, &count)) {
        iu_arrive_credit(session, lane, len);
        iu_fetch_avoid(net, &batch->city, batch->log, session->conn, net->now_ms + AVOID_MS);
        iu_session_strike(session, "a batch whose items break the format");
        return;
    }
    if (!claimed || batch->first != fetch->arrived) { /* of an old claim, or of a gap or a doubt */
        iu_fill_batch(session, batch, count);
        iu_arrive_credit(session, lane, len);
        if (claimed && batch->first > fetch->arrived && batch->first < fetch->to)
            ask_one_by_one(session->net, fetch);
        return;
    }
    if (count > 0) {
        struct iu_duty duty = {.what = IU_DUTY_BATCH,
                               .conn = session->conn,
                               .city = session->city,
                               .bytes = len,
                               .live = lane == IU_LANE_LIVE,
                               .urgent = lane == IU_LANE_LIVE && (fetch->jobs == 0 || fetch->urgent),
                               .generation = fetch->generation};
        take(session, fetch, batch, count, &duty);
    } else {
        iu_arrive_credit(session, lane, len);
    }
    bool absent = batch->absent_count > 0 || count == 0;
    if (absent)
        iu_source_lacks(fetch, session->conn, net->now_ms);
    if (absent && iu_city_equal(&session->city, &fetch->city) && iu_fetch_denied(net, fetch))
        return;
    if (!absent)
        iu_fetch_more(session, fetch);
    if (absent || fetch->arrived >= fetch->to || fetch->got >= fetch->ask) {
        iu_fetch_end_claim(net, fetch);
        iu_fetch_list(net, fetch);
    }
}

void iu_arrive_moved(struct iu_session *session)
{
    uint64_t now = session->net->now_ms;
    size_t partial = session->joiner.open[IU_LANE_LIVE].len + session->joiner.open[IU_LANE_HISTORY].len;
    if (partial > 0 && partial != session->partial && now - session->got_ms < PARTIAL_MS)
        session->fetch_ms = now;
    session->partial = partial;
}

/* --- what became of it --- */

static void tell(struct iu_net *net, enum iu_fact_id id, const struct iu_duty *duty,
                 const struct iu_outcome *outcome, uint64_t count)
{
    struct iu_fact *fact = iu_net_fact(net, id);
    fact->city = outcome->city;
    fact->peer = duty->city;
    fact->log = outcome->log;
    fact->size = outcome->size;
    fact->count = count;
    fact->err = outcome->err;
}

/* While many batches of a log come, once a second. */
static void tell_stored(struct iu_net *net, struct iu_fetch *fetch, const struct iu_duty *duty,
                        const struct iu_outcome *outcome)
{
    uint64_t count = outcome->count;
    if (fetch != NULL) {
        fetch->stored += count;
        if (fetch->jobs > 1 && net->now_ms - fetch->told_ms < TELL_MS)
            return;
        count = fetch->stored;
        fetch->stored = 0;
        fetch->told_ms = net->now_ms;
    }
    tell(net, IU_FACT_BATCH_STORED, duty, outcome, count);
}

/* Our own disk refuses: nothing is asked for that it would refuse again, for longer and longer. */
static void pause_fetching(struct iu_net *net)
{
    if (net->now_ms < net->pause_until_ms)
        return;
    net->pause_ms = net->pause_ms > 0 ? 2 * net->pause_ms : PAUSE_MS;
    net->pause_ms = net->pause_ms < PAUSE_MAX_MS ? net->pause_ms : PAUSE_MAX_MS;
    net->pause_until_ms = net->now_ms + net->pause_ms;
    iu_net_wake(net, net->pause_until_ms);
}

/* The sender's batch was refused: what that means for it, for the log, and for what is asked next. */
static void refused(struct iu_net *net, struct iu_fetch *fetch, const struct iu_duty *duty, enum iu_err err)
{
    static const struct iu_hash any;
    struct iu_session *session = iu_net_session(net, duty->conn);
    uint64_t avoid_ms = AVOID_MS;
    switch (err) {
    case IU_PEER_GAP:
        avoid_ms = 0;
        break;
    case IU_PEER_UNKNOWN_KEY:
        avoid_ms = AVOID_SHORT_MS;
        if (session != NULL)
            iu_chainwire_ask(session, &fetch->city, &any);
        break;
    case IU_PEER_SUPERSEDED: {
        struct iu_fact *fact = iu_net_fact(net, IU_FACT_HEAD_STOLEN);
        fact->city = fetch->city;
        fact->peer = duty->city;
        fact->log = fetch->log;
        fact->size = fetch->size;
        break;
    }
    case IU_PEER_FROZEN:
        iu_fetch_stop(net, fetch, IU_WANT_FROZEN);
        break;
    case IU_PEER_DISPUTED:
        iu_fetch_stop(net, fetch, IU_WANT_DISPUTED);
        break;
    case IU_PEER_MISMATCH:
    case IU_PEER_FORKED:
        if (session != NULL)
            iu_doubt_head(session, &fetch->city, fetch->log, iu_buf_view(&fetch->note));
        break;
    case IU_HERE_DENIED: /* its quota is used up */
        iu_fetch_stop(net, fetch, IU_WANT_OVER_QUOTA);
        avoid_ms = 0;
        break;
    default:
        if (err >= IU_HERE_DISK) { /* our machine's fault: after a while, again */
            avoid_ms = 0;
            pause_fetching(net);
        } else if (session != NULL) {
            iu_session_strike(session, "a batch that breaks the format or is signed by nobody known");
        }
    }
    if (avoid_ms > 0)
        iu_source_avoid(fetch, duty->conn, net->now_ms + avoid_ms);
}

static void applied(struct iu_net *net, struct iu_fetch *fetch, const struct iu_duty *duty,
                    const struct iu_outcome *outcome)
{
    fetch->jobs--;
    if (outcome->size > fetch->held)
        fetch->held = outcome->size;
    if (outcome->err == IU_OK || outcome->err == IU_PEER_STALE) {
        iu_source_compare(net, fetch);
        if (fetch->held > fetch->arrived) {
            iu_fetch_start_over(net, fetch); /* it came from elsewhere */
            iu_fetch_list(net, fetch);
        }
    } else {
        iu_fetch_start_over(net, fetch);
        refused(net, fetch, duty, outcome->err);
        iu_fetch_list(net, fetch);
    }
    if (fetch->held >= fetch->size && fetch->jobs == 0)
        iu_fetch_drop(net, fetch);
}

void iu_arrive_stored(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    struct iu_session *session = iu_net_session(net, duty->conn);
    struct iu_fetch *fetch = iu_fetch_find(net, &outcome->city, outcome->log);
    bool current = fetch != NULL && fetch->generation == duty->generation && fetch->jobs > 0;
    if (session != NULL) {
        session->jobs--;
        session->fetch_ms = net->now_ms;
        iu_window_back(session, duty->live, duty->bytes);
    }
    if (current && outcome->err != IU_OK && outcome->err != IU_PEER_STALE && outcome->err != IU_PEER_GAP &&
        outcome->err != IU_HERE_DENIED)
        tell(net, IU_FACT_BATCH_REFUSED, duty, outcome, 0);
    if (outcome->err == IU_OK) {
        tell_stored(net, current ? fetch : NULL, duty, outcome);
        net->counts.entries_in += outcome->count;
        net->stored_ms = net->now_ms;
        net->pause_ms = 0;
        iu_fill_news(net);
        if (iu_city_equal(&outcome->city, &net->options.self))
            iu_own_grew(net);
    }
    if (outcome->changed)
        iu_net_changed(net);
    if (current)
        applied(net, fetch, duty, outcome);
}
