/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/fill.h"

#include "peer/closing.h"
#include "peer/doubt.h"
#include "peer/fetch.h"
#include "peer/roster.h"
#include "peer/session.h"
#include "peer/source.h"
#include "peer/window.h"
#include "store/chunks.h"
#include "store/tables.h"
#include "view/quota.h"

#include <string.h>

#define GAP_FIRST_MS 1000                /* after it was admitted */
#define GAP_AGAIN_MS (10ULL * 60 * 1000) /* then the whole walk, at most this often of one peer */
#define GAP_STEP_MS 200
#define GAP_LOGS 256 /* with gaps, looked at in one step */
#define GAP_LOOKS 64 /* ranges of one log's gaps, looked at in one step */
#define SIDES_MAX 8
#define HAUL_AGAIN_MS 10000
#define HAUL_STEP_MS 200 /* until the walk over missing attachments is through */
#define HAULS_OF_ONE 4   /* peer, so that none holds up what others have */
#define STILL_MS 60000   /* a peer that left chunks unanswered is not asked for others */
#define LACKS_MAX 64     /* absent answers in a row; then no question for HAUL_AGAIN_MS */
#define HAUL_AHEAD (3 * CHUNKS_AT_ONCE)
#define CHUNKS_AT_ONCE (IU_CHUNKS_BYTES_MAX / IU_CHUNK_LEN)

/* --- ranges below what is held --- */

bool iu_fill_ask(struct iu_session *session, const struct iu_side *side, uint32_t form)
{
    struct iu_frame frame = {
        .type = IU_FRAME_WANT,
        .want = {.city = side->city, .log = side->log, .from = side->from, .to = side->to, .form = form}};
    for (size_t i = 0; i < session->side_count; i++) {
        const struct iu_side *other = &session->sides[i];
        if (other->log == side->log && other->from == side->from && iu_city_equal(&other->city, &side->city))
            return true; /* on its way */
    }
    if (session->side_count >= SIDES_MAX)
        return false;
    session->sides = iu_room(session->sides, session->side_count, &session->side_cap, sizeof *side);
    session->sides[session->side_count++] = *side;
    iu_session_send(session, IU_LANE_CONTROL, &frame);
    return true;
}

static void put_fill(struct iu_session *session, const struct iu_batch_frame *batch)
{
    struct iu_duty duty = {.what = IU_DUTY_FILL, .conn = session->conn, .city = session->city};
    struct iu_job *job = iu_net_job(session->net, IU_JOB_FILL, &duty);
    job->city = batch->city;
    job->log = batch->log;
    job->first = batch->first;
    job->peer_city = session->city;
    iu_buf_put_bytes(&job->a, batch->items);
}

void iu_fill_batch(struct iu_session *session, const struct iu_batch_frame *batch, uint64_t count)
{
    for (size_t i = 0; i < session->side_count; i++) {
        struct iu_side side = session->sides[i];
        if (side.log != batch->log || !iu_city_equal(&side.city, &batch->city) || batch->first != side.from)
            continue;
        bool all = count == 0 || batch->absent_count > 0 || side.from + count >= side.to;
        session->sides[i].from += count;
        if (all)
            session->sides[i] = session->sides[--session->side_count];
        if (side.doubt)
            iu_doubt_head(session, &side.city, side.log, batch->head);
        else if (side.closing)
            iu_closing_heard(session, &side, batch->head);
        else if (count > 0)
            put_fill(session, batch);
        return;
    }
}

/* Gaps of one log, from where the walk stands. False when the peer has enough to do. */
static bool ask_gaps(struct iu_session *session, const struct iu_log_state *log)
{
    const struct iu_snap *snap = iu_net_snap(session->net);
    struct iu_side side = {.city = log->city, .log = log->log};
    for (int looks = 0; iu_log_gap_wanted(snap, log, session->gap_from, &side.from, &side.to); looks++) {
        uint64_t end = side.to;
        if (looks == GAP_LOOKS)
            return false;
        if (end - side.from > IU_BATCH_ENTRIES_MAX)
            side.to = end = side.from + IU_BATCH_ENTRIES_MAX;
        if (side.from < side.to && !iu_fill_ask(session, &side, IU_FORM_FULL))
            return false;
        session->gap_from = end;
    }
    return true;
}

