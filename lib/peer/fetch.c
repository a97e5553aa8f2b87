/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   heard ─► READY ─► claimed by one peer: Want ─► batches ─► writer ─► held
 *              ▲        │ stalls, leaves, is refused, sent all it had        │ all: gone
 *              └────────┴───────────────────────────────────────────────────┘
 */
#include "peer/fetch.h"

#include "peer/chainwire.h"
#include "peer/doubt.h"
#include "peer/fill.h"
#include "peer/own.h"
#include "peer/session.h"
#include "peer/source.h"
#include "peer/window.h"

#include <stdlib.h>
#include <string.h>

#define WANT_BYTES (16UL * 1024 * 1024)
#define RETRY_MS 5000
#define PAUSE_MS 5000
#define ABSENT_AFTER_MS 5000
#define AVOID_MS (10ULL * 60 * 1000)
#define AVOID_SHORT_MS 2000
#define SKIPS_MAX 64

static struct iu_fetch *find(const struct iu_net *net, const struct iu_city *city, uint32_t log)
{
    uint8_t key[IU_ID_LEN + 4];
    memcpy(key, city->b, IU_ID_LEN);
    iu_store_u32(key + IU_ID_LEN, log);
    struct iu_fetch *const *at = iu_map_get(net->fetches, key);
    return at != NULL ? *at : NULL;
}

/* --- the list of those that wait to be asked for: our own log first, then the newest news --- */

static void unlist(struct iu_net *net, struct iu_fetch *fetch)
{
    if (!fetch->ready)
        return;
    *(fetch->prev != NULL ? &fetch->prev->next : &net->ready_first) = fetch->next;
    *(fetch->next != NULL ? &fetch->next->prev : &net->ready_last) = fetch->prev;
    fetch->prev = fetch->next = NULL;
    fetch->ready = false;
}

static void list(struct iu_net *net, struct iu_fetch *fetch)
{
    bool idle = fetch->conn == 0 && fetch->arrived < fetch->size &&
                (fetch->state == IU_WANT_FETCHING || fetch->state == IU_WANT_ABSENT);
    if (fetch->ready || !idle)
        return;
    struct iu_fetch *after =
        !fetch->own && net->ready_first != NULL && net->ready_first->own ? net->ready_first : NULL;
    fetch->prev = after;
    fetch->next = after != NULL ? after->next : net->ready_first;
    *(after != NULL ? &after->next : &net->ready_first) = fetch;
    *(fetch->next != NULL ? &fetch->next->prev : &net->ready_last) = fetch;
    fetch->ready = true;
}

static void end_claim(struct iu_net *net, struct iu_fetch *fetch)
{
    struct iu_session *session = iu_net_session(net, fetch->conn);
    if (session != NULL && fetch->conn != 0)
        session->open_wants--;
    fetch->conn = 0;
}

/* What was asked for and not applied yet counts no more. */
static void start_over(struct iu_net *net, struct iu_fetch *fetch)
{
    struct iu_log_state log;
    end_claim(net, fetch);
    if (iu_log_committed(iu_net_snap(net), &fetch->city, fetch->log, &log) && log.size > fetch->held)
        fetch->held = log.size;
    fetch->generation = ++net->generation;
    fetch->jobs = 0;
    fetch->arrived = fetch->held;
}

static void drop(struct iu_net *net, struct iu_fetch *fetch)
{
    uint8_t key[IU_ID_LEN + 4];
    if (fetch->row > fetch->held) { /* else the batch that reached it has removed the row */
        struct iu_job *job = iu_net_job(net, IU_JOB_UNWANT, &(struct iu_duty){.what = IU_DUTY_NONE});
        job->city = fetch->city;
        job->log = fetch->log;
    }
    end_claim(net, fetch);
    unlist(net, fetch);
    memcpy(key, fetch->city.b, IU_ID_LEN);
    iu_store_u32(key + IU_ID_LEN, fetch->log);
    iu_map_drop(net->fetches, key);
    iu_source_free(fetch);
    iu_buf_fini(&fetch->note);
    free(fetch);
}

static void settle_soon(struct iu_net *net)
{
    if (!net->settle_due)
        net->settle_ms = net->now_ms;
    net->settle_due = true;
    iu_net_wake(net, net->settle_ms);
}

