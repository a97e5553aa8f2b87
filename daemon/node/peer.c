/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   dial:    RESOLVING ─► CONNECTING ─┐
 *   accept:               LOOKING ────┴─► SHAKING ─► UP ─► ENDING ─► CLOSING
 * All but UP have a deadline. LOOKING waits for a ClientHello: nothing is made for a stranger before.
 */
#include "node/peer.h"

#include "node/os.h"
#include "node/peer_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END_MS 1000
/* And so long for last words behind bytes that were not taken, to one that is quiet. */
#define END_SLOW_MS 4000
/* Above what it is given credit for: a peer that keeps to that is never stopped, so that what is urgent is
 * read behind history that waits for the writer. */
#define JOBS_MAX (IU_WINDOW_MAX + 2ULL * 1024 * 1024)
#define JOBS_AGAIN (4ULL * 1024 * 1024)

struct write {
    uv_write_t request;
    struct peer *peer;
    struct iu_buf bytes;
};

struct peers *peers_open(struct node *node)
{
    uint8_t seed[16];
    struct peers *peers = calloc(1, sizeof *peers);
    iu_must(peers != NULL);
    iu_rand_fill(&node->rand, seed, sizeof seed);
    peers->by_conn = iu_map_open(sizeof(uint64_t), sizeof(struct peer *), seed);
    strangers_open(&peers->strangers, seed);
    return peers;
}

void peers_close(struct peers *peers)
{
    if (!peers)
        return;
    iu_must(peers->count == 0);
    iu_map_close(peers->by_conn);
    strangers_close(&peers->strangers);
    iu_buf_fini(&peers->plain);
    iu_buf_fini(&peers->net);
    free(peers->dirty);
    free(peers);
}

size_t peers_count(const struct node *node)
{
    return node->peers->count;
}

size_t peers_unfinished(const struct node *node)
{
    return node->peers->strangers.silent + node->peers->strangers.unfinished;
}

uint64_t peers_refused(const struct node *node)
{
    return node->peers->strangers.refused;
}

static struct peer *peer_of(const struct node *node, uint64_t conn)
{
    struct peer **at = iu_map_get(node->peers->by_conn, &conn);
    return at && (*at)->state != CLOSING ? *at : NULL;
}

void peer_move(struct peer *peer, enum state state)
{
    if (state != SHAKING)
        strangers_leave(peer);
    peer->state = state;
}

/* --- closing --- */

static void tell_probe(struct peer *peer, const struct iu_public *key)
{
    peer_probed probed = peer->probed;
    enum probe what = key           ? PROBE_NODE
                      : peer->tls   ? PROBE_OTHER
                      : peer->tries ? PROBE_UNREACHED
                                    : PROBE_NAME_UNKNOWN;
    peer->probed = NULL;
    if (probed)
        probed(peer->node, peer->dial, what, key, peer->why);
}

static void tell_end(struct peer *peer)
{
    struct iu_event event = {.kind = IU_EVENT_CLOSED, .conn = peer->conn, .text = peer->why};
    if (peer->probe) {
        tell_probe(peer, NULL);
    } else if (peer->told) {
        node_pump(peer->node, &event);
    } else if (peer->outbound) {
        event = (struct iu_event){.kind = IU_EVENT_DIAL_FAILED, .dial = peer->dial, .text = peer->why};
        node_pump(peer->node, &event);
    } else if (peer->why[0]) {
        node_say(peer->node, IU_FACT_HANDSHAKE_FAILED, IU_OK, peer->address);
    }
}

/* The last close callback frees: a peer is its handles. */
void peer_let_go(struct peer *peer)
{
    struct peers *peers = peer->node->peers;
    if (--peer->handles > 0)
        return;
    iu_map_drop(peers->by_conn, &peer->conn);
    *peer->link = peer->next;
    if (peer->next)
        peer->next->link = peer->link;
    peers->count--;
    for (size_t i = 0; i < peers->dirty_count; i++)
        if (peers->dirty[i] == peer)
            peers->dirty[i] = NULL;
    tell_end(peer);
    tls_close(peer->tls);
    iu_buf_fini(&peer->first);
    iu_buf_fini(&peer->out);
    free(peer->tries);
    free(peer);
}

