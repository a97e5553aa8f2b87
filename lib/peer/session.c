/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/session.h"

#include "base/text.h"
#include "peer/announce.h"
#include "peer/arrive.h"
#include "peer/audit.h"
#include "peer/chainwire.h"
#include "peer/doubt.h"
#include "peer/fetch.h"
#include "peer/fill.h"
#include "peer/hello.h"
#include "peer/join.h"
#include "peer/own.h"
#include "peer/recon.h"
#include "peer/roster.h"
#include "peer/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSPORT_MAX (256UL * 1024) /* below the lanes: what is here can no longer be overtaken */
#define DRAW_MAX (64UL * 1024)
#define DRAW_SLACK 1024 /* for the headers of fragments */
#define EARLY_MAX (64UL * 1024)
#define STRIKES_MAX 2
#define TURN_MS 5000 /* silent ones are looked at together: to wake up costs more than to ping */
#define LAST_WORDS_MAX (256UL * 1024) /* Bye, and the chain that explains it */

/* --- sending --- */

void iu_session_dirty(struct iu_session *session)
{
    struct iu_net *net = session->net;
    if (session->dirty || session->stage == IU_STAGE_OVER)
        return;
    net->dirty = iu_room(net->dirty, net->dirty_count, &net->dirty_cap, sizeof(struct iu_session *));
    net->dirty[net->dirty_count++] = session;
    session->dirty = true;
}

void iu_session_send(struct iu_session *session, enum iu_lane lane, const struct iu_frame *frame)
{
    struct iu_buf message = IU_BUF_INIT;
    if (session->stage == IU_STAGE_OVER)
        return;
    iu_frame_put(frame, &message);
    session->net->counts.frames_out++;
    if (lane == IU_LANE_LIVE || lane == IU_LANE_HISTORY) {
        int64_t *credit = lane == IU_LANE_LIVE ? &session->credit_live : &session->credit_history;
        *credit -= (int64_t)message.len;
    }
    if (iu_splitter_queued(session->splitter) == 0 && session->transport == 0)
        session->progress_ms = session->net->now_ms;
    iu_splitter_put_take(session->splitter, lane, &message);
    iu_session_dirty(session);
}

static void draw(struct iu_session *session, size_t max)
{
    struct iu_buf bytes = IU_BUF_INIT;
    if (iu_splitter_queued(session->splitter) == 0)
        return;
    size_t queued = iu_splitter_queued(session->splitter);
    iu_buf_reserve(&bytes, (queued < max ? queued : max) + DRAW_SLACK);
    iu_splitter_draw(session->splitter, max, &bytes);
    session->transport += bytes.len;
    session->greeted = session->said_hello;
    session->bytes_out += bytes.len;
    session->net->counts.bytes_out += bytes.len;
    struct iu_effect *effect = iu_effects_add(session->net->out, IU_EFFECT_SEND);
    effect->conn = session->conn;
    effect->buf = bytes;
}

void iu_session_flush(struct iu_session *session)
{
    while (session->stage != IU_STAGE_OVER && session->transport < TRANSPORT_MAX &&
           iu_splitter_queued(session->splitter) > 0)
        draw(session, DRAW_MAX);
}

void iu_session_sent(struct iu_session *session, uint64_t queued)
{
    if (queued < session->transport)
        session->progress_ms = session->net->now_ms;
    session->transport = queued;
    iu_session_dirty(session);
}

/* --- the end --- */

static const struct iu_session *another_open(const struct iu_session *session)
{
    const struct iu_session *other = NULL;
    do
        other = iu_roster_next_open_of(session->net, &session->city, other);
    while (other == session);
    return other;
}

static void tell_end(struct iu_session *session, bool by_them, const char *why)
{
    enum iu_fact_id id = IU_FACT_PEER_GONE;
    if (session->bye_code == IU_CODE_MALFORMED && !by_them)
        id = IU_FACT_PEER_MALFORMED;
    else if (session->bye_code != 0 && session->stage != IU_STAGE_OPEN)
        id = by_them ? IU_FACT_PEER_REFUSED_US : IU_FACT_PEER_REFUSED;
    else if (session->stage != IU_STAGE_OPEN && !session->outbound)
        id = IU_FACT_HANDSHAKE_FAILED;
    struct iu_fact *fact = iu_net_fact(session->net, id);
    fact->peer = session->city;
    iu_fact_say(fact, iu_bytes_str(id == IU_FACT_HANDSHAKE_FAILED ? session->address : why));
}

