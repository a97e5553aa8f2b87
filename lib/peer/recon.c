/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   heard ──► a log is longer there: fetch ──► not here within SETTLE_MS: a row of `wants` ─┐
 *     counter ─────────────────────────────────── everything heard is held or in a row ─────┴─► cursor
 * So a small new entry costs the receiver one commit, and a cursor never says more than what is durable.
 * While logs come in one after the other, rows are made only of what is stuck, for SETTLE_MOST_MS: a catch-up
 * of many logs writes none.
 */
#include "peer/recon.h"

#include "peer/audit.h"
#include "peer/chainwire.h"
#include "peer/closing.h"
#include "peer/doubt.h"
#include "peer/fetch.h"
#include "peer/own.h"
#include "peer/prints.h"
#include "peer/session.h"
#include "peer/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS 250
#define SETTLE_MORE_MS 20
#define MOVES_MS 500
#define SETTLE_MOST_MS 10000
#define ROWS_AT_ONCE 512
#define MET_AGAIN_MS 60000
#define CREDIT_LIVE (1024UL * 1024)
#define CREDIT_MAX (1LL << 40)

/* --- what we say --- */

static void send_state(struct iu_session *session)
{
    struct iu_net *net = session->net;
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_frame frame = {.type = IU_FRAME_STATE};
    struct iu_state *state = &frame.state;
    struct iu_bytes addresses[IU_ADDRESSES_MAX];
    struct iu_log_state log;
    uint64_t count;
    iu_epoch_get(snap, state->epoch);
    state->counter = iu_net_counter(net);
    state->interest_hash = net->interest_hash;
    if (!net->interest.all || session->version >= IU_PROTOCOL_AUDIT)
        iu_prints_ours(net, &count, &state->fingerprint);
    if (iu_log_newest(snap, &session->city, &log))
        state->yours = log.note;
    for (size_t i = 0; i < net->options.address_count; i++)
        addresses[i] = iu_bytes_str(net->options.addresses[i]);
    state->addresses = addresses;
    state->address_count = net->options.address_count;
    state->credit_live = CREDIT_LIVE;
    state->credit_history = session->window;
    state->agent = iu_bytes_str(net->agent);
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

static void send_interest(struct iu_session *session)
{
    struct iu_frame frame = {.type = IU_FRAME_INTEREST, .interest = session->net->interest};
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

void iu_recon_resume(struct iu_session *session, const uint8_t epoch[IU_EPOCH_LEN], uint64_t cursor)
{
    struct iu_frame frame = {.type = IU_FRAME_RESUME,
                             .resume = {.interest_hash = session->net->interest_hash, .cursor = cursor}};
    memcpy(frame.resume.epoch, epoch, IU_EPOCH_LEN);
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

static void say_all(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_peer peer;
    static const uint8_t none[IU_EPOCH_LEN];
    bool known = iu_peer_get(iu_net_snap(net), &session->city, &peer) &&
                 iu_hash_equal(&peer.interest, &net->follows_hash);
    iu_window_open(session);
    send_state(session);
    send_interest(session);
    session->cursor_heard = session->cursor_kept = known ? peer.cursor : 0;
    iu_recon_resume(session, known ? peer.epoch : none, session->cursor_heard);
}

void iu_recon_early(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_chain *chain = calloc(1, sizeof *chain);
    iu_must(chain != NULL);
    session->said_early = session->join == 0 && iu_net_follows(net, &session->city) &&
                          !iu_city_disputed(iu_net_snap(net), &session->city) &&
                          iu_chain_load(iu_net_snap(net), &session->city, chain) &&
                          memcmp(iu_chain_last(chain)->node.b, session->key.b, sizeof session->key.b) == 0;
    free(chain);
    if (session->said_early)
        say_all(session);
}

void iu_recon_begin(struct iu_session *session)
{
    if (!session->said_early)
        say_all(session);
    session->said_early = false;
#ifdef IU_TEST_NEXT
    if (session->version >= IU_PROTOCOL_NEXT) {
        struct iu_frame next = {.type = IU_FRAME_NEXT, .next = 1};
        iu_session_send(session, IU_LANE_CONTROL, &next);
    }
#endif
}

/* What was said before admission no longer holds: it is said again then. */
static void forget_early(struct iu_net *net)
{
    for (size_t i = 0; i < net->session_count; i++)
        net->sessions[i]->said_early = false;
}

/* Its cursor is looked at when all that was heard is settled. */
static void mark_behind(struct iu_session *session)
{
    struct iu_net *net = session->net;
    if (session->behind)
        return;
    net->behind = iu_room(net->behind, net->behind_count, &net->behind_cap, sizeof *net->behind);
    net->behind[net->behind_count++] = session->conn;
    session->behind = true;
}

void iu_recon_interest_changed(struct iu_net *net, const struct iu_city *added, size_t added_count)
{
    size_t at = 0;
    struct iu_session *session;
    forget_early(net);
    while ((session = iu_session_next_open(net, &at)) != NULL) {
        bool listed = session->state_heard && added_count <= IU_INTEREST_MAX;
        struct iu_frame frame = {.type = IU_FRAME_RESUME, .resume = {.interest_hash = net->interest_hash}};
        memcpy(frame.resume.epoch, session->epoch, IU_EPOCH_LEN);
        frame.resume.cursor = listed ? session->cursor_heard : 0;
        frame.resume.added = added;
        frame.resume.added_count = listed ? added_count : 0;
        session->cursor_kept = 0; /* the one that is kept was for another interest */
        mark_behind(session);
        send_interest(session);
        iu_session_send(session, IU_LANE_CONTROL, &frame);
    }
}

void iu_recon_epoch_changed(struct iu_net *net)
{
    size_t at = 0;
    struct iu_session *session;
    forget_early(net);
    while ((session = iu_session_next_open(net, &at)) != NULL)
        send_state(session);
}

/* --- what they say --- */

static bool ours(const struct iu_net *net, const char *address)
{
    for (size_t i = 0; i < net->options.address_count; i++)
        if (strcmp(net->options.addresses[i], address) == 0)
            return true;
    return false;
}

/* What it says of where it can be dialled: what an invite or the configuration said stays first. */
static void put_addresses(struct iu_session *session, const struct iu_state *state,
                          const struct iu_peer *known, struct iu_peer *peer)
{
    struct iu_net *net = session->net;
    bool keep = known->invited && known->address_count > 0;
    if (keep)
        memcpy(peer->addresses[peer->address_count++], known->addresses[0], sizeof known->addresses[0]);
    for (size_t i = 0; i < state->address_count && peer->address_count < IU_ADDRESSES_MAX; i++) {
        char text[IU_ADDRESS_MAX + 1];
        if (!iu_address_of_one(state->addresses[i]) || state->addresses[i].len > IU_ADDRESS_MAX)
            continue;
        snprintf(text, sizeof text, "%.*s", (int)state->addresses[i].len,
                 (const char *)state->addresses[i].data);
        if (ours(net, text))
            continue;
        iu_gossip_know(net->gossip, &session->city, text, false);
        if (!keep || strcmp(text, known->addresses[0]) != 0)
            memcpy(peer->addresses[peer->address_count++], text, sizeof text);
    }
}

static bool same_addresses(const struct iu_peer *known, const struct iu_peer *peer)
{
    bool same = peer->address_count == 0 || peer->address_count == known->address_count;
    for (size_t i = 0; same && i < peer->address_count; i++)
        same = strcmp(peer->addresses[i], known->addresses[i]) == 0;
    return same;
}

/* Remembers that it was met, and where it can be dialled. One that was here a moment ago and says the same
 * costs no write: that it is heard now is kept when it leaves. */
static void remember(struct iu_session *session, const struct iu_state *state)
{
    struct iu_net *net = session->net;
    struct iu_peer known = {0};
    struct iu_peer peer = {.city = session->city, .met_ms = net->now_ms, .heard_ms = net->now_ms};
    bool met = iu_peer_get(iu_net_snap(net), &session->city, &known) && known.met_ms > 0;
    put_addresses(session, state, &known, &peer);
    if (met && same_addresses(&known, &peer) && net->now_ms - known.heard_ms < MET_AGAIN_MS)
        return;
    struct iu_job *job = iu_net_job(net, IU_JOB_PEER, &(struct iu_duty){.what = IU_DUTY_NONE});
    job->city = job->peer_city = session->city;
    job->peer = peer;
}

void iu_recon_left(struct iu_session *session)
{
    if (!session->state_heard)
        return;
    struct iu_job *job = iu_net_job(session->net, IU_JOB_PEER, &(struct iu_duty){.what = IU_DUTY_NONE});
    job->city = job->peer_city = session->city;
    job->peer =
        (struct iu_peer){.city = session->city, .met_ms = session->up_ms, .heard_ms = session->heard_ms};
}

static int64_t bounded(uint64_t credit)
{
    return credit < (uint64_t)CREDIT_MAX ? (int64_t)credit : CREDIT_MAX;
}

void iu_recon_state(struct iu_session *session, const struct iu_state *state)
{
    bool again = session->state_heard;
    bool other_epoch = again && memcmp(session->epoch, state->epoch, IU_EPOCH_LEN) != 0;
    memcpy(session->epoch, state->epoch, IU_EPOCH_LEN);
    session->state_heard = true;
    if (!again) {
        session->credit_live = bounded(state->credit_live);
        session->credit_history = bounded(state->credit_history);
        remember(session, state);
    } else if (other_epoch) {
        session->cursor_heard = session->cursor_kept = 0;
        iu_recon_resume(session, state->epoch, 0);
    }
    iu_own_heard(session, state->yours);
    iu_session_dirty(session);
}

/* Two histories of one size, or a shorter one of a peer: our root there has to be its. */
static bool same_history(const struct iu_snap *snap, const struct iu_log_state *log,
                         const struct iu_head_item *item)
{
    struct iu_hash root;
    struct iu_log_tree tree = {.snap = snap, .log = log};
    if (!item->has_root || item->size == 0 || item->size > log->size || log->frozen_at != IU_NOT_FROZEN)
        return true;
    return iu_tree_root(iu_log_node, &tree, item->size, &root) != IU_OK || iu_hash_equal(&root, &item->root);
}

/* True if it taught something. */
static bool item_heard(struct iu_session *session, const struct iu_head_item *item)
{
    struct iu_net *net = session->net;
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_log_state log;
    struct iu_hash chain;
    if (item->log == 0 || item->size > IU_SIZE_MAX || !iu_net_follows(net, &item->city))
        return false;
    bool news = !iu_chainwire_hash(snap, &item->city, &chain) || !iu_hash_equal(&chain, &item->chain_hash);
    bool found = iu_log_find(snap, &item->city, item->log, &log);
    uint64_t size = found && item->size > log.frozen_at ? log.frozen_at : item->size;
    bool longer = size > (found ? log.size : 0);
    if (longer) {
        struct iu_fetch_news heard = {
            .city = item->city, .log = item->log, .size = size, .conn = session->conn};
        heard.root = item->has_root && size == item->size ? &item->root : NULL;
        heard.chain = news ? &item->chain_hash : NULL;
        iu_fetch_hear(net, &heard);
    } else if (news) {
        iu_chainwire_ask(session, &item->city, &item->chain_hash);
    }
    bool other = found && !same_history(snap, &log, item);
    if (other)
        iu_doubt_root(session, &log, item->size);
    if (found)
        iu_closing_ask(session, &item->city);
    return longer || news || other;
}

size_t iu_recon_items(struct iu_session *session, const struct iu_head_item *items, size_t count)
{
    size_t taught = 0;
    for (size_t i = 0; i < count && session->stage == IU_STAGE_OPEN; i++)
        taught += item_heard(session, &items[i]);
    return taught;
}

void iu_recon_heard_up_to(struct iu_session *session, uint64_t counter)
{
    struct iu_net *net = session->net;
    session->cursor_heard = counter;
    mark_behind(session);
    if (!net->settle_due) {
        net->settle_due = true;
        net->unsettled_ms = net->now_ms;
        net->settle_ms = net->now_ms + SETTLE_MS;
        iu_net_wake(net, net->settle_ms);
    }
}

bool iu_recon_delta(struct iu_session *session, const struct iu_delta *delta)
{
    if (!session->state_heard)
        return false;
    (void)iu_recon_items(session, delta->items, delta->item_count);
    if (delta->last) {
        iu_recon_heard_up_to(session, delta->counter);
        iu_audit_print(session, &delta->fingerprint);
    }
    return true;
}

bool iu_recon_heads(struct iu_session *session, const struct iu_heads *heads)
{
    if (!session->state_heard)
        return false;
    iu_audit_stale(session); /* what it said of its logs is no longer all */
    (void)iu_recon_items(session, heads->items, heads->item_count);
    if (heads->counter > session->cursor_heard)
        iu_recon_heard_up_to(session, heads->counter);
    return true;
}

/* --- cursors --- */

static void keep_cursor(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_job *job = iu_net_job(net, IU_JOB_CURSOR, &(struct iu_duty){.what = IU_DUTY_NONE});
    job->city = job->peer_city = session->city;
    if (!iu_peer_get(iu_net_snap(net), &session->city, &job->peer))
        job->peer = (struct iu_peer){.city = session->city};
    memcpy(job->peer.epoch, session->epoch, IU_EPOCH_LEN);
    job->peer.interest = net->follows_hash;
    job->peer.cursor = session->cursor_heard;
    session->cursor_kept = session->cursor_heard;
}

/* One whose State has not come yet waits on. */
static void keep_cursors(struct iu_net *net)
{
    size_t count = net->behind_count;
    net->behind_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct iu_session *session = iu_net_session(net, net->behind[i]);
        if (session == NULL)
            continue;
        session->behind = !session->state_heard;
        if (session->behind)
            net->behind[net->behind_count++] = session->conn;
        else if (session->cursor_heard > session->cursor_kept)
            keep_cursor(session);
    }
}

static void settle(struct iu_net *net)
{
    bool moves = net->now_ms - net->stored_ms < MOVES_MS && net->now_ms - net->unsettled_ms < SETTLE_MOST_MS;
    net->settle_due = iu_fetch_rows(net, ROWS_AT_ONCE, moves);
    net->settle_ms = net->now_ms + (moves ? SETTLE_MS : SETTLE_MORE_MS);
    if (!net->settle_due)
        keep_cursors(net);
}

void iu_recon_tick(struct iu_net *net)
{
    if (net->settle_due && net->now_ms >= net->settle_ms)
        settle(net);
    if (net->settle_due)
        iu_net_wake(net, net->settle_ms);
}
