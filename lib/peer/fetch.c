/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   heard ─► READY ─► claimed by one peer: Want ─► batches ─► writer ─► held
 *              ▲        │ stalls, leaves, is refused, sent all it had        │ all: gone
 *              └────────┴───────────────────────────────────────────────────┘
 */
#include "peer/fetch.h"

#include "peer/chainwire.h"
#include "peer/closing.h"
#include "peer/doubt.h"
#include "peer/fill.h"
#include "peer/own.h"
#include "peer/roster.h"
#include "peer/session.h"
#include "peer/source.h"
#include "peer/window.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 5000
#define ABSENT_AFTER_MS 5000
#define SKIPS_MAX 64
#define STEP_FIRST 1024 /* entries of the first Want of a claim */
#define STEP_MIN 65     /* fewer would be answered in the live lane */
#define STEP_MAX 65536
#define STEP_BYTES (2UL * 1024 * 1024) /* that a Want asks for, about */
#define AHEAD_STEPS (IU_WINDOW_MAX / STEP_BYTES)

struct iu_fetch *iu_fetch_find(const struct iu_net *net, const struct iu_city *city, uint32_t log)
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

void iu_fetch_list(struct iu_net *net, struct iu_fetch *fetch)
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

void iu_fetch_end_claim(struct iu_net *net, struct iu_fetch *fetch)
{
    struct iu_session *session = iu_net_session(net, fetch->conn);
    if (session != NULL && fetch->conn != 0)
        session->open_wants--;
    fetch->conn = 0;
}

/* What was asked for and not applied yet counts no more. */
void iu_fetch_start_over(struct iu_net *net, struct iu_fetch *fetch)
{
    struct iu_log_state log;
    iu_fetch_end_claim(net, fetch);
    if (iu_log_committed(iu_net_snap(net), &fetch->city, fetch->log, &log) && log.size > fetch->held)
        fetch->held = log.size;
    fetch->generation = ++net->generation;
    fetch->jobs = 0;
    fetch->arrived = fetch->held;
}

void iu_fetch_drop(struct iu_net *net, struct iu_fetch *fetch)
{
    uint8_t key[IU_ID_LEN + 4];
    if (fetch->row > fetch->held) { /* else the batch that reached it has removed the row */
        struct iu_job *job = iu_net_job(net, IU_JOB_UNWANT, &(struct iu_duty){.what = IU_DUTY_NONE});
        job->city = fetch->city;
        job->log = fetch->log;
    }
    iu_fetch_end_claim(net, fetch);
    unlist(net, fetch);
    memcpy(key, fetch->city.b, IU_ID_LEN);
    iu_store_u32(key + IU_ID_LEN, fetch->log);
    iu_map_drop(net->fetches, key);
    iu_source_free(fetch);
    iu_buf_fini(&fetch->note);
    free(fetch);
}

bool iu_fetch_denied(struct iu_net *net, struct iu_fetch *fetch)
{
    uint64_t claimed = iu_source_claimed(fetch, net->now_ms);
    if (claimed < fetch->size)
        fetch->size = claimed > fetch->arrived ? claimed : fetch->arrived;
    if (fetch->held < fetch->size || fetch->jobs > 0)
        return false;
    iu_fetch_drop(net, fetch);
    return true;
}

static void settle_soon(struct iu_net *net)
{
    if (!net->settle_due)
        net->settle_ms = net->unsettled_ms = net->now_ms;
    net->settle_due = true;
    iu_net_wake(net, net->settle_ms);
}

void iu_fetch_stop(struct iu_net *net, struct iu_fetch *fetch, enum iu_want_state why)
{
    if (fetch->conn != 0)
        iu_fetch_end_claim(net, fetch);
    unlist(net, fetch);
    if (why == IU_WANT_OVER_QUOTA && fetch->state != why) {
        struct iu_fact *fact = iu_net_fact(net, IU_FACT_QUOTA_USED);
        fact->city = fetch->city;
        fact->log = fetch->log;
        fact->size = fetch->held;
    }
    fetch->state = why;
    if (fetch->row_state != why)
        settle_soon(net);
}

void iu_fetch_park(struct iu_net *net, const struct iu_city *city, uint32_t log, enum iu_want_state why)
{
    struct iu_fetch *fetch = iu_fetch_find(net, city, log);
    if (fetch != NULL)
        iu_fetch_stop(net, fetch, why);
}

/* --- what is to be fetched --- */

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

/* The log's own city has more: another that was asked for it and has sent nothing yet is not waited for. */
static void author_first(struct iu_net *net, struct iu_fetch *fetch, const struct iu_fetch_news *news)
{
    const struct iu_session *session = iu_net_session(net, news->conn);
    if (session != NULL && iu_city_equal(&session->city, &fetch->city) && news->size > fetch->arrived &&
        fetch->conn != 0 && fetch->conn != news->conn && fetch->got == 0)
        iu_fetch_end_claim(net, fetch);
}