/* Whatever ends it: claims go elsewhere, trials end, joins fail. */
static void leave(struct iu_session *session, bool by_them, const char *why)
{
    struct iu_net *net = session->net;
    bool known = session->met || (session->outbound && iu_net_follows(net, &session->city));
    tell_end(session, by_them, why);
    if (known && another_open(session) != NULL)
        iu_gossip_down(net->gossip, &session->city, IU_CODE_DUPLICATE, why, 0, net->now_ms);
    else if (known)
        iu_gossip_down(net->gossip, &session->city, session->bye_code, why, session->retry_after_s,
                       net->now_ms);
    iu_recon_left(session);
    session->stage = IU_STAGE_OVER;
    iu_fetch_left(session);
    iu_fill_left(session);
    iu_doubt_left(session);
    iu_join_left(session, why);
    iu_own_left(session);
    iu_audit_left(session);
    iu_net_wake(net, iu_gossip_next_ms(net->gossip));
}

void iu_session_refuse(struct iu_session *session, enum iu_code code, const char *reason)
{
    if (session->stage == IU_STAGE_OVER)
        return;
    const char *words = reason != NULL ? reason : iu_code_words(code);
    struct iu_frame bye = {.type = IU_FRAME_BYE, .bye = {.code = code, .reason = iu_bytes_str(words)}};
    iu_session_send(session, IU_LANE_CONTROL, &bye);
    draw(session, LAST_WORDS_MAX); /* the first two lanes come first: Bye is in it */
    struct iu_effect *effect = iu_effects_add(session->net->out, IU_EFFECT_CLOSE);
    effect->conn = session->conn;
    iu_say(effect->why, words);
    session->bye_code = code;
    iu_say(session->bye_reason, words);
    leave(session, false, words);
}

void iu_session_strike(struct iu_session *session, const char *what)
{
    struct iu_fact *fact = iu_net_fact(session->net, IU_FACT_PEER_MALFORMED);
    fact->peer = session->city;
    iu_fact_say(fact, iu_bytes_str(what));
    if (++session->strikes >= STRIKES_MAX)
        iu_session_refuse(session, IU_CODE_MALFORMED, what);
}

void iu_session_gone(struct iu_session *session, const char *text)
{
    if (session->stage != IU_STAGE_OVER)
        leave(session, session->bye_code != 0, session->bye_code != 0 ? session->bye_reason : text);
}

void iu_session_free(struct iu_session *session)
{
    iu_joiner_fini(&session->joiner);
    iu_splitter_close(session->splitter);
    iu_buf_fini(&session->early);
    iu_buf_fini(&session->chain.notes);
    iu_buf_fini(&session->proven_notes);
    iu_buf_fini(&session->audit_kept);
    free(session->chain_asked);
    free(session->interest);
    free(session->added);
    free(session->wants);
    free(session->chunk_wants);
    free(session->sides);
    free(session);
}

/* --- the beginning --- */

void iu_session_open(struct iu_net *net, const struct iu_event *event)
{
    struct iu_session *session = calloc(1, sizeof *session);
    iu_must(session != NULL);
    session->net = net;
    session->conn = event->conn;
    session->dial = event->dial;
    session->outbound = event->outbound;
    session->key = event->key;
    memcpy(session->exporter, event->exporter, sizeof session->exporter);
    snprintf(session->address, sizeof session->address, "%s", event->address != NULL ? event->address : "");
    session->opened_ms = session->heard_ms = session->progress_ms = net->now_ms;
    session->splitter = iu_splitter_open();
    iu_joiner_init(&session->joiner, &net->pool);
    iu_roster_add(session);
    if (session->outbound && !iu_join_dialled(session))
        return;
    if (net->stopping) {
        iu_session_refuse(session, IU_CODE_GOING_DOWN, NULL);
    } else if (net->session_count > net->options.sessions_max && !session->outbound) {
        iu_session_refuse(session, IU_CODE_BUSY, "this node has as many sessions as it may have");
    } else if (session->outbound) {
        iu_hello_say(session);
        iu_recon_early(session);
    }
}

