/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/announce.h"

#include "peer/chainwire.h"
#include "peer/prints.h"
#include "peer/session.h"
#include "view/confirm.h"

#include <stdlib.h>
#include <string.h>

#define QUEUED_MAX (1024UL * 1024)

bool iu_announce_interest(struct iu_session *session, const struct iu_interest *interest)
{
    for (size_t i = 1; i < interest->city_count; i++)
        if (memcmp(interest->cities[i - 1].b, interest->cities[i].b, IU_ID_LEN) >= 0)
            return false;
    free(session->interest);
    session->interest = NULL;
    session->interest_count = interest->city_count;
    if (interest->city_count > 0) {
        session->interest = malloc(interest->city_count * sizeof *session->interest);
        iu_must(session->interest != NULL);
        memcpy(session->interest, interest->cities, interest->city_count * sizeof *session->interest);
    }
    session->interest_all = interest->all;
    session->interest_heard = true;
    iu_interest_hash(interest, &session->interest_hash);
    return true;
}

/* A cursor counts only for this epoch and this interest; else everything is listed from the beginning. */
bool iu_announce_resume(struct iu_session *session, const struct iu_resume *resume)
{
    struct iu_net *net = session->net;
    uint8_t epoch[IU_EPOCH_LEN];
    if (!session->interest_heard)
        return false;
    iu_epoch_get(iu_net_snap(net), epoch);
    bool fits = memcmp(epoch, resume->epoch, sizeof epoch) == 0 &&
                iu_hash_equal(&resume->interest_hash, &session->interest_hash) &&
                resume->cursor <= iu_net_counter(net);
    free(session->added);
    session->added = NULL;
    session->added_count = fits ? resume->added_count : 0;
    session->added_at = 0;
    if (session->added_count > 0) {
        session->added = malloc(session->added_count * sizeof *session->added);
        iu_must(session->added != NULL);
        memcpy(session->added, resume->added, session->added_count * sizeof *session->added);
    }
    session->told = fits ? resume->cursor : 0;
    session->told_own = session->holds_own; /* by the note in its State */
    session->resume_heard = session->delta_open = true;
    iu_session_dirty(session);
    return true;
}

uint64_t iu_announce_size(const struct iu_snap *snap, const struct iu_log_state *log)
{
    if (iu_blocked(snap, &log->city, NULL))
        return 0;
    uint64_t size = log->size < log->frozen_at ? log->size : log->frozen_at;
    uint64_t closed_at = iu_closed_at(snap, &log->city, log->log);
    return size < closed_at ? size : closed_at;
}

/* The chain goes first: without it the fault cannot be checked. Both in the lane that nothing overtakes. */
static void send_fault(struct iu_session *session, const struct iu_log_state *log)
{
    struct iu_bytes fault;
    if (!iu_log_fault(iu_net_snap(session->net), log->no, &fault))
        return;
    if (!session->greeted)
        iu_session_flush(session);
    iu_chainwire_give(session, &log->city, IU_LANE_ALERT);
    struct iu_frame frame = {.type = IU_FRAME_FAULT, .fault = fault};
    iu_session_send(session, IU_LANE_ALERT, &frame);
}

void iu_announce_fault(struct iu_net *net, const struct iu_city *city, uint32_t log)
{
    struct iu_log_state state;
    size_t at = 0;
    struct iu_session *session;
    if (!iu_log_find(iu_net_snap(net), city, log, &state))
        return;
    while ((session = iu_session_next_open(net, &at)) != NULL)
        if (session->interest_heard && iu_session_wants(session, city))
            send_fault(session, &state);
}

/* Items on their way into one message. */
struct listing {
    struct iu_head_item *items;
    size_t count;
};

bool iu_announce_item(const struct iu_snap *snap, const struct iu_log_state *log, struct iu_head_item *out)
{
    bool fault = !iu_is_zero(log->fault_hash.b, IU_HASH_LEN);
    *out = (struct iu_head_item){.city = log->city,
                                 .log = log->log,
                                 .size = iu_announce_size(snap, log),
                                 .has_fault = fault,
                                 .fault_hash = log->fault_hash};
    if ((out->size == 0 && !fault) || !iu_chainwire_hash(snap, &log->city, &out->chain_hash))
        return false;
    struct iu_log_tree tree = {.snap = snap, .log = log};
    out->has_root = true;
    if (out->size == log->size)
        iu_frontier_root(&log->frontier, &out->root);
    else
        out->has_root = iu_tree_root(iu_log_node, &tree, out->size, &out->root) == IU_OK;
    return true;
}