uint64_t iu_fill_due_ms(const struct iu_session *session)
{
    return session->gap_ms > 0 ? session->gap_ms : session->up_ms + GAP_FIRST_MS;
}

/* The log with gaps whose local number is the next above *no. Logs without any, nearly all of them, cost
 * nothing. */
static bool next_with_gaps(const struct iu_snap *snap, uint32_t *no, struct iu_log_state *log)
{
    uint8_t from[IU_KEY_MAX];
    struct iu_bytes key, value;
    struct iu_scan scan;
    iu_scan_open(snap, IU_T_GAPS, (struct iu_bytes){0}, iu_key_u32_u64(from, *no + 1, 0), &scan);
    bool found = iu_scan_next(&scan, &key, &value);
    if (found)
        *no = iu_load_u32(key.data);
    iu_scan_close(&scan);
    return found && iu_log_by_no(snap, *no, log);
}

static void walk_gaps(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_log_state log;
    if (net->now_ms < iu_fill_due_ms(session))
        return;
    uint32_t no = session->gap_no;
    for (int i = 0; i < GAP_LOGS; i++) {
        if (!next_with_gaps(iu_net_snap(net), &no, &log)) {
            session->gap_no = 0;
            session->gap_from = 0;
            session->gap_ms = net->now_ms + GAP_AGAIN_MS;
            return;
        }
        const struct iu_follower *follower = iu_net_follower(net, &log.city);
        bool wanted = follower != NULL && !follower->headers_only && iu_net_quota_left(net, &log.city) > 0;
        if (wanted && iu_source_likely(session, &log.city) && !ask_gaps(session, &log))
            break; /* this log again, from gap_from on */
        session->gap_no = no;
        session->gap_from = 0;
    }
    session->gap_ms = net->now_ms + GAP_STEP_MS;
}

/* --- attachments --- */

static struct iu_haul *haul_of(struct iu_net *net, const struct iu_city *city, uint32_t log, uint64_t index,
                               uint32_t attachment)
{
    for (size_t i = 0; i < IU_HAULS_MAX; i++) {
        struct iu_haul *haul = &net->hauls[i];
        if (haul->conn != 0 && haul->log == log && haul->index == index && haul->attachment == attachment &&
            iu_city_equal(&haul->city, city))
            return haul;
    }
    return NULL;
}

/* Asks as far ahead as is sensible: chunks are stored in order. */
static void ask_chunks(struct iu_net *net, struct iu_haul *haul)
{
    struct iu_session *session = iu_net_session(net, haul->conn);
    while (session != NULL && haul->asked < haul->chunks && haul->asked < haul->stored + HAUL_AHEAD) {
        uint64_t to =
            haul->asked + CHUNKS_AT_ONCE < haul->chunks ? haul->asked + CHUNKS_AT_ONCE : haul->chunks;
        struct iu_frame frame = {.type = IU_FRAME_WANT_CHUNKS,
                                 .want_chunks = {.city = haul->city,
                                                 .log = haul->log,
                                                 .index = haul->index,
                                                 .attachment = haul->attachment,
                                                 .from = haul->asked,
                                                 .to = to}};
        haul->asked = to;
        iu_session_send(session, IU_LANE_CONTROL, &frame);
    }
}

/* The next peer that may have it, in the order of connections; 0 when all were tried, with *busy if one of
 * them has enough to do. */
static uint64_t source_after(const struct iu_net *net, const struct iu_haul *haul, uint64_t after, bool *busy)
{
    uint64_t best = UINT64_MAX;
    size_t at = 0;
    const struct iu_session *session;
    *busy = false;
    while ((session = iu_session_next_open(net, &at)) != NULL) {
        size_t count = 0;
        if (session->conn <= after || session->conn >= best || session->stalled ||
            net->now_ms < session->still_until_ms || !iu_source_likely(session, &haul->city))
            continue;
        for (size_t i = 0; i < IU_HAULS_MAX; i++)
            count += net->hauls[i].conn == session->conn;
        if (count < HAULS_OF_ONE && net->now_ms >= session->rest_until_ms)
            best = session->conn;
        else
            *busy = true;
    }
    return best == UINT64_MAX ? 0 : best;
}