struct iu_session *iu_session_next_open(const struct iu_net *net, size_t *at)
{
    while (*at < net->session_count) {
        struct iu_session *session = net->sessions[(*at)++];
        if (session->stage == IU_STAGE_OPEN)
            return session;
    }
    return NULL;
}

static int compare_cities(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct iu_city));
}

bool iu_session_wants(const struct iu_session *session, const struct iu_city *city)
{
    return session->interest_all || iu_city_equal(&session->city, city) ||
           (session->interest_count > 0 &&
            bsearch(city, session->interest, session->interest_count, sizeof *city, compare_cities) != NULL);
}

/* --- liveness --- */

static void ping_heard(struct iu_session *session, const struct iu_ping *ping)
{
    if (ping->answer) {
        if (ping->nonce == session->ping_nonce)
            session->rtt_ms = session->net->now_ms - session->pinged_ms;
        iu_hello_alive(session, ping->nonce);
        iu_join_reached(session, ping);
    } else if (ping->dial_port != 0) {
        iu_join_dial_back(session, ping);
    } else if (session->stage == IU_STAGE_OPEN) { /* nobody else gets to queue answers */
        struct iu_frame answer = {.type = IU_FRAME_PING, .ping = {.nonce = ping->nonce, .answer = true}};
        iu_session_send(session, IU_LANE_CONTROL, &answer);
    }
}

static void clock_heard(struct iu_session *session, const struct iu_clock *clock)
{
    struct iu_net *net = session->net;
    struct iu_frame answer = {.type = IU_FRAME_CLOCK, .clock = {.answer = true, .now_ms = net->wall_ms}};
    if (session->stage != IU_STAGE_OPEN || session->version < IU_PROTOCOL_AUDIT) {
        net->counts.frames_skipped++;
    } else if (!clock->answer) {
        iu_session_send(session, IU_LANE_CONTROL, &answer);
    } else if (clock->now_ms <= INT64_MAX && net->wall_ms <= INT64_MAX) {
        session->clock_off_ms = (int64_t)clock->now_ms - (int64_t)net->wall_ms;
        session->clock_ms = net->now_ms;
    }
}

/* It is going: the carrier says when it has. */
static void bye_heard(struct iu_session *session, const struct iu_bye *bye)
{
    struct iu_buf safe = IU_BUF_INIT;
    session->bye_code = bye->code != 0 ? bye->code : IU_CODE_GOING_DOWN;
    session->retry_after_s = bye->retry_after_s;
    iu_text_show(&safe, bye->reason, IU_FACT_TEXT_MAX);
    iu_say(session->bye_reason, safe.len > 0 ? iu_buf_cstr(&safe) : iu_code_words(session->bye_code));
    iu_buf_fini(&safe);
    struct iu_effect *effect = iu_effects_add(session->net->out, IU_EFFECT_CLOSE);
    effect->conn = session->conn;
    iu_say(effect->why, session->bye_reason);
    leave(session, true, session->bye_reason);
}

void iu_session_tick(struct iu_session *session)
{
    struct iu_net *net = session->net;
    uint64_t now = net->now_ms, silent_ms = now - session->heard_ms;
    bool queued = session->transport > 0 || iu_splitter_queued(session->splitter) > 0;
    if (session->stage == IU_STAGE_OVER)
        return;
    if (session->stage == IU_STAGE_CLONE) {
        if (now >= session->clone_until_ms)
            iu_hello_older_dead(session);
    } else if (session->stage < IU_STAGE_COMMIT && now - session->opened_ms >= IU_HANDSHAKE_MS) {
        iu_session_refuse(session, IU_CODE_IDLE, "no city was made known in time");
    } else if (silent_ms >= IU_DEAD_MS) {
        iu_session_refuse(session, IU_CODE_IDLE, "nothing was heard for too long");
    } else if (queued && now - session->progress_ms >= IU_PROGRESS_MS) {
        iu_session_refuse(session, IU_CODE_SLOW, "what was sent was not taken for too long");
    } else if (session->stage == IU_STAGE_OPEN && silent_ms >= IU_PING_MS &&
               now - session->pinged_ms >= IU_PING_MS) {
        session->ping_nonce = iu_rand_u64(net->options.rand);
        struct iu_frame ping = {.type = IU_FRAME_PING, .ping = {.nonce = session->ping_nonce}};
        session->pinged_ms = now;
        iu_session_send(session, IU_LANE_CONTROL, &ping);
    }
}

