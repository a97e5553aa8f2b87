/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/serve.h"

#include "log/audience.h"
#include "peer/announce.h"
#include "peer/own.h"
#include "peer/session.h"
#include "peer/withhold.h"
#include "store/chunks.h"
#include "view/confirm.h"

#include <string.h>

#define QUEUED_MAX                                                                                           \
    (1024UL * 1024)              /* nothing more is read from the store while this much waits to be sent     \
                                  */
#define STEP_MAX (1024UL * 1024) /* of items in one step, so that others get their turn */
#define BATCH_BYTES                                                                                          \
    (96UL * 1024) /* of items: small enough to stay in the caches on its way through copies and hashing */
#define LIVE_ENTRIES 64    /* a Want of so few goes in the live lane, */
#define LIVE_WANTS 16      /* while no more than these are open: many small logs are history too, */
#define LIVE_AGAIN_MS 1000 /* until so long after they were that many */
#define LIVE_BYTES (16UL * 1024)
#define CHUNKS_AT_ONCE (IU_CHUNKS_BYTES_MAX / IU_CHUNK_LEN)

/* --- what is asked --- */

static size_t open_count(const struct iu_session *session)
{
    return session->want_count + session->chunk_want_count;
}

static bool same_log(const struct iu_want_served *a, const struct iu_want_served *b)
{
    return a->log == b->log && iu_city_equal(&a->city, &b->city);
}

/* Entries below are asked for and not given yet. */
static bool is_behind(const struct iu_session *session, const struct iu_want_served *want)
{
    for (size_t i = 0; i < session->want_count; i++)
        if (session->wants[i].next < want->next && same_log(&session->wants[i], want))
            return true;
    return false;
}

bool iu_serve_want(struct iu_session *session, const struct iu_want_range *want)
{
    if (want->from >= want->to || want->to > IU_SIZE_MAX || want->log == 0 ||
        (want->form != IU_FORM_HEADER && want->form != IU_FORM_FULL) || open_count(session) >= IU_WANTS_MAX)
        return false;
    struct iu_want_served served = {.city = want->city,
                                    .log = want->log,
                                    .form = want->form,
                                    .next = want->from,
                                    .to = want->to,
                                    .left = want->bytes > 0 ? want->bytes : UINT64_MAX,
                                    .few = want->to - want->from <= LIVE_ENTRIES};
    for (size_t i = 0; i < session->want_count; i++) /* one log's batches never overtake each other */
        served.few = served.few && !same_log(&session->wants[i], &served);
    served.behind = is_behind(session, &served);
    session->wants = iu_room(session->wants, session->want_count, &session->want_cap, sizeof served);
    session->wants[session->want_count++] = served;
    iu_session_dirty(session);
    return true;
}

bool iu_serve_want_chunks(struct iu_session *session, const struct iu_want_chunks *want)
{
    if (want->from >= want->to || want->to > IU_ATTACHMENT_MAX / IU_CHUNK_LEN ||
        open_count(session) >= IU_WANTS_MAX)
        return false;
    struct iu_chunks_served served = {.want = *want, .next = want->from};
    session->chunk_wants =
        iu_room(session->chunk_wants, session->chunk_want_count, &session->chunk_want_cap, sizeof served);
    session->chunk_wants[session->chunk_want_count++] = served;
    iu_session_dirty(session);
    return true;
}

bool iu_serve_credit(struct iu_session *session, const struct iu_credit *credit)
{
    uint64_t most = 1ULL << 40;
    if (credit->live > most || credit->history > most || session->credit_live > (int64_t)most ||
        session->credit_history > (int64_t)most)
        return false;
    session->credit_live += (int64_t)credit->live;
    session->credit_history += (int64_t)credit->history;
    iu_session_dirty(session);
    return true;
}

/* --- batches --- */

static void send_absent(struct iu_session *session, const struct iu_want_served *want)
{
    struct iu_range range = {.from = want->next, .to = want->to};
    struct iu_frame frame = {
        .type = IU_FRAME_BATCH,
        .batch = {
            .city = want->city, .log = want->log, .first = want->next, .absent = &range, .absent_count = 1}};
    iu_session_send(session, want->live ? IU_LANE_LIVE : IU_LANE_HISTORY, &frame);
}

static size_t batch_bytes(const struct iu_want_served *want)
{
    uint64_t bytes = want->live ? LIVE_BYTES : BATCH_BYTES;
    return (size_t)(want->left < bytes ? want->left : bytes);
}

/* Bodies of a disputed city are not served. */
static enum iu_form form_for(const struct iu_snap *snap, const struct iu_want_served *want)
{
    return iu_city_disputed(snap, &want->city) ? IU_FORM_HEADER : (enum iu_form)want->form;
}