static void ask_source(struct iu_net *net, struct iu_haul *haul, uint64_t conn)
{
    struct iu_session *session = iu_net_session(net, conn);
    haul->conn = conn;
    haul->asked = haul->arrived = haul->stored;
    haul->moved_ms = session->got_ms = net->now_ms;
    haul->still = false;
    ask_chunks(net, haul);
    iu_net_wake(net, net->now_ms + IU_CLAIM_MS);
}

/* To another peer; without one, its place is free for the next in the walk. A walk that is through begins
 * again only by time or news: else peers that have nothing would be asked without end. */
static void next_source(struct iu_net *net, struct iu_haul *haul, uint64_t after)
{
    bool busy;
    uint64_t conn = source_after(net, haul, after, &busy);
    if (conn != 0) {
        ask_source(net, haul, conn);
        return;
    }
    haul->conn = 0;
    if (net->haul_at.no != 0) {
        net->haul_ms = net->now_ms;
        iu_net_wake(net, net->now_ms);
    }
}

void iu_fill_chunks(struct iu_session *session, const struct iu_chunks *chunks, size_t len)
{
    struct iu_net *net = session->net;
    struct iu_haul *haul = haul_of(net, &chunks->city, chunks->log, chunks->index, chunks->attachment);
    if (haul == NULL || haul->conn != session->conn || chunks->absent || chunks->data.len == 0 ||
        chunks->from != haul->arrived) {
        iu_window_back(session, false, len);
        if (haul == NULL || haul->conn != session->conn || (!chunks->absent && chunks->data.len > 0))
            return;
        if (++session->lacked >= LACKS_MAX) {
            session->lacked = 0;
            session->rest_until_ms = net->now_ms + HAUL_AGAIN_MS;
        }
        next_source(net, haul, session->conn);
        return;
    }
    struct iu_duty duty = {
        .what = IU_DUTY_CHUNKS, .conn = session->conn, .city = session->city, .bytes = len};
    struct iu_job *job = iu_net_job(net, IU_JOB_CHUNKS, &duty);
    job->city = chunks->city;
    job->log = chunks->log;
    job->first = chunks->index;
    job->attachment = chunks->attachment;
    job->from = chunks->from;
    job->peer_city = session->city;
    iu_buf_put_bytes(&job->a, chunks->data);
    iu_buf_put_bytes(&job->b, chunks->left);
    iu_buf_put_bytes(&job->c, chunks->right);
    net->counts.chunk_bytes_in += chunks->data.len;
    haul->arrived += (chunks->data.len + IU_CHUNK_LEN - 1) / IU_CHUNK_LEN;
    haul->moved_ms = session->got_ms = net->now_ms;
    haul->still = false;
    session->still_until_ms = session->lacked = 0;
}

/* How far an attachment is, by the store. */
static bool look_up(struct iu_net *net, struct iu_haul *haul)
{
    struct iu_attach_state attach;
    if (!iu_attach_find(iu_net_snap(net), haul->no, haul->index, haul->attachment, &attach))
        return false;
    haul->chunks = iu_chunk_count(attach.size);
    haul->stored = attach.have;
    return attach.have < haul->chunks;
}