static void park(struct iu_net *net, struct iu_fetch *fetch, enum iu_want_state why)
{
    if (fetch->conn != 0)
        end_claim(net, fetch);
    unlist(net, fetch);
    fetch->state = why;
    if (fetch->row_state != why)
        settle_soon(net);
}

void iu_fetch_park(struct iu_net *net, const struct iu_city *city, uint32_t log, enum iu_want_state why)
{
    struct iu_fetch *fetch = find(net, city, log);
    if (fetch != NULL)
        park(net, fetch, why);
}

/* --- what is to be fetched --- */

static uint64_t quota_of(const struct iu_net *net, const struct iu_city *city)
{
    const struct iu_follower *follower = iu_map_get(net->follows, city->b);
    if (follower == NULL)
        return 0; /* our own */
    return follower->quota_bytes > 0 ? follower->quota_bytes : net->options.quota_bytes;
}

static bool over_quota(struct iu_net *net, const struct iu_city *city)
{
    struct iu_log_state log;
    uint64_t bytes = 0, quota = quota_of(net, city);
    for (uint32_t no = 1; quota > 0 && no <= IU_LOGS_MAX; no++)
        if (iu_log_find(iu_net_snap(net), city, no, &log))
            bytes += log.bytes;
    return quota > 0 && bytes >= quota;
}

static struct iu_fetch *make(struct iu_net *net, const struct iu_city *city, uint32_t log)
{
    struct iu_fetch *fetch = calloc(1, sizeof *fetch);
    struct iu_log_state state;
    uint8_t key[IU_ID_LEN + 4];
    iu_must(fetch != NULL);
    fetch->city = *city;
    fetch->log = log;
    fetch->own = iu_city_equal(city, &net->options.self);
    fetch->state = IU_WANT_FETCHING;
    fetch->generation = ++net->generation;
    fetch->heard_ms = fetch->idle_ms = net->now_ms;
    if (iu_log_committed(iu_net_snap(net), city, log, &state))
        fetch->held = fetch->arrived = state.size;
    memcpy(key, city->b, IU_ID_LEN);
    iu_store_u32(key + IU_ID_LEN, log);
    memcpy(iu_map_put(net->fetches, key, NULL), &fetch, sizeof fetch);
    return fetch;
}

void iu_fetch_hear(struct iu_net *net, const struct iu_fetch_news *news)
{
    struct iu_fetch *fetch = find(net, &news->city, news->log);
    if (fetch == NULL)
        fetch = make(net, &news->city, news->log);
    if (news->size > fetch->size)
        fetch->size = news->size;
    fetch->heard_ms = net->now_ms;
    if (news->chain != NULL) {
        fetch->chain_wanted = true;
        fetch->chain_hash = *news->chain;
    }
    iu_source_know(fetch, news->conn, news->size);
    if (fetch->held >= fetch->size && fetch->jobs == 0) {
        drop(net, fetch);
    } else if (over_quota(net, &fetch->city)) {
        park(net, fetch, IU_WANT_OVER_QUOTA);
    } else {
        if (fetch->state != IU_WANT_FETCHING)
            fetch->state = IU_WANT_FETCHING;
        list(net, fetch);
    }
}

void iu_fetch_load(struct iu_net *net)
{
    struct iu_want want;
    struct iu_log_state log;
    uint32_t no = 0;
    while (iu_want_next(iu_net_snap(net), &no, &want)) {
        if (!iu_log_by_no(iu_net_snap(net), want.no, &log))
            continue;
        struct iu_fetch *fetch = make(net, &log.city, log.log);
        fetch->size = fetch->row = want.size;
        fetch->row_state = fetch->state = want.state;
        bool wanted = fetch->own || iu_net_follows(net, &log.city);
        if (!wanted || fetch->held >= fetch->size)
            drop(net, fetch);
        else if (want.state != IU_WANT_FROZEN && want.state != IU_WANT_DISPUTED &&
                 !over_quota(net, &log.city)) {
            fetch->state = IU_WANT_FETCHING;
            list(net, fetch);
        }
    }
}