static void on_closed(uv_handle_t *handle)
{
    peer_let_go(handle->data);
}

void peer_close(struct peer *peer, const char *why)
{
    if (peer->state == CLOSING)
        return;
    if (peer->state == RESOLVING)
        resolver_forget(peer->node->resolver, peer);
    if (!peer->why[0])
        snprintf(peer->why, sizeof peer->why, "%s", why);
    peer_move(peer, CLOSING);
    if (!uv_is_closing((uv_handle_t *)&peer->tcp)) /* else between two tries */
        uv_close((uv_handle_t *)&peer->tcp, on_closed);
    uv_close((uv_handle_t *)&peer->timer, on_closed);
}

static void on_deadline(uv_timer_t *timer)
{
    struct peer *peer = timer->data;
    if (peer->state == ENDING && peer->writing && peer->quiet) {
        peer->quiet = false;
        uv_timer_start(&peer->timer, on_deadline, END_SLOW_MS, 0);
        return;
    }
    peer_close(peer, peer->state == SHAKING || peer->state == LOOKING ? "no TLS handshake in time"
                                                                      : "no answer in time");
}

struct peer *peer_new(struct node *node, bool outbound, enum state state)
{
    struct peers *peers = node->peers;
    struct peer *peer = calloc(1, sizeof *peer);
    iu_must(peer != NULL);
    peer->node = node;
    peer->outbound = outbound;
    peer->state = state;
    peer->conn = ++peers->conns;
    peer->handles = 2;
    uv_tcp_init(&node->loop, &peer->tcp);
    uv_timer_init(&node->loop, &peer->timer);
    peer->tcp.data = peer->timer.data = peer->connecting.data = peer->shutting.data = peer;
    uv_update_time(&node->loop);
    uv_timer_start(&peer->timer, on_deadline, IU_HANDSHAKE_MS, 0);
    peer->next = peers->first;
    peer->link = &peers->first;
    if (peers->first)
        peers->first->link = &peer->next;
    peers->first = peer;
    peers->count++;
    *(struct peer **)iu_map_put(peers->by_conn, &peer->conn, NULL) = peer;
    return peer;
}

/* --- writing --- */

static void mark_dirty(struct peer *peer)
{
    struct peers *peers = peer->node->peers;
    if (peer->dirty)
        return;
    peer->dirty = true;
    if (peers->dirty_count == peers->dirty_cap) {
        peers->dirty_cap = peers->dirty_cap ? 2 * peers->dirty_cap : 16;
        peers->dirty = realloc(peers->dirty, peers->dirty_cap * sizeof *peers->dirty);
        iu_must(peers->dirty != NULL);
    }
    peers->dirty[peers->dirty_count++] = peer;
}

static void on_shut(uv_shutdown_t *request, int status)
{
    (void)request;
    (void)status; /* the other side's end, or the deadline, closes */
}

/* The last bytes have left: the other side reads them before it sees our end. */
static void end_if_sent(struct peer *peer)
{
    if (peer->state != ENDING || peer->writing || peer->shut)
        return;
    peer->shut = true;
    if (uv_shutdown(&peer->shutting, (uv_stream_t *)&peer->tcp, on_shut) != 0)
        peer_close(peer, "");
}

static void sent(struct peer *peer, size_t len, int status)
{
    peer->writing -= len;
    if (peer->state == CLOSING)
        return;
    if (status < 0) {
        peer_close(peer, uv_strerror(status));
        return;
    }
    end_if_sent(peer);
    if (peer->state == UP) {
        struct iu_event event = {
            .kind = IU_EVENT_SENT, .conn = peer->conn, .queued = peer->writing + peer->out.len};
        node_pump(peer->node, &event);
    }
}

static void on_written(uv_write_t *request, int status)
{
    struct write *write = request->data;
    sent(write->peer, write->bytes.len, status);
    iu_buf_fini(&write->bytes);
    free(write);
}