static void chunks_stored(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    struct iu_session *session = iu_net_session(net, duty->conn);
    if (session != NULL)
        iu_window_back(session, false, duty->bytes);
    for (size_t i = 0; i < IU_HAULS_MAX; i++) {
        struct iu_haul *haul = &net->hauls[i];
        if (haul->conn == 0 || haul->conn != duty->conn || haul->log != outcome->log ||
            haul->index != outcome->first || !iu_city_equal(&haul->city, &outcome->city))
            continue;
        haul->moved_ms = net->now_ms;
        bool more = look_up(net, haul);
        if (outcome->err == IU_HERE_DENIED) { /* its quota is used up */
            haul->conn = 0;
        } else if (outcome->err != IU_OK && outcome->err != IU_PEER_STALE) {
            next_source(net, haul, haul->conn);
        } else if (more) {
            ask_chunks(net, haul);
        } else {
            struct iu_attach_state attach = {0};
            (void)iu_attach_find(iu_net_snap(net), haul->no, haul->index, haul->attachment, &attach);
            struct iu_fact *fact = iu_net_fact(net, IU_FACT_ATTACHMENT_STORED);
            fact->city = haul->city;
            fact->log = haul->log;
            fact->size = haul->index;
            fact->count = attach.size;
            haul->conn = 0;
            net->haul_ms = net->now_ms;
            iu_net_wake(net, net->now_ms);
        }
    }
    bool bad = outcome->err == IU_PEER_MISMATCH || outcome->err == IU_PEER_MALFORMED;
    if (bad && session != NULL)
        iu_session_strike(session, "chunks that do not belong to the attachment");
}

/* Whether all of an attachment fits into its city's quota, beside what is on its way. */
static bool fits(struct iu_net *net, const struct iu_log_state *log, const struct iu_attach_state *attach)
{
    const struct iu_follower *follower = iu_net_follower(net, &log->city);
    uint64_t bytes = attach->size - attach->have * IU_CHUNK_LEN;
    struct iu_quota quota;
    if (follower == NULL || (follower->quota_bytes == 0 && net->options.quota_bytes == 0))
        return true;
    for (size_t i = 0; i < IU_HAULS_MAX; i++)
        if (net->hauls[i].conn != 0 && iu_city_equal(&net->hauls[i].city, &log->city))
            bytes += (net->hauls[i].chunks - net->hauls[i].stored) * IU_CHUNK_LEN;
    iu_quota_of(iu_net_snap(net), &log->city, net->options.quota_bytes, &quota);
    return iu_quota_fits(&quota, bytes);
}

static bool beyond(const struct iu_haul_at *a, const struct iu_haul_at *b)
{
    if (a->no != b->no)
        return a->no > b->no;
    return a->index != b->index ? a->index > b->index : a->attachment > b->attachment;
}

/* The next attachment that nobody fetches goes to this haul, if somebody may have it. False at the end of all
 * of them. */
static bool begin_haul(struct iu_net *net, struct iu_haul *haul)
{
    struct iu_haul_at *at = &net->haul_at;
    struct iu_attach_state attach;
    struct iu_log_state log;
    if (!iu_attach_missing(iu_net_snap(net), &at->no, &at->index, &at->attachment, &attach))
        return false;
    bool wanted = iu_log_by_no(iu_net_snap(net), at->no, &log) && iu_net_follows(net, &log.city) &&
                  haul_of(net, &log.city, log.log, at->index, at->attachment) == NULL &&
                  fits(net, &log, &attach);
    if (wanted) {
        bool busy;
        struct iu_haul next = {.city = log.city,
                               .no = at->no,
                               .log = log.log,
                               .index = at->index,
                               .attachment = at->attachment,
                               .chunks = iu_chunk_count(attach.size),
                               .stored = attach.have};
        uint64_t conn = source_after(net, &next, 0, &busy);
        if (conn != 0) {
            *haul = next;
            ask_source(net, haul, conn);
        } else if (busy && net->haul_skipped.no == 0) {
            net->haul_skipped = *at;
        }
    }
    at->attachment++;
    return true;
}

/* The next walk goes on from what was skipped, so that each gets its turn; from the beginning when there was
 * none, or when this one did not get further. */
static void end_walk(struct iu_net *net)
{
    bool further = beyond(&net->haul_skipped, &net->haul_begin);
    net->haul_at = further ? net->haul_skipped : (struct iu_haul_at){0};
    net->haul_begin = net->haul_at;
    net->haul_skipped = (struct iu_haul_at){0};
    net->haul_ms = net->now_ms + HAUL_AGAIN_MS;
    if (!further && net->haul_news) {
        net->haul_news = false;
        net->haul_ms = net->now_ms + HAUL_STEP_MS;
    }
}