/* The next batch of a want; how many bytes of items it has. `done` when it is answered. */
static size_t serve_batch(struct iu_session *session, struct iu_want_served *want, bool *done)
{
    struct iu_net *net = session->net;
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_log_state log;
    struct iu_buf items = IU_BUF_INIT;
    struct iu_hash right[IU_RIGHT_MAX];
    size_t right_count = 0;
    uint64_t end = want->next;
    uint64_t held = iu_log_find(snap, &want->city, want->log, &log) ? iu_announce_size(snap, &log) : 0;
    struct iu_log_tree tree = {.snap = snap, .log = &log};
    uint64_t to = want->to < held ? want->to : held;
    if (want->next >= held || !iu_head_stands(snap, &log) ||
        iu_log_read(snap, &log, want->next, to, form_for(snap, want), batch_bytes(want), &items, &end) !=
            IU_OK ||
        iu_tree_right(iu_log_node, &tree, end, log.head.size, right, &right_count) != IU_OK) {
        send_absent(session, want);
        iu_buf_fini(&items);
        *done = true;
        return 0;
    }
    iu_withhold(&log.city, &session->city, &items);
    struct iu_range rest = {.from = end, .to = want->to};
    struct iu_frame frame = {.type = IU_FRAME_BATCH};
    frame.batch = (struct iu_batch_frame){.city = want->city,
                                          .log = want->log,
                                          .first = want->next,
                                          .items = iu_buf_view(&items),
                                          .right = iu_bytes_of(right, right_count * sizeof right[0]),
                                          .head = log.note};
    frame.batch.absent = &rest;
    frame.batch.absent_count = end == held && end < want->to ? 1 : 0;
    size_t len = items.len;
    iu_session_send(session, want->live ? IU_LANE_LIVE : IU_LANE_HISTORY, &frame);
    iu_buf_fini(&items);
    want->next = end;
    want->left -= len < want->left ? len : want->left;
    *done = end >= to || want->left == 0;
    if (iu_city_equal(&want->city, &net->options.self) && want->log == net->released.log)
        iu_own_held(session, end);
    return len;
}

/* A Want is answered: of its log the one for the lowest entries need not wait any more. */
static void let_on(struct iu_session *session, const struct iu_want_served *done)
{
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < session->want_count; i++)
        if (same_log(&session->wants[i], done) && session->wants[i].next < lowest)
            lowest = session->wants[i].next;
    for (size_t i = 0; i < session->want_count; i++)
        if (same_log(&session->wants[i], done) && session->wants[i].next == lowest)
            session->wants[i].behind = false;
}

/* Once for each, when its turn comes: those asked for together are all here by then. */
static void choose_lane(struct iu_session *session, struct iu_want_served *want)
{
    uint64_t now = session->net->now_ms;
    if (session->want_count > LIVE_WANTS)
        session->many_wants_ms = now + LIVE_AGAIN_MS;
    want->live = want->few && (want->live || now >= session->many_wants_ms);
    want->few = want->live;
}

static void serve_wants(struct iu_session *session)
{
    size_t served = 0, at = 0;
    while (at < session->want_count && served < STEP_MAX && session->stage == IU_STAGE_OPEN &&
           iu_splitter_queued(session->splitter) < QUEUED_MAX) {
        struct iu_want_served want = session->wants[at];
        bool done = false;
        choose_lane(session, &want);
        if (want.behind || (want.live ? session->credit_live : session->credit_history) <= 0) {
            at++;
            continue;
        }
        served += serve_batch(session, &want, &done);
        session->want_count--;
        memmove(&session->wants[at], &session->wants[at + 1], (session->want_count - at) * sizeof want);
        if (done) {
            let_on(session, &want);
            at = 0; /* one before it may be next */
        } else {
            session->wants[session->want_count++] = want; /* behind the others: each gets its turn */
        }
    }
}

/* --- chunks --- */

static bool may_have(const struct iu_session *session, const struct iu_log_state *log, uint64_t index)
{
    struct iu_item item;
    return iu_log_item(iu_net_snap(session->net), log, index, &item) == IU_OK && !item.has_hash &&
           !iu_withheld(item.header, &log->city, &session->city);
}

/* One message of chunks. True when the want is answered. */
static bool serve_chunks(struct iu_session *session, struct iu_chunks_served *served)
{
    const struct iu_snap *snap = iu_net_snap(session->net);
    const struct iu_want_chunks *want = &served->want;
    struct iu_log_state log;
    struct iu_attach_state attach;
    struct iu_buf data = IU_BUF_INIT, left = IU_BUF_INIT, right = IU_BUF_INIT;
    uint64_t end = served->next + CHUNKS_AT_ONCE < want->to ? served->next + CHUNKS_AT_ONCE : want->to;
    struct iu_frame frame = {.type = IU_FRAME_CHUNKS};
    frame.chunks = (struct iu_chunks){.city = want->city,
                                      .log = want->log,
                                      .index = want->index,
                                      .attachment = want->attachment,
                                      .from = served->next};
    bool held = iu_log_find(snap, &want->city, want->log, &log) &&
                want->index < iu_announce_size(snap, &log) && !iu_city_disputed(snap, &want->city) &&
                may_have(session, &log, want->index) &&
                iu_attach_find(snap, log.no, want->index, want->attachment, &attach);
    if (held && end > iu_chunk_count(attach.size))
        end = iu_chunk_count(attach.size);
    held = held && served->next < end &&
           iu_chunks_read(snap, &attach, served->next, end, &data, &left, &right) == IU_OK;
    frame.chunks.absent = !held;
    if (held) {
        frame.chunks.data = iu_buf_view(&data);
        frame.chunks.left = iu_buf_view(&left);
        frame.chunks.right = iu_buf_view(&right);
    }
    iu_session_send(session, IU_LANE_HISTORY, &frame);
    iu_buf_fini(&data);
    iu_buf_fini(&left);
    iu_buf_fini(&right);
    served->next = end;
    return !held || end >= want->to;
}

static void serve_chunk_wants(struct iu_session *session)
{
    while (session->chunk_want_count > 0 && session->credit_history > 0 && session->stage == IU_STAGE_OPEN &&
           iu_splitter_queued(session->splitter) < QUEUED_MAX) {
        struct iu_chunks_served served = session->chunk_wants[0];
        bool done = serve_chunks(session, &served);
        session->chunk_wants[0] = served;
        if (done)
            memmove(&session->chunk_wants[0], &session->chunk_wants[1],
                    --session->chunk_want_count * sizeof served);
    }
}

void iu_serve_go(struct iu_session *session)
{
    if (session->stage != IU_STAGE_OPEN)
        return;
    serve_wants(session);
    serve_chunk_wants(session);
}