bool iu_fetch_rows(struct iu_net *net, size_t max)
{
    size_t at = 0, made = 0;
    struct iu_fetch **each;
    bool more = false;
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL) {
        struct iu_fetch *fetch = *each;
        if (fetch->row >= fetch->size && fetch->row_state == fetch->state)
            continue;
        if (made == max || (fetch->arrived >= fetch->size && fetch->state == IU_WANT_FETCHING)) {
            more = true; /* the latter will be held in a moment */
            continue;
        }
        struct iu_job *job = iu_net_job(net, IU_JOB_WANT, &(struct iu_duty){.what = IU_DUTY_NONE});
        job->city = fetch->city;
        job->log = fetch->log;
        job->want = (struct iu_want){.size = fetch->size, .state = fetch->state, .since_ms = fetch->heard_ms};
        fetch->row = fetch->size;
        fetch->row_state = fetch->state;
        made++;
    }
    return more;
}

/* --- asking --- */

static void claim(struct iu_net *net, struct iu_fetch *fetch, struct iu_session *session, uint64_t to)
{
    const struct iu_follower *follower = iu_map_get(net->follows, fetch->city.b);
    uint32_t form = follower != NULL && follower->headers_only ? IU_FORM_HEADER : IU_FORM_FULL;
    struct iu_frame frame = {.type = IU_FRAME_WANT,
                             .want = {.city = fetch->city,
                                      .log = fetch->log,
                                      .from = fetch->arrived,
                                      .to = to,
                                      .form = form,
                                      .bytes = WANT_BYTES}};
    unlist(net, fetch);
    if (fetch->chain_wanted)
        iu_chainwire_ask(session, &fetch->city, &fetch->chain_hash);
    if (session->open_wants++ == 0)
        session->fetch_ms = net->now_ms;
    fetch->conn = session->conn;
    fetch->to = to;
    fetch->got = 0;
    fetch->state = IU_WANT_FETCHING;
    iu_net_wake(net, session->fetch_ms + IU_CLAIM_MS);
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

void iu_fetch_go(struct iu_net *net)
{
    size_t skips = 0;
    struct iu_fetch *next;
    if (net->now_ms < net->pause_until_ms || net->stopping)
        return;
    for (struct iu_fetch *fetch = net->ready_first; fetch != NULL && skips < SKIPS_MAX; fetch = next) {
        struct iu_session *session;
        uint64_t to;
        next = fetch->next;
        switch (iu_source_choose(net, fetch, &session, &to)) {
        case IU_SOURCE_CHOSEN:
            claim(net, fetch, session, to);
            break;
        case IU_SOURCE_BUSY:
            skips++;
            break;
        case IU_SOURCE_NOBODY:
            unlist(net, fetch);
            fetch->idle_ms = net->now_ms;
            iu_net_wake(net, net->now_ms + RETRY_MS);
            break;
        }
    }
}

/* --- what comes --- */

bool iu_fetch_count(struct iu_bytes items, uint64_t *count)
{
    struct iu_items walk = iu_items_of(items);
    struct iu_item item;
    *count = 0;
    while (iu_items_next(&walk, &item))
        ++*count;
    return !walk.failed;
}

void iu_fetch_credit(struct iu_session *session, enum iu_lane lane, size_t len)
{
    if (lane == IU_LANE_LIVE || lane == IU_LANE_HISTORY)
        iu_window_back(session, lane == IU_LANE_LIVE, len);
}

/* The next batch of a claim: to the writer with it. */
static void take(struct iu_session *session, struct iu_fetch *fetch, const struct iu_batch_frame *batch,
                 uint64_t count, const struct iu_duty *duty)
{
    struct iu_net *net = session->net;
    struct iu_job *job = iu_net_job(net, IU_JOB_BATCH, duty);
    job->city = batch->city;
    job->log = batch->log;
    job->first = batch->first;
    job->peer_city = session->city;
    iu_buf_put_bytes(&job->a, batch->items);
    iu_buf_put_bytes(&job->b, batch->right);
    iu_buf_put_bytes(&job->c, batch->head);
    iu_buf_clear(&fetch->note);
    iu_buf_put_bytes(&fetch->note, batch->head);
    net->counts.bytes_entries_in += batch->items.len;
    fetch->arrived += count;
    fetch->got += batch->items.len;
    fetch->jobs++;
    session->jobs++;
    session->fetch_ms = net->now_ms;
    session->stalled = false;
}

void iu_fetch_batch(struct iu_session *session, const struct iu_batch_frame *batch, enum iu_lane lane,
                    size_t len)
{
    struct iu_net *net = session->net;
    struct iu_fetch *fetch = find(net, &batch->city, batch->log);
    bool claimed = fetch != NULL && fetch->conn == session->conn;
    uint64_t count;
    if (!iu_fetch_count(batch->items, &count)) {
        iu_fetch_credit(session, lane, len);
        iu_fetch_avoid(net, &batch->city, batch->log, session->conn, net->now_ms + AVOID_MS);
        iu_session_strike(session, "a batch whose items break the format");
        return;
    }
    if (!claimed || batch->first != fetch->arrived) { /* of an old claim, or of a gap or a doubt */
        iu_fill_batch(session, batch, count);
        iu_fetch_credit(session, lane, len);
        return;
    }
    if (count > 0) {
        struct iu_duty duty = {.what = IU_DUTY_BATCH,
                               .conn = session->conn,
                               .city = session->city,
                               .bytes = len,
                               .live = lane == IU_LANE_LIVE,
                               .generation = fetch->generation};
        take(session, fetch, batch, count, &duty);
    } else {
        iu_fetch_credit(session, lane, len);
    }
    bool absent = batch->absent_count > 0 || count == 0;
    if (absent)
        iu_source_lacks(fetch, session->conn, net->now_ms);
    if (absent || fetch->arrived >= fetch->to || fetch->got >= WANT_BYTES) {
        end_claim(net, fetch);
        list(net, fetch);
    }
}

void iu_fetch_moved(struct iu_session *session)
{
    size_t partial = session->joiner.open[IU_LANE_LIVE].len + session->joiner.open[IU_LANE_HISTORY].len;
    if (partial > 0 && partial != session->partial)
        session->fetch_ms = session->net->now_ms;
    session->partial = partial;
}

/* --- what became of it --- */

static void tell_stored(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    struct iu_fact *fact =
        iu_net_fact(net, outcome->err == IU_OK ? IU_FACT_BATCH_STORED : IU_FACT_BATCH_REFUSED);
    fact->city = outcome->city;
    fact->peer = duty->city;
    fact->log = outcome->log;
    fact->size = outcome->size;
    fact->count = outcome->count;
    fact->err = outcome->err;
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
        park(net, fetch, IU_WANT_FROZEN);
        break;
    case IU_PEER_DISPUTED:
        park(net, fetch, IU_WANT_DISPUTED);
        break;
    case IU_PEER_MISMATCH:
    case IU_PEER_FORKED:
        if (session != NULL)
            iu_doubt_head(session, &fetch->city, fetch->log, iu_buf_view(&fetch->note));
        break;
    case IU_PEER_OVER_LIMIT:
        if (quota_of(net, &fetch->city) > 0) {
            park(net, fetch, IU_WANT_OVER_QUOTA);
            avoid_ms = 0;
            break;
        }
        /* fall through */
    default:
        if (err >= IU_HERE_DISK) {
            avoid_ms = 0;
            net->pause_until_ms = net->now_ms + PAUSE_MS;
            iu_net_wake(net, net->pause_until_ms);
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
        if (fetch->held > fetch->arrived) {
            start_over(net, fetch); /* it came from elsewhere */
            list(net, fetch);
        }
    } else {
        start_over(net, fetch);
        refused(net, fetch, duty, outcome->err);
        list(net, fetch);
    }
    if (fetch->held >= fetch->size && fetch->jobs == 0)
        drop(net, fetch);
}

void iu_fetch_stored(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    struct iu_session *session = iu_net_session(net, duty->conn);
    struct iu_fetch *fetch = find(net, &outcome->city, outcome->log);
    bool current = fetch != NULL && fetch->generation == duty->generation && fetch->jobs > 0;
    if (session != NULL) {
        session->jobs--;
        session->fetch_ms = net->now_ms;
        iu_window_back(session, duty->live, duty->bytes);
    }
    if (outcome->err == IU_OK || (current && outcome->err != IU_PEER_STALE && outcome->err != IU_PEER_GAP))
        tell_stored(net, duty, outcome);
    if (outcome->err == IU_OK) {
        net->counts.entries_in += outcome->count;
        net->haul_ms = net->now_ms;
        if (iu_city_equal(&outcome->city, &net->options.self))
            iu_own_grew(net);
    }
    if (outcome->changed)
        iu_net_changed(net);
    if (current)
        applied(net, fetch, duty, outcome);
}

/* --- peers and cities come and go --- */

static void list_idle(struct iu_net *net)
{
    size_t at = 0;
    struct iu_fetch **each;
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL)
        list(net, *each);
}