/* Nothing came for a while: another peer is asked. Without one it stays, but others may have its place. */
static void stand_still(struct iu_net *net, struct iu_haul *haul, struct iu_session *session)
{
    if (net->now_ms >= session->still_until_ms) {
        struct iu_fact *fact = iu_net_fact(net, IU_FACT_PEER_STALLED);
        fact->peer = session->city;
        fact->city = haul->city;
        fact->log = haul->log;
    }
    session->still_until_ms = net->now_ms + STILL_MS;
    haul->moved_ms = net->now_ms;
    bool busy;
    uint64_t other = source_after(net, haul, 0, &busy);
    if (other != 0) {
        ask_source(net, haul, other);
    } else if (!haul->still) {
        haul->still = true;
        net->haul_ms = net->now_ms;
    }
}

static void check_hauls(struct iu_net *net)
{
    for (size_t i = 0; i < IU_HAULS_MAX; i++) {
        struct iu_haul *haul = &net->hauls[i];
        struct iu_session *session = haul->conn != 0 ? iu_net_session(net, haul->conn) : NULL;
        if (session == NULL)
            continue;
        if (session->fetch_ms > haul->moved_ms)
            haul->moved_ms = session->fetch_ms;
        if (net->now_ms - haul->moved_ms >= IU_CLAIM_MS)
            stand_still(net, haul, session);
        iu_net_wake(net, haul->moved_ms + IU_CLAIM_MS);
    }
}

static void walk_hauls(struct iu_net *net)
{
    bool more = true;
    size_t tried = 0;
    check_hauls(net);
    if (net->now_ms < net->haul_ms) {
        iu_net_wake(net, net->haul_ms);
        return;
    }
    net->haul_ms = net->now_ms + HAUL_AGAIN_MS;
    for (size_t i = 0; i < IU_HAULS_MAX && more; i++)
        while ((net->hauls[i].conn == 0 || net->hauls[i].still) && more && tried < GAP_LOGS) {
            more = begin_haul(net, &net->hauls[i]);
            tried++;
        }
    if (!more)
        end_walk(net);
    else if (tried == GAP_LOGS)
        net->haul_ms = net->now_ms + HAUL_STEP_MS;
    iu_net_wake(net, net->haul_ms);
}

void iu_fill_news(struct iu_net *net)
{
    net->haul_news = net->haul_at.no != 0; /* what comes now may lie behind it */
    net->haul_ms = net->now_ms;
    iu_net_wake(net, net->now_ms);
}

/* --- both --- */

void iu_fill_stored(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    struct iu_session *session = iu_net_session(net, duty->conn);
    if (duty->what == IU_DUTY_CHUNKS) {
        chunks_stored(net, duty, outcome);
    } else if (outcome->err == IU_OK && outcome->count > 0) {
        struct iu_fact *fact = iu_net_fact(net, IU_FACT_BODY_STORED);
        fact->city = outcome->city;
        fact->peer = duty->city;
        fact->log = outcome->log;
        fact->count = outcome->count;
        iu_fill_news(net);
    } else if ((outcome->err == IU_PEER_MISMATCH || outcome->err == IU_PEER_MALFORMED) && session != NULL) {
        iu_session_strike(session, "bodies that are not the ones committed to");
    }
}

void iu_fill_follows_changed(struct iu_net *net)
{
    size_t at = 0;
    struct iu_session *session;
    while ((session = iu_session_next_open(net, &at)) != NULL) {
        session->gap_no = 0;
        session->gap_from = 0;
        session->gap_ms = net->now_ms;
        iu_roster_wake(session, net->now_ms);
    }
    iu_fill_news(net);
}

void iu_fill_left(struct iu_session *session)
{
    struct iu_net *net = session->net;
    session->side_count = 0;
    for (size_t i = 0; i < IU_HAULS_MAX; i++)
        if (net->hauls[i].conn == session->conn)
            next_source(net, &net->hauls[i], session->conn);
}

void iu_fill_tick(struct iu_net *net)
{
    for (size_t i = 0; i < net->looked_count; i++)
        if (net->looked[i]->stage == IU_STAGE_OPEN)
            walk_gaps(net->looked[i]);
    walk_hauls(net);
}