void iu_fetch_hear(struct iu_net *net, const struct iu_fetch_news *news)
{
    struct iu_fetch *fetch = iu_fetch_find(net, &news->city, news->log);
    if (fetch == NULL)
        fetch = make(net, &news->city, news->log);
    if (news->size > fetch->size)
        fetch->size = news->size;
    fetch->heard_ms = net->now_ms;
    if (news->chain != NULL) {
        fetch->chain_wanted = true;
        fetch->chain_hash = *news->chain;
    }
    iu_source_know(fetch, news->conn, news->size, news->root);
    author_first(net, fetch, news);
    if (fetch->held >= fetch->size && fetch->jobs == 0) {
        iu_fetch_drop(net, fetch);
    } else if (iu_net_quota_left(net, &fetch->city) == 0) {
        iu_fetch_stop(net, fetch, IU_WANT_OVER_QUOTA);
    } else {
        if (fetch->state != IU_WANT_FETCHING)
            fetch->state = IU_WANT_FETCHING;
        iu_fetch_list(net, fetch);
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
            iu_fetch_drop(net, fetch);
        else if (want.state != IU_WANT_FROZEN && want.state != IU_WANT_DISPUTED &&
                 iu_net_quota_left(net, &log.city) > 0) {
            fetch->state = IU_WANT_FETCHING;
            iu_fetch_list(net, fetch);
        }
    }
}

/* A walk that makes rows of `wants`. */
struct rows {
    size_t left;
    bool stuck_only, more; /* more: there is something left to make rows of, or soon will be */
};

static void make_row(struct iu_net *net, struct iu_fetch *fetch, struct rows *rows)
{
    bool fetching = fetch->state == IU_WANT_FETCHING;
    if (fetch->row == fetch->size && fetch->row_state == fetch->state)
        return;
    if (rows->left == 0 || (fetching && (rows->stuck_only || fetch->arrived >= fetch->size))) {
        rows->more = true; /* what has arrived will be held in a moment */
        return;
    }
    struct iu_job *job = iu_net_job(net, IU_JOB_WANT, &(struct iu_duty){.what = IU_DUTY_NONE});
    job->city = fetch->city;
    job->log = fetch->log;
    job->want = (struct iu_want){.size = fetch->size, .state = fetch->state, .since_ms = fetch->heard_ms};
    fetch->row = fetch->size;
    fetch->row_state = fetch->state;
    rows->left--;
}

bool iu_fetch_rows(struct iu_net *net, size_t max, bool stuck_only)
{
    struct rows rows = {.left = max, .stuck_only = stuck_only};
    size_t at = 0;
    struct iu_fetch **each;
    if (!stuck_only) /* a row numbers its log: what is fetched next stands together in the store */
        for (struct iu_fetch *fetch = net->ready_first; fetch != NULL && rows.left > 0; fetch = fetch->next)
            make_row(net, fetch, &rows);
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL)
        make_row(net, *each, &rows);
    return rows.more;
}

/* --- asking --- */

/* How many entries the next Want asks for: by what those of this claim took so far. */
static uint64_t step_of(const struct iu_fetch *fetch)
{
    if (fetch->arrived <= fetch->from)
        return STEP_FIRST;
    uint64_t step = STEP_BYTES / (fetch->got / (fetch->arrived - fetch->from) + 1);
    return step < STEP_MIN ? STEP_MIN : step < STEP_MAX ? step : STEP_MAX;
}

static void want(struct iu_session *session, struct iu_fetch *fetch)
{
    const struct iu_follower *follower = iu_net_follower(session->net, &fetch->city);
    uint32_t form = follower != NULL && follower->headers_only ? IU_FORM_HEADER : IU_FORM_FULL;
    bool bounded = fetch->ask != UINT64_MAX;
    uint64_t step = step_of(fetch), from = fetch->to, left = fetch->goal - from;
    fetch->to = from + (step < left && !bounded ? step : left);
    struct iu_frame frame = {.type = IU_FRAME_WANT,
                             .want = {.city = fetch->city,
                                      .log = fetch->log,
                                      .from = from,
                                      .to = fetch->to,
                                      .form = form,
                                      .bytes = bounded ? fetch->ask : 0}};
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

void iu_fetch_more(struct iu_session *session, struct iu_fetch *fetch)
{
    uint64_t ahead = fetch->serial ? 1 : AHEAD_STEPS * step_of(fetch);
    while (fetch->to < fetch->goal && fetch->to - fetch->arrived < ahead && fetch->got < IU_FETCH_BYTES)
        want(session, fetch);
}

static void claim(struct iu_net *net, struct iu_fetch *fetch, struct iu_session *session, uint64_t to)
{
    unlist(net, fetch);
    if (fetch->chain_wanted)
        iu_chainwire_ask(session, &fetch->city, &fetch->chain_hash);
    if (session->open_wants++ == 0)
        session->fetch_ms = session->got_ms = net->now_ms;
    fetch->conn = session->conn;
    fetch->from = fetch->to = fetch->arrived;
    fetch->goal = to;
    fetch->got = 0;
    fetch->state = IU_WANT_FETCHING;
    iu_roster_wake(session, session->fetch_ms + IU_CLAIM_MS);
    want(session, fetch);
}

/* What is on its way to the writer is not counted yet: where a quota ends, that is waited for. */
static bool may_ask(struct iu_net *net, struct iu_fetch *fetch)
{
    uint64_t left = iu_net_quota_left(net, &fetch->city);
    fetch->ask = left < IU_FETCH_BYTES || left == UINT64_MAX ? left : IU_FETCH_BYTES;
    if (left == 0)
        iu_fetch_stop(net, fetch, IU_WANT_OVER_QUOTA);
    return left == UINT64_MAX || (left > 0 && fetch->jobs == 0);
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
        if (!may_ask(net, fetch)) {
            skips++;
            continue;
        }
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

/* --- peers and cities come and go --- */

static void list_idle(struct iu_net *net)
{
    size_t at = 0;
    struct iu_fetch **each;
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL)
        iu_fetch_list(net, *each);
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
        iu_fetch_list(net, fetch);
    }
    session->open_wants = 0;
}