void iu_fetch_opened(struct iu_session *session)
{
    session->fetch_ms = session->net->now_ms;
    list_idle(session->net);
}

void iu_fetch_left(struct iu_session *session)
{
    struct iu_net *net = session->net;
    size_t at = 0;
    struct iu_fetch **each;
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL) {
        struct iu_fetch *fetch = *each;
        iu_source_forget(fetch, session->conn);
        if (fetch->conn != session->conn)
            continue;
        fetch->conn = 0; /* what it sent is with the writer and stays good */
        list(net, fetch);
    }
    session->open_wants = 0;
}

void iu_fetch_avoid(struct iu_net *net, const struct iu_city *city, uint32_t log, uint64_t conn,
                    uint64_t until_ms)
{
    struct iu_fetch *fetch = find(net, city, log);
    if (fetch == NULL)
        return;
    iu_source_avoid(fetch, conn, until_ms);
    if (fetch->conn == conn) {
        start_over(net, fetch);
        list(net, fetch);
    }
}

void iu_fetch_chain_came(struct iu_net *net, const struct iu_city *city)
{
    for (uint32_t no = 1; no <= IU_LOGS_MAX; no++) {
        struct iu_fetch *fetch = find(net, city, no);
        if (fetch == NULL)
            continue;
        fetch->chain_wanted = false;
        if (fetch->state == IU_WANT_DISPUTED)
            fetch->state = IU_WANT_FETCHING;
        list(net, fetch);
    }
}

