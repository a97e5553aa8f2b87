/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   dial:    RESOLVING ─► CONNECTING ─┐
 *   accept:               LOOKING ────┴─► SHAKING ─► UP ─► ENDING ─► CLOSING
 * All but UP have a deadline. LOOKING waits for a ClientHello: nothing is made for a stranger before.
 */
#include "node/peer.h"

#include "base/set.h"
#include "node/node.h"
#include "node/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_MAX 65536
#define UNFINISHED_MAX 64 /* inbound, without a session */
#define PATIENCE_MS 250   /* a silent one makes room for others after this, when there are too many */
#define RESERVED 16       /* of all sessions: for connections that this node dials */
#define END_MS 1000
#define JOBS_MAX (8ULL * 1024 * 1024)
#define JOBS_AGAIN (4ULL * 1024 * 1024)

enum state { RESOLVING, CONNECTING, LOOKING, SHAKING, UP, ENDING, CLOSING };

struct peer {
    struct node *node;
    struct peer *next, **link;
    uint64_t conn, dial;
    enum state state;
    bool outbound, told, dirty, reading, shut;
    int handles;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connecting;
    uv_shutdown_t shutting;
    struct tls *tls;
    struct iu_buf first; /* LOOKING: what came so far */
    struct iu_buf out;   /* plain, for the next flush */
    size_t writing;      /* bytes whose write has not been reported yet */
    uint64_t jobs_len, opened_ms;
    struct sockaddr_storage *tries; /* addresses of the name, and how many are left */
    size_t try_count, try_next;
    char address[IU_ADDRESS_MAX + 1], why[200];
};

struct peers {
    struct peer *first;
    struct iu_map *by_conn; /* conn -> struct peer * */
    size_t count, unfinished;
    uint64_t conns; /* last number given */
    struct peer **dirty;
    size_t dirty_count, dirty_cap;
    struct iu_buf plain, net;
    char read[READ_MAX];
};

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
    return peers;
}

void peers_close(struct peers *peers)
{
    if (!peers)
        return;
    iu_must(peers->count == 0);
    iu_map_close(peers->by_conn);
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
    return node->peers->unfinished;
}

static struct peer *peer_of(const struct node *node, uint64_t conn)
{
    struct peer **at = iu_map_get(node->peers->by_conn, &conn);
    return at && (*at)->state != CLOSING ? *at : NULL;
}

static bool unfinished(const struct peer *peer)
{
    return !peer->outbound && (peer->state == LOOKING || peer->state == SHAKING);
}

static void move_to(struct peer *peer, enum state state)
{
    struct peers *peers = peer->node->peers;
    peers->unfinished -= unfinished(peer);
    peer->state = state;
    peers->unfinished += unfinished(peer);
}

/* --- closing --- */

static void tell_end(struct peer *peer)
{
    struct iu_event event = {.kind = IU_EVENT_CLOSED, .conn = peer->conn, .text = peer->why};
    if (peer->told) {
        node_pump(peer->node, &event);
    } else if (peer->outbound) {
        event = (struct iu_event){.kind = IU_EVENT_DIAL_FAILED, .dial = peer->dial, .text = peer->why};
        node_pump(peer->node, &event);
    } else if (peer->why[0]) {
        node_say(peer->node, IU_FACT_HANDSHAKE_FAILED, IU_OK, peer->address);
    }
}

/* The last close callback frees: a peer is its handles. */
static void let_go(struct peer *peer)
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
    let_go(handle->data);
}

static void close_now(struct peer *peer, const char *why)
{
    if (peer->state == CLOSING)
        return;
    if (peer->state == RESOLVING)
        resolver_forget(peer->node->resolver, peer);
    if (!peer->why[0])
        snprintf(peer->why, sizeof peer->why, "%s", why);
    move_to(peer, CLOSING);
    if (!uv_is_closing((uv_handle_t *)&peer->tcp)) /* else between two tries */
        uv_close((uv_handle_t *)&peer->tcp, on_closed);
    uv_close((uv_handle_t *)&peer->timer, on_closed);
}