void iu_fetch_avoid(struct iu_net *net, const struct iu_city *city, uint32_t log, uint64_t conn,
                    uint64_t until_ms)
{
    struct iu_fetch *fetch = iu_fetch_find(net, city, log);
    if (fetch == NULL)
        return;
    iu_source_avoid(fetch, conn, until_ms);
    if (fetch->conn == conn) {
        iu_fetch_start_over(net, fetch);
        iu_fetch_list(net, fetch);
    }
}

void iu_fetch_signer(struct iu_fetch *fetch, const struct iu_chain *chain)
{
    fetch->signer = iu_chain_last(chain)->node;
    fetch->has_signer = true;
}

void iu_fetch_chain_comes(struct iu_net *net, const struct iu_city *city, const struct iu_chain *chain)
{
    const struct iu_delegation *last = iu_chain_last(chain);
    for (uint32_t i = 0; i < last->log_count; i++) {
        struct iu_fetch *fetch = iu_fetch_find(net, city, last->logs[i].log);
        if (fetch != NULL)
            iu_fetch_signer(fetch, chain);
    }
}

void iu_fetch_chain_came(struct iu_net *net, const struct iu_city *city)
{
    for (uint32_t no = 1; no <= IU_LOGS_MAX; no++) {
        struct iu_fetch *fetch = iu_fetch_find(net, city, no);
        if (fetch == NULL)
            continue;
        fetch->chain_wanted = false;
        if (fetch->state == IU_WANT_DISPUTED)
            fetch->state = IU_WANT_FETCHING;
        iu_fetch_list(net, fetch);
    }
    iu_closing_chain_came(net, city);
}

void iu_fetch_follows_changed(struct iu_net *net)
{
    size_t at = 0;
    struct iu_fetch **each;
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL)
        if (!(*each)->own && !iu_net_follows(net, &(*each)->city)) {
            iu_fetch_drop(net, *each);
            at = 0;
        } else if ((*each)->state == IU_WANT_OVER_QUOTA && iu_net_quota_left(net, &(*each)->city) > 0) {
            (*each)->state = IU_WANT_FETCHING;
            iu_fetch_list(net, *each);
        }
}

/* A peer that moves nothing of what it was asked for loses its claims to others that have them. */
static void check_stalled(struct iu_net *net, struct iu_session *session)
{
    size_t at = 0;
    struct iu_fetch **each;
    struct iu_fact *fact = NULL;
    if (session->open_wants == 0 || session->jobs > 0 || net->now_ms - session->fetch_ms < IU_CLAIM_MS)
        return;
    bool before = session->stalled;
    session->stalled = true;
    session->fetch_ms = net->now_ms;
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
        if (iu_source_choose(net, fetch, &other, &to) == IU_SOURCE_CHOSEN && may_ask(net, fetch)) {
            iu_fetch_end_claim(net, fetch);
            claim(net, fetch, other, to);
        }
    }
}

uint64_t iu_fetch_due_ms(const struct iu_session *session)
{
    if (session->open_wants == 0)
        return UINT64_MAX;
    return (session->jobs > 0 ? session->net->now_ms : session->fetch_ms) + IU_CLAIM_MS;
}

void iu_fetch_tick(struct iu_net *net)
{
    size_t at = 0;
    struct iu_fetch **each;
    for (size_t i = 0; i < net->looked_count; i++)
        if (net->looked[i]->stage == IU_STAGE_OPEN)
            check_stalled(net, net->looked[i]);
    if (iu_map_count(net->fetches) == 0)
        return;
    if (net->now_ms < net->retry_ms) {
        iu_net_wake(net, net->retry_ms);
        return;
    }
    net->retry_ms = net->now_ms + RETRY_MS;
    iu_net_wake(net, net->retry_ms);
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL) {
        struct iu_fetch *fetch = *each;
        bool idle = fetch->conn == 0 && fetch->state == IU_WANT_FETCHING && fetch->arrived < fetch->size;
        if (idle && !fetch->ready && net->now_ms - fetch->heard_ms >= ABSENT_AFTER_MS) {
            fetch->state = IU_WANT_ABSENT;
            settle_soon(net);
        }
        iu_fetch_list(net, fetch);
    }
}