/* Takes the bytes. */
static void write_take(struct peer *peer, struct iu_buf *bytes)
{
    struct write *write = calloc(1, sizeof *write);
    iu_must(write != NULL);
    *write = (struct write){.peer = peer, .bytes = *bytes};
    *bytes = IU_BUF_INIT;
    write->request.data = write;
    peer->writing += write->bytes.len;
    uv_buf_t out = uv_buf_init((char *)write->bytes.data, (unsigned)write->bytes.len);
    int status = uv_write(&write->request, (uv_stream_t *)&peer->tcp, &out, 1, on_written);
    iu_must(status != UV_ENOMEM);
    if (status == 0)
        return;
    peer->writing -= write->bytes.len;
    iu_buf_fini(&write->bytes);
    free(write);
    peer_close(peer, uv_strerror(status));
}

static void write_scratch(struct peer *peer, struct iu_buf *scratch)
{
    struct iu_buf copy = IU_BUF_INIT;
    if (scratch->len && peer->state != CLOSING) {
        iu_buf_put_bytes(&copy, iu_buf_view(scratch));
        write_take(peer, &copy);
    }
    iu_buf_clear(scratch);
}

static void flush(struct peer *peer)
{
    struct iu_buf net = IU_BUF_INIT;
    peer->dirty = false;
    if (peer->state != UP && peer->state != ENDING)
        return;
    iu_buf_reserve(&net, peer->out.len + peer->out.len / 512 + 64);
    bool good = tls_send(peer->tls, iu_buf_view(&peer->out), &net);
    iu_buf_fini(&peer->out);
    if (good && peer->state == ENDING)
        tls_end(peer->tls, &net);
    if (net.len)
        write_take(peer, &net);
    iu_buf_fini(&net);
    if (!good)
        peer_close(peer, tls_why(peer->tls));
    end_if_sent(peer);
}

void peers_flush(struct node *node)
{
    struct peers *peers = node->peers;
    for (size_t i = 0; i < peers->dirty_count; i++)
        if (peers->dirty[i])
            flush(peers->dirty[i]);
    peers->dirty_count = 0;
}

void peer_send_take(struct node *node, uint64_t conn, struct iu_buf *plain)
{
    struct peer *peer = peer_of(node, conn);
    if (peer && peer->state == UP) {
        if (peer->out.len) {
            iu_buf_put_bytes(&peer->out, iu_buf_view(plain));
        } else {
            iu_buf_fini(&peer->out);
            peer->out = *plain;
            *plain = IU_BUF_INIT;
        }
        mark_dirty(peer);
    }
    iu_buf_fini(plain);
}

void peer_end(struct node *node, uint64_t conn, const char *why)
{
    struct peer *peer = peer_of(node, conn);
    if (!peer || peer->state != UP)
        return;
    snprintf(peer->why, sizeof peer->why, "%s", why);
    peer_move(peer, ENDING);
    peer->quiet = true;
    uv_timer_start(&peer->timer, on_deadline, END_MS, 0);
    mark_dirty(peer);
}

/* --- reading --- */

static void came_up(struct peer *peer)
{
    struct iu_event event = {.kind = IU_EVENT_CONNECTED,
                             .conn = peer->conn,
                             .dial = peer->dial,
                             .outbound = peer->outbound,
                             .key = *tls_peer(peer->tls),
                             .address = peer->address};
    if (peer->probe) {
        tell_probe(peer, &event.key);
        peer_close(peer, "looked at");
        return;
    }
    tls_exporter(peer->tls, event.exporter);
    peer_move(peer, UP);
    uv_timer_stop(&peer->timer);
    peer->told = true;
    node_pump(peer->node, &event);
}

/* TLS bytes came, of whatever state. */
static void feed(struct peer *peer, struct iu_bytes bytes)
{
    struct peers *peers = peer->node->peers;
    iu_buf_clear(&peers->plain);
    bool good = tls_feed(peer->tls, bytes, os_steady_ms(), &peers->plain, &peers->net);
    write_scratch(peer, &peers->net);
    if (tls_abused(peer->tls))
        node_say(peer->node, IU_FACT_TLS_ABUSE, IU_OK, peer->address);
    if (peer->state == SHAKING && tls_up(peer->tls))
        came_up(peer);
    if (peer->state == UP && peers->plain.len) {
        struct iu_event event = {
            .kind = IU_EVENT_RECEIVED, .conn = peer->conn, .bytes = iu_buf_view(&peers->plain)};
        node_pump(peer->node, &event);
    }
    if (!good)
        peer_close(peer, *tls_why(peer->tls) ? tls_why(peer->tls) : "the other side ended it");
}