static void on_deadline(uv_timer_t *timer)
{
    struct peer *peer = timer->data;
    close_now(peer, peer->state == SHAKING || peer->state == LOOKING ? "no TLS handshake in time"
                                                                     : "no answer in time");
}

static struct peer *peer_new(struct node *node, bool outbound, enum state state)
{
    struct peers *peers = node->peers;
    struct peer *peer = calloc(1, sizeof *peer);
    iu_must(peer != NULL);
    peer->node = node;
    peer->outbound = outbound;
    peer->state = state;
    peer->conn = ++peers->conns;
    peer->opened_ms = os_steady_ms();
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
    peers->unfinished += unfinished(peer);
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
        close_now(peer, "");
}

static void sent(struct peer *peer, size_t len, int status)
{
    peer->writing -= len;
    if (peer->state == CLOSING)
        return;
    if (status < 0) {
        close_now(peer, uv_strerror(status));
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
    close_now(peer, uv_strerror(status));
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
        close_now(peer, tls_why(peer->tls));
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

void peer_send(struct node *node, uint64_t conn, struct iu_bytes plain)
{
    struct peer *peer = peer_of(node, conn);
    if (!peer || peer->state != UP)
        return;
    iu_buf_put_bytes(&peer->out, plain);
    mark_dirty(peer);
}

void peer_end(struct node *node, uint64_t conn, const char *why)
{
    struct peer *peer = peer_of(node, conn);
    if (!peer || peer->state != UP)
        return;
    snprintf(peer->why, sizeof peer->why, "%s", why);
    move_to(peer, ENDING);
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
    tls_exporter(peer->tls, event.exporter);
    move_to(peer, UP);
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
        close_now(peer, *tls_why(peer->tls) ? tls_why(peer->tls) : "the other side ended it");
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
        move_to(peer, ENDING);
        uv_timer_start(&peer->timer, on_deadline, END_MS, 0);
        write_take(peer, &alert);
        return;
    }
    if (seen != TLS_LOOK_HELLO) {
        close_now(peer, "it does not speak TLS");
        return;
    }
    struct iu_buf first = peer->first;
    peer->first = IU_BUF_INIT;
    move_to(peer, SHAKING);
    peer->tls = tls_open(peer->node->side, false);
    feed(peer, iu_buf_view(&first));
    iu_buf_fini(&first);
}

static void received(struct peer *peer, ssize_t len, const char *data)
{
    if (len == 0 || peer->state == CLOSING)
        return;
    if (len < 0)
        close_now(peer, len == UV_EOF ? "the other side ended it" : uv_strerror((int)len));
    else if (peer->state == LOOKING)
        look(peer, iu_bytes_of(data, (size_t)len));
    else if (peer->state == SHAKING || peer->state == UP)
        feed(peer, iu_bytes_of(data, (size_t)len));
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct peer *peer = handle->data;
    (void)suggested;
    *out = uv_buf_init(peer->node->peers->read, READ_MAX);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    received(stream->data, len, buf->base);
}

static void read_on(struct peer *peer)
{
    if (peer->reading || peer->state == CLOSING)
        return;
    peer->reading = uv_read_start((uv_stream_t *)&peer->tcp, on_room, on_read) == 0;
    if (!peer->reading)
        close_now(peer, "the connection was cut");
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
        read_on(peer);
}

/* --- accepting --- */

/* Whoever has been silent longest makes room: a crowd of silent strangers does not keep others out. */
static bool make_room(struct peers *peers)
{
    struct peer *oldest = NULL;
    uint64_t now = os_steady_ms();
    for (struct peer *peer = peers->first; peer; peer = peer->next)
        if (peer->state == LOOKING && now - peer->opened_ms >= PATIENCE_MS)
            oldest = peer; /* the list's newest stands first */
    if (oldest)
        close_now(oldest, "it was silent, and others waited");
    return oldest != NULL;
}

void peer_accept(struct node *node, uv_stream_t *listener)
{
    struct peers *peers = node->peers;
    struct sockaddr_storage name;
    int len = sizeof name;
    bool full = peers->count + RESERVED >= node->sessions_max && node->sessions_max > 2 * RESERVED;
    bool crowded = peers->unfinished >= UNFINISHED_MAX && !make_room(peers);
    struct peer *peer = peer_new(node, false, LOOKING);
    if (uv_accept(listener, (uv_stream_t *)&peer->tcp) != 0 || full || crowded || node->stopping) {
        close_now(peer, "");
        return;
    }
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_tcp_keepalive(&peer->tcp, 1, 60);
    if (uv_tcp_getpeername(&peer->tcp, (struct sockaddr *)&name, &len) == 0)
        resolve_text((struct sockaddr *)&name, peer->address);
    read_on(peer);
}

/* --- dialling --- */

static void try_next(struct peer *peer);

static void on_connected(uv_connect_t *request, int status);

static void on_tried(uv_handle_t *handle)
{
    struct peer *peer = handle->data;
    if (peer->state == CLOSING) {
        let_go(peer);
        return;
    }
    uv_tcp_init(&peer->node->loop, &peer->tcp);
    peer->tcp.data = peer;
    try_next(peer);
}

static void failed_to_connect(struct peer *peer, int status)
{
    if (peer->try_next < peer->try_count)
        uv_close((uv_handle_t *)&peer->tcp, on_tried);
    else
        close_now(peer, uv_strerror(status));
}

static void try_next(struct peer *peer)
{
    const struct sockaddr_storage *at = &peer->tries[peer->try_next++];
    int status = uv_tcp_connect(&peer->connecting, &peer->tcp, (const struct sockaddr *)at, on_connected);
    if (status != 0)
        failed_to_connect(peer, status);
}

static void connected(struct peer *peer, int status)
{
    struct peers *peers = peer->node->peers;
    if (peer->state != CONNECTING)
        return;
    if (status < 0) {
        failed_to_connect(peer, status);
        return;
    }
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_tcp_keepalive(&peer->tcp, 1, 60);
    move_to(peer, SHAKING);
    peer->tls = tls_open(peer->node->side, true);
    bool good = tls_begin(peer->tls, &peers->net);
    write_scratch(peer, &peers->net);
    if (good)
        read_on(peer);
    else
        close_now(peer, tls_why(peer->tls));
}

static void on_connected(uv_connect_t *request, int status)
{
    connected(request->data, status);
}

static void found(void *with, const struct sockaddr_storage *list, size_t count, const char *why)
{
    struct peer *peer = with;
    if (count == 0) {
        close_now(peer, why);
        return;
    }
    peer->tries = calloc(count, sizeof *peer->tries);
    iu_must(peer->tries != NULL);
    memcpy(peer->tries, list, count * sizeof *list);
    peer->try_count = count;
    move_to(peer, CONNECTING);
    try_next(peer);
}

void peer_dial(struct node *node, uint64_t dial, const char *address)
{
    struct sockaddr_storage literal;
    struct peer *peer = peer_new(node, true, RESOLVING);
    peer->dial = dial;
    snprintf(peer->address, sizeof peer->address, "%s", address);
    if (node->peers->count > node->sessions_max || node->stopping)
        close_now(peer, "too many connections here");
    else if (resolve_literal(address, &literal))
        found(peer, &literal, 1, NULL);
    else
        resolver_ask(node->resolver, address, found, peer);
}

/* --- the end of all --- */

void peers_stop(struct node *node)
{
    for (struct peer *peer = node->peers->first; peer; peer = peer->next)
        if (peer->state != UP && peer->state != ENDING)
            close_now(peer, "this node is stopping");
}

void peers_drop(struct node *node)
{
    for (struct peer *peer = node->peers->first; peer; peer = peer->next)
        close_now(peer, "this node is stopping");
}