/* The next turn from `ms` on. The two sides take theirs between each other's: else both would ping at once,
 * for ever. */
static uint64_t turn(const struct iu_session *session, uint64_t ms)
{
    uint64_t first = session->outbound ? 0 : TURN_MS / 2;
    return (ms - first + TURN_MS - 1) / TURN_MS * TURN_MS + first;
}

uint64_t iu_session_due_ms(const struct iu_session *session)
{
    uint64_t heard = session->heard_ms, pinged = session->pinged_ms;
    uint64_t slow_ms = session->progress_ms + IU_PROGRESS_MS;
    bool queued = session->transport > 0 || iu_splitter_queued(session->splitter) > 0;
    if (session->stage == IU_STAGE_CLONE)
        return session->clone_until_ms;
    if (session->stage < IU_STAGE_COMMIT)
        return session->opened_ms + IU_HANDSHAKE_MS;
    uint64_t ms = session->stage == IU_STAGE_OPEN ? (heard > pinged ? heard : pinged) : session->net->now_ms;
    ms = turn(session, ms + IU_PING_MS);
    if (turn(session, heard + IU_DEAD_MS) < ms)
        ms = turn(session, heard + IU_DEAD_MS);
    return queued && slow_ms < ms ? slow_ms : ms;
}

/* --- receiving --- */

/* Frames between admitted peers. False: a frame that this side may not send now. */
static bool open_frame(struct iu_session *session, const struct iu_frame *frame, enum iu_lane lane,
                       size_t len)
{
    switch (frame->type) {
    case IU_FRAME_STATE:
        iu_recon_state(session, &frame->state);
        return true;
    case IU_FRAME_INTEREST:
        return iu_announce_interest(session, &frame->interest);
    case IU_FRAME_RESUME:
        return iu_announce_resume(session, &frame->resume);
    case IU_FRAME_DELTA:
        return iu_recon_delta(session, &frame->delta);
    case IU_FRAME_HEADS:
        return iu_recon_heads(session, &frame->heads);
    case IU_FRAME_WANT:
        return iu_serve_want(session, &frame->want);
    case IU_FRAME_BATCH:
        iu_arrive_batch(session, &frame->batch, lane, len);
        return true;
    case IU_FRAME_WANT_CHUNKS:
        return iu_serve_want_chunks(session, &frame->want_chunks);
    case IU_FRAME_CHUNKS:
        iu_fill_chunks(session, &frame->chunks, len);
        return true;
    case IU_FRAME_PROVE:
        iu_doubt_prove(session, &frame->prove);
        return true;
    case IU_FRAME_AUDIT:
        return iu_audit_heard(session, &frame->audit, lane, len);
    case IU_FRAME_FAULT:
        iu_doubt_fault(session, frame->fault);
        return true;
    case IU_FRAME_CREDIT:
        return iu_serve_credit(session, &frame->credit);
    default:
        return true;
    }
}

/* What comes behind its Hello while its chain or an invite is still looked at is kept until it is admitted.
 */
static bool keep_early(struct iu_session *session, struct iu_bytes message)
{
    bool may =
        session->heard_hello || session->said_early; /* alerts of the other side may overtake its Hello */
    if (!may || session->early.len + 4 + message.len > EARLY_MAX)
        return false;
    iu_buf_put_u32(&session->early, (uint32_t)message.len);
    iu_buf_put_bytes(&session->early, message);
    return true;
}

/* An Error speaks of one thing and ends nothing. It is said once: while its sender's chain is still looked
 * at, it waits. */
static bool error_heard(struct iu_session *session, const struct iu_bye *error, struct iu_bytes message)
{
    bool ours = memcmp(session->key.b, session->net->options.node_key.b, sizeof session->key.b) == 0;
    if (error->code != IU_CODE_CLONE)
        return true;
    if (!session->proven && !ours)
        return keep_early(session, message);
    iu_own_cloned(session->net, ours ? NULL : &session->city, error->reason);
    return true;
}