static void look(struct peer *peer, struct iu_bytes bytes)
{
    iu_buf_put_bytes(&peer->first, bytes);
    enum tls_look seen = tls_look(iu_buf_view(&peer->first));
    if (seen == TLS_LOOK_MORE && peer->first.len <= TLS_HELLO_MAX + 5)
        return;
    if (seen == TLS_LOOK_OLD) {
        struct iu_buf alert = IU_BUF_INIT;
        iu_buf_put_bytes(&alert, tls_alert_old());
        snprintf(peer->why, sizeof peer->why, "it speaks an older TLS than 1.3");
        peer_move(peer, ENDING);
        uv_timer_start(&peer->timer, on_deadline, END_MS, 0);
        write_take(peer, &alert);
        return;
    }
    if (seen != TLS_LOOK_HELLO) {
        peer_close(peer, "it does not speak TLS");
        return;
    }
    if (!strangers_shake(peer)) {
        peer_close(peer, "");
        return;
    }
    struct iu_buf first = peer->first;
    peer->first = IU_BUF_INIT;
    peer_move(peer, SHAKING);
    peer->tls = tls_open(peer->node->side, false);
    feed(peer, iu_buf_view(&first));
    iu_buf_fini(&first);
}

static void received(struct peer *peer, ssize_t len, const char *data)
{
    if (len == 0 || peer->state == CLOSING)
        return;
    if (len < 0)
        peer_close(peer, len == UV_EOF ? "the other side ended it" : uv_strerror((int)len));
    else if (peer->state == LOOKING)
        look(peer, iu_bytes_of(data, (size_t)len));
    else if (peer->state == ENDING)
        peer->quiet = false;
    else if (peer->state == SHAKING || peer->state == UP)
        feed(peer, iu_bytes_of(data, (size_t)len));
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct peer *peer = handle->data;
    (void)suggested;
    *out = uv_buf_init(peer->node->peers->read, PEER_READ_MAX);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    received(stream->data, len, buf->base);
}

void peer_read_on(struct peer *peer)
{
    if (peer->reading || peer->state == CLOSING)
        return;
    peer->reading = uv_read_start((uv_stream_t *)&peer->tcp, on_room, on_read) == 0;
    if (!peer->reading)
        peer_close(peer, "the connection was cut");
}

void peer_shake(struct peer *peer)
{
    struct peers *peers = peer->node->peers;
    peer_move(peer, SHAKING);
    peer->tls = tls_open(peer->node->side, true);
    bool good = tls_begin(peer->tls, &peers->net);
    write_scratch(peer, &peers->net);
    if (good)
        peer_read_on(peer);
    else
        peer_close(peer, tls_why(peer->tls));
}

void peer_jobs_more(struct node *node, uint64_t conn, uint64_t bytes)
{
    struct peer *peer = peer_of(node, conn);
    if (!peer)
        return;
    peer->jobs_len += bytes;
    if (peer->jobs_len > JOBS_MAX && peer->reading) {
        uv_read_stop((uv_stream_t *)&peer->tcp);
        peer->reading = false;
    }
}

void peer_jobs_less(struct node *node, uint64_t conn, uint64_t bytes)
{
    struct peer *peer = peer_of(node, conn);
    if (!peer)
        return;
    peer->jobs_len -= bytes < peer->jobs_len ? bytes : peer->jobs_len;
    if (peer->jobs_len < JOBS_AGAIN)
        peer_read_on(peer);
}

/* --- the end of all --- */

void peers_stop(struct node *node)
{
    for (struct peer *peer = node->peers->first; peer; peer = peer->next)
        if (peer->state != UP && peer->state != ENDING)
            peer_close(peer, "this node is stopping");
}

void peers_drop(struct node *node)
{
    for (struct peer *peer = node->peers->first; peer; peer = peer->next)
        peer_close(peer, "this node is stopping");
}
