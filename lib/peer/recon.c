/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   heard ──► a log is longer there: fetch ──► not here within SETTLE_MS: a row of `wants` ─┐
 *     counter ─────────────────────────────────── everything heard is held or in a row ─────┴─► cursor
 * So a small new entry costs the receiver one commit, and a cursor never says more than what is durable.
 */
#include "peer/recon.h"

#include "peer/announce.h"
#include "peer/chainwire.h"
#include "peer/closing.h"
#include "peer/doubt.h"
#include "peer/fetch.h"
#include "peer/own.h"
#include "peer/session.h"
#include "peer/window.h"
#include "sign/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS 250
#define SETTLE_MORE_MS 20
#define ROWS_AT_ONCE 512
#define CREDIT_LIVE (1024UL * 1024)
#define CREDIT_MAX (1LL << 40)
#define COMPARE_AFTER_MS 5000
#define AGAIN_MS (10ULL * 60 * 1000)

/* --- the fingerprint --- */

/* Adds 256-bit numbers, most significant byte first, mod 2^256. */
static void add(struct iu_hash *sum, const struct iu_hash *more)
{
    unsigned carry = 0;
    for (size_t i = IU_HASH_LEN; i-- > 0;) {
        carry += (unsigned)sum->b[i] + more->b[i];
        sum->b[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

/* SHA-256(city ‖ log ‖ min(held, g) ‖ root there ‖ chain hash ‖ g); g is 2^64 - 1 without a fault. */
static void print_log(const struct iu_snap *snap, const struct iu_log_state *log, struct iu_hash *sum,
                      uint64_t *count)
{
    uint8_t in[IU_ID_LEN + 4 + 8 + IU_HASH_LEN + IU_HASH_LEN + 8], *at = in;
    uint64_t size = iu_announce_size(snap, log);
    struct iu_hash root, chain, print;
    struct iu_log_tree tree = {.snap = snap, .log = log};
    if (size == 0 || iu_tree_root(iu_log_node, &tree, size, &root) != IU_OK ||
        !iu_chainwire_hash(snap, &log->city, &chain))
        return;
    memcpy(at, log->city.b, IU_ID_LEN);
    iu_store_u32(at += IU_ID_LEN, log->log);
    iu_store_u64(at += 4, size);
    memcpy(at += 8, root.b, IU_HASH_LEN);
    memcpy(at += IU_HASH_LEN, chain.b, IU_HASH_LEN);
    iu_store_u64(at + IU_HASH_LEN, log->frozen_at);
    iu_sha256(iu_bytes_of(in, sizeof in), &print);
    add(sum, &print);
    ++*count;
}

static void print_cities(const struct iu_snap *snap, const struct iu_city *cities, size_t city_count,
                         uint64_t *count, struct iu_hash *print)
{
    struct iu_log_state log;
    for (size_t i = 0; i < city_count; i++)
        for (uint32_t no = 1; no <= IU_LOGS_MAX && (iu_log_find(snap, &cities[i], no, &log) || no == 1); no++)
            if (log.no != 0)
                print_log(snap, &log, print, count);
}

void iu_recon_print(struct iu_net *net, const struct iu_session *session, uint64_t *count,
                    struct iu_hash *print)
{
    *count = 0;
    memset(print, 0, sizeof *print);
    if (!session->interest_all)
        print_cities(iu_net_snap(net), session->interest, session->interest_count, count, print);
}

static void print_ours(struct iu_net *net, struct iu_hash *print)
{
    uint64_t count = 0;
    memset(print, 0, sizeof *print);
    if (!net->interest.all)
        print_cities(iu_net_snap(net), net->interest.cities, net->interest.city_count, &count, print);
}

/* --- what we say --- */

static void send_state(struct iu_session *session)
{
    struct iu_net *net = session->net;
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_frame frame = {.type = IU_FRAME_STATE};
    struct iu_state *state = &frame.state;
    struct iu_bytes addresses[IU_ADDRESSES_MAX];
    struct iu_log_state log;
    iu_epoch_get(snap, state->epoch);
    state->counter = iu_net_counter(net);
    state->interest_hash = net->interest_hash;
    print_ours(net, &state->fingerprint);
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

static void send_resume(struct iu_session *session, const uint8_t epoch[IU_EPOCH_LEN], uint64_t cursor)
{
    struct iu_frame frame = {.type = IU_FRAME_RESUME,
                             .resume = {.interest_hash = session->net->interest_hash, .cursor = cursor}};
    memcpy(frame.resume.epoch, epoch, IU_EPOCH_LEN);
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

void iu_recon_begin(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_peer peer;
    static const uint8_t none[IU_EPOCH_LEN];
    bool known = iu_peer_get(iu_net_snap(net), &session->city, &peer) &&
                 iu_hash_equal(&peer.interest, &net->follows_hash);
    iu_window_open(session);
    send_state(session);
#ifdef IU_TEST_NEXT
    if (session->version >= IU_PROTOCOL_NEXT) {
        struct iu_frame next = {.type = IU_FRAME_NEXT, .next = 1};
        iu_session_send(session, IU_LANE_CONTROL, &next);
    }
#endif
    send_interest(session);
    session->cursor_heard = session->cursor_kept = known ? peer.cursor : 0;
    send_resume(session, known ? peer.epoch : none, session->cursor_heard);
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

/* Remembers that it was met, and where it can be dialled: what an invite or the configuration said stays
 * first. */
static void remember(struct iu_session *session, const struct iu_state *state)
{
    struct iu_net *net = session->net;
    struct iu_peer known;
    bool keep =
        iu_peer_get(iu_net_snap(net), &session->city, &known) && known.invited && known.address_count > 0;
    struct iu_job *job = iu_net_job(net, IU_JOB_PEER, &(struct iu_duty){.what = IU_DUTY_NONE});
    struct iu_peer *peer = &job->peer;
    job->city = job->peer_city = session->city;
    *peer = (struct iu_peer){.city = session->city, .met_ms = net->now_ms, .heard_ms = net->now_ms};
    if (keep)
        memcpy(peer->addresses[peer->address_count++], known.addresses[0], sizeof known.addresses[0]);
    for (size_t i = 0; i < state->address_count && peer->address_count < IU_ADDRESSES_MAX; i++) {
        char text[IU_ADDRESS_MAX + 1];
        if (!iu_address_of_one(state->addresses[i]) || state->addresses[i].len > IU_ADDRESS_MAX)
            continue;
        snprintf(text, sizeof text, "%.*s", (int)state->addresses[i].len,
                 (const char *)state->addresses[i].data);
        if (ours(net, text))
            continue;
        iu_gossip_know(net->gossip, &session->city, text, false);
        if (!keep || strcmp(text, known.addresses[0]) != 0)
            memcpy(peer->addresses[peer->address_count++], text, sizeof text);
    }
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
        send_resume(session, state->epoch, 0);
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

static void item_heard(struct iu_session *session, const struct iu_head_item *item)
{
    struct iu_net *net = session->net;
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_log_state log;
    struct iu_hash chain;
    if (item->log == 0 || item->size > IU_SIZE_MAX || !iu_net_follows(net, &item->city))
        return;
    bool news = !iu_chainwire_hash(snap, &item->city, &chain) || !iu_hash_equal(&chain, &item->chain_hash);
    bool found = iu_log_find(snap, &item->city, item->log, &log);
    uint64_t size = found && item->size > log.frozen_at ? log.frozen_at : item->size;
    if (size > (found ? log.size : 0)) {
        struct iu_fetch_news heard = {
            .city = item->city, .log = item->log, .size = size, .conn = session->conn};
        heard.root = item->has_root && size == item->size ? &item->root : NULL;
        heard.chain = news ? &item->chain_hash : NULL;
        iu_fetch_hear(net, &heard);
    } else if (news) {
        iu_chainwire_ask(session, &item->city, &item->chain_hash);
    }
    if (found && !same_history(snap, &log, item))
        iu_doubt_root(session, &log, item->size);
    if (found)
        iu_closing_ask(session, &item->city);
}

static void items_heard(struct iu_session *session, const struct iu_head_item *items, size_t count)
{
    for (size_t i = 0; i < count && session->stage == IU_STAGE_OPEN; i++)
        item_heard(session, &items[i]);
}

static void heard_up_to(struct iu_session *session, uint64_t counter)
{
    struct iu_net *net = session->net;
    session->cursor_heard = counter;
    mark_behind(session);
    if (!net->settle_due) {
        net->settle_due = true;
        net->settle_ms = net->now_ms + SETTLE_MS;
        iu_net_wake(net, net->settle_ms);
    }
}

bool iu_recon_delta(struct iu_session *session, const struct iu_delta *delta)
{
    struct iu_net *net = session->net;
    if (!session->state_heard)
        return false;
    items_heard(session, delta->items, delta->item_count);
    if (delta->last) {
        heard_up_to(session, delta->counter);
        session->print = delta->fingerprint;
        session->print_ms = iu_is_zero(delta->fingerprint.b, IU_HASH_LEN) ? 0 : net->now_ms;
        if (session->print_ms != 0)
            iu_net_wake(net, net->now_ms + COMPARE_AFTER_MS);
    }
    return true;
}

bool iu_recon_heads(struct iu_session *session, const struct iu_heads *heads)
{
    if (!session->state_heard)
        return false;
    session->print_ms = 0; /* what it said of its logs is no longer all */
    items_heard(session, heads->items, heads->item_count);
    if (heads->counter > session->cursor_heard)
        heard_up_to(session, heads->counter);
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

/* Fingerprints differ though nothing is left to fetch: everything is listed once more, unless that did not
 * help the last time. */
static void compare(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_hash ours;
    bool soon = session->again_ms != 0 && net->now_ms - session->again_ms < AGAIN_MS;
    if (session->print_ms == 0 || net->interest.all || soon)
        return;
    if (net->now_ms - session->print_ms < COMPARE_AFTER_MS) {
        iu_net_wake(net, session->print_ms + COMPARE_AFTER_MS);
        return;
    }
    session->print_ms = 0;
    print_ours(net, &ours);
    if (iu_hash_equal(&ours, &session->print) || (iu_hash_equal(&ours, &session->unequal_ours) &&
                                                  iu_hash_equal(&session->print, &session->unequal_theirs)))
        return;
    session->again_ms = net->now_ms;
    session->unequal_ours = ours;
    session->unequal_theirs = session->print;
    session->cursor_heard = session->cursor_kept = 0;
    send_resume(session, session->epoch, 0);
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

void iu_recon_tick(struct iu_net *net)
{
    size_t at = 0;
    struct iu_session *session;
    if (net->settle_due && net->now_ms >= net->settle_ms) {
        net->settle_due = iu_fetch_rows(net, ROWS_AT_ONCE);
        net->settle_ms = net->now_ms + SETTLE_MORE_MS;
        if (!net->settle_due)
            keep_cursors(net);
    }
    if (net->settle_due)
        iu_net_wake(net, net->settle_ms);
    if (net->interest.all) /* then there is no fingerprint; else there are few sessions */
        return;
    while (iu_map_count(net->fetches) == 0 && (session = iu_session_next_open(net, &at)) != NULL)
        compare(session);
}