static bool frame_heard(struct iu_session *session, const struct iu_frame *frame, struct iu_bytes message,
                        enum iu_lane lane)
{
    switch (frame->type) {
    case IU_FRAME_HELLO:
        return iu_hello_heard(session, &frame->hello);
    case IU_FRAME_CHAIN:
        if (!session->heard_hello && session->said_early && !frame->chain.ask)
            return keep_early(session, message);
        return iu_chainwire_heard(session, &frame->chain);
    case IU_FRAME_BYE:
        bye_heard(session, &frame->bye);
        return true;
    case IU_FRAME_ERROR:
        return error_heard(session, &frame->bye, message);
    case IU_FRAME_PING:
        ping_heard(session, &frame->ping);
        return true;
    case IU_FRAME_CLOCK:
        clock_heard(session, &frame->clock);
        return true;
    default:
        if (session->stage == IU_STAGE_OPEN)
            return open_frame(session, frame, lane, message.len);
        return keep_early(session, message);
    }
}

static void message_heard(struct iu_session *session, struct iu_bytes message, enum iu_lane lane)
{
    struct iu_net *net = session->net;
    struct iu_frame frame;
    net->counts.frames_in++;
    iu_arena_reset(&net->arena);
    enum iu_err err = iu_frame_get(message, &net->arena, &frame);
    if (err != IU_OK) {
        iu_session_refuse(session, err == IU_PEER_OVER_LIMIT ? IU_CODE_OVER_LIMIT : IU_CODE_MALFORMED,
                          "a message breaks the format");
    } else if (!frame.known) {
        net->counts.frames_skipped++;
        iu_arrive_credit(session, lane, message.len);
    } else if (!frame_heard(session, &frame, message, lane)) {
        char words[IU_FACT_TEXT_MAX + 1];
        struct iu_buf text = IU_BUF_INIT;
        const char *name = iu_frame_name(frame.type);
        iu_buf_printf(&text, "%s does not belong here", name != NULL ? name : "a frame");
        iu_say(words, iu_buf_cstr(&text));
        iu_buf_fini(&text);
        iu_session_refuse(session, IU_CODE_MALFORMED, words);
    }
}

static bool heavier(const struct iu_session *a, const struct iu_session *b)
{
    bool stranger = a->stage != IU_STAGE_OPEN;
    if (stranger != (b->stage != IU_STAGE_OPEN))
        return stranger;
    return iu_joiner_held(&a->joiner) > iu_joiner_held(&b->joiner);
}

/* Memory for messages that are not whole is short: who holds the most of it has to go, strangers first. */
static bool make_room(struct iu_net *net)
{
    struct iu_session *most = NULL;
    for (size_t i = 0; i < net->session_count; i++) {
        struct iu_session *session = net->sessions[i];
        if (session->stage != IU_STAGE_OVER && iu_joiner_held(&session->joiner) > 0 &&
            (most == NULL || heavier(session, most)))
            most = session;
    }
    if (most == NULL)
        return false;
    iu_joiner_fini(&most->joiner);
    iu_session_refuse(most, IU_CODE_BUSY,
                      "memory for unfinished messages is short, and this session held the most of it");
    return true;
}

void iu_session_received(struct iu_session *session, struct iu_bytes bytes)
{
    struct iu_net *net = session->net;
    struct iu_bytes message;
    enum iu_lane lane;
    session->heard_ms = net->now_ms;
    session->bytes_in += bytes.len;
    net->counts.bytes_in += bytes.len;
    while (net->pool.used + bytes.len > net->pool.cap && make_room(net))
        ;
    while (session->stage != IU_STAGE_OVER) {
        enum iu_err err = iu_joiner_take(&session->joiner, &bytes, &message, &lane);
        if (err != IU_OK)
            iu_session_refuse(session, err == IU_PEER_OVER_LIMIT ? IU_CODE_OVER_LIMIT : IU_CODE_MALFORMED,
                              "a message is larger than it may be, or its fragments are damaged");
        else if (message.data == NULL)
            break;
        else
            message_heard(session, message, lane);
    }
    iu_arrive_moved(session);
}

void iu_session_read_early(struct iu_session *session)
{
    struct iu_buf early = session->early;
    struct iu_reader reader = iu_reader_of(iu_buf_view(&early));
    session->early = IU_BUF_INIT;
    while (reader.rest.len > 0 && session->stage == IU_STAGE_OPEN) {
        struct iu_bytes message = iu_read_bytes(&reader, iu_read_u32(&reader));
        if (message.len > 0)
            message_heard(session, message, IU_LANE_CONTROL);
    }
    iu_buf_fini(&early);
}