void iu_announce_fault_to(struct iu_session *session, const struct iu_log_state *log)
{
    if (!iu_is_zero(log->fault_hash.b, IU_HASH_LEN))
        send_fault(session, log);
}

/* One log, if the peer is to hear of it. */
static void list_log(struct iu_session *session, const struct iu_log_state *log, struct listing *list)
{
    struct iu_net *net = session->net;
    struct iu_head_item item;
    if (!iu_session_wants(session, &log->city))
        return;
    iu_announce_fault_to(session, log);
    if (iu_city_equal(&log->city, &session->city) || !iu_announce_item(iu_net_snap(net), log, &item))
        return;
    if (iu_city_equal(&log->city, &net->options.self) && log->log == net->released.log) {
        if (item.size <= session->told_own)
            return;
        session->told_own = item.size;
    }
    list->items[list->count++] = item;
}

static void list_added(struct iu_session *session, struct listing *list)
{
    struct iu_log_state log;
    while (session->added_at < session->added_count && list->count + IU_LOGS_MAX <= IU_DELTA_MAX) {
        const struct iu_city *city = &session->added[session->added_at++];
        for (uint32_t no = 1; no <= IU_LOGS_MAX; no++)
            if (iu_log_find(iu_net_snap(session->net), city, no, &log))
                list_log(session, &log, list);
    }
}

/* Changes in their order. True when there are no more. */
static bool list_changes(struct iu_session *session, struct listing *list)
{
    const struct iu_snap *snap = iu_net_snap(session->net);
    struct iu_log_state log;
    uint64_t counter;
    uint32_t no;
    while (list->count < IU_DELTA_MAX) {
        if (!iu_change_next(snap, session->told, &counter, &no))
            return true;
        session->told = counter;
        if (iu_log_by_no(snap, no, &log))
            list_log(session, &log, list);
    }
    return false;
}

static void send_delta(struct iu_session *session, const struct listing *list, bool last)
{
    struct iu_frame frame = {.type = IU_FRAME_DELTA,
                             .delta = {.items = list->items, .item_count = list->count, .last = last}};
    if (last) {
        frame.delta.counter = session->told;
        if (!session->interest_all || session->version >= IU_PROTOCOL_AUDIT)
            iu_prints_of(session->net,
                         &(struct iu_prints_of){.whose = &session->city,
                                                .all = session->interest_all,
                                                .cities = session->interest,
                                                .city_count = session->interest_count},
                         &frame.delta.count, &frame.delta.fingerprint);
        session->delta_open = false;
    }
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

static void send_heads(struct iu_session *session, const struct listing *list)
{
    struct iu_frame frame = {
        .type = IU_FRAME_HEADS,
        .heads = {.items = list->items, .item_count = list->count, .counter = session->told}};
    if (list->count > 0)
        iu_session_send(session, IU_LANE_CONTROL, &frame);
}

/* The own log's change number is given when it is committed, and it is shown when it is released. */
static void list_own(struct iu_session *session, struct listing *list)
{
    const struct iu_net *net = session->net;
    struct iu_log_state log;
    if (session->told_own < net->released.size &&
        iu_log_find(iu_net_snap(session->net), &net->options.self, net->released.log, &log))
        list_log(session, &log, list);
    /* A frozen own log never reaches what was released: said once, it is not said again at every step. */
    session->told_own = net->released.size;
}

void iu_announce_go(struct iu_session *session)
{
    struct iu_net *net = session->net;
    if (session->stage != IU_STAGE_OPEN || !session->resume_heard)
        return;
    uint64_t counter = iu_net_counter(net);
    bool own = session->told_own < net->released.size && iu_session_wants(session, &net->options.self);
    if (!session->delta_open && (net->changed || (session->told >= counter && !own)))
        return;
    struct listing list = {.items = malloc(IU_DELTA_MAX * sizeof *list.items)};
    iu_must(list.items != NULL);
    bool all = false;
    while (!all && session->stage == IU_STAGE_OPEN && iu_splitter_queued(session->splitter) < QUEUED_MAX) {
        bool delta = session->delta_open;
        list.count = 0;
        if (delta)
            list_added(session, &list);
        else if (own)
            list_own(session, &list);
        own = false;
        all = session->added_at >= session->added_count && list_changes(session, &list);
        if (delta)
            send_delta(session, &list, all);
        else
            send_heads(session, &list);
    }
    free(list.items);
}