void iu_fetch_follows_changed(struct iu_net *net)
{
    size_t at = 0;
    struct iu_fetch **each;
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL)
        if (!(*each)->own && !iu_net_follows(net, &(*each)->city)) {
            drop(net, *each);
            at = 0;
        } else if ((*each)->state == IU_WANT_OVER_QUOTA && !over_quota(net, &(*each)->city)) {
            (*each)->state = IU_WANT_FETCHING;
            list(net, *each);
        }
}

/* A peer that moves nothing of what it was asked for loses its claims to others that have them. */
static void check_stalled(struct iu_net *net, struct iu_session *session)
{
    size_t at = 0;
    struct iu_fetch **each;
    struct iu_fact *fact = NULL;
    if (session->open_wants == 0 || session->jobs > 0)
        return;
    if (net->now_ms - session->fetch_ms < IU_CLAIM_MS) {
        iu_net_wake(net, session->fetch_ms + IU_CLAIM_MS);
        return;
    }
    bool before = session->stalled;
    session->stalled = true;
    session->fetch_ms = net->now_ms;
    iu_net_wake(net, session->fetch_ms + IU_CLAIM_MS);
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL) {
        struct iu_fetch *fetch = *each;
        struct iu_session *other;
        uint64_t to;
        if (fetch->conn != session->conn)
            continue;
        if (fact == NULL && !before) {
            fact = iu_net_fact(net, IU_FACT_PEER_STALLED);
            fact->peer = session->city;
            fact->city = fetch->city;
            fact->log = fetch->log;
        }
        if (iu_source_choose(net, fetch, &other, &to) == IU_SOURCE_CHOSEN) {
            end_claim(net, fetch);
            claim(net, fetch, other, to);
        }
    }
}

void iu_fetch_tick(struct iu_net *net)
{
    size_t at = 0;
    struct iu_session *session;
    struct iu_fetch **each;
    while ((session = iu_session_next_open(net, &at)) != NULL)
        check_stalled(net, session);
    if (iu_map_count(net->fetches) == 0)
        return;
    if (net->now_ms < net->retry_ms) {
        iu_net_wake(net, net->retry_ms);
        return;
    }
    net->retry_ms = net->now_ms + RETRY_MS;
    iu_net_wake(net, net->retry_ms);
    for (at = 0; (each = iu_map_next(net->fetches, &at, NULL)) != NULL;) {
        struct iu_fetch *fetch = *each;
        bool idle = fetch->conn == 0 && fetch->state == IU_WANT_FETCHING && fetch->arrived < fetch->size;
        if (idle && !fetch->ready && net->now_ms - fetch->heard_ms >= ABSENT_AFTER_MS) {
            fetch->state = IU_WANT_ABSENT;
            settle_soon(net);
        }
        list(net, fetch);
    }
}
