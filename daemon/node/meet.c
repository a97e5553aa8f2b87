/* SPDX-License-Identifier: Apache-2.0 */
/* How connections come about: accepted from strangers, under caps, or dialled. */
#include "node/os.h"
#include "node/peer_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNFINISHED_MAX 64 /* inbound, without a session */
#define PATIENCE_MS 250   /* a silent one makes room for others after this, when there are too many */
#define RESERVED 16       /* of all sessions: for connections that this node dials */

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
        peer_close(oldest, "it was silent, and others waited");
    return oldest != NULL;
}

void peer_accept(struct node *node, uv_stream_t *listener)
{
    struct peers *peers = node->peers;
    struct sockaddr_storage name;
    int len = sizeof name;
    bool full = peers->count + (node->sessions_max > 2 * RESERVED ? RESERVED : 0) >= node->sessions_max;
    bool crowded = peers->unfinished >= UNFINISHED_MAX && !make_room(peers);
    struct peer *peer = peer_new(node, false, LOOKING);
    if (uv_accept(listener, (uv_stream_t *)&peer->tcp) != 0 || full || crowded || node->stopping) {
        peer_close(peer, "");
        return;
    }
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_tcp_keepalive(&peer->tcp, 1, 60);
    if (uv_tcp_getpeername(&peer->tcp, (struct sockaddr *)&name, &len) == 0)
        resolve_text((struct sockaddr *)&name, peer->address);
    peer_read_on(peer);
}

/* --- dialling --- */

static void try_next(struct peer *peer);

static void on_connected(uv_connect_t *request, int status);

static void on_tried(uv_handle_t *handle)
{
    struct peer *peer = handle->data;
    if (peer->state == CLOSING) {
        peer_let_go(peer);
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
        peer_close(peer, uv_strerror(status));
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
    if (peer->state != CONNECTING)
        return;
    if (status < 0) {
        failed_to_connect(peer, status);
        return;
    }
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_tcp_keepalive(&peer->tcp, 1, 60);
    peer_shake(peer);
}

static void on_connected(uv_connect_t *request, int status)
{
    connected(request->data, status);
}

static void found(void *with, const struct sockaddr_storage *list, size_t count, const char *why)
{
    struct peer *peer = with;
    if (count == 0) {
        peer_close(peer, why);
        return;
    }
    peer->tries = calloc(count, sizeof *peer->tries);
    iu_must(peer->tries != NULL);
    memcpy(peer->tries, list, count * sizeof *list);
    peer->try_count = count;
    peer_move(peer, CONNECTING);
    try_next(peer);
}

void peer_dial(struct node *node, uint64_t dial, const char *address)
{
    struct sockaddr_storage literal;
    struct peer *peer = peer_new(node, true, RESOLVING);
    peer->dial = dial;
    snprintf(peer->address, sizeof peer->address, "%s", address);
    if (node->peers->count > node->sessions_max || node->stopping)
        peer_close(peer, "too many connections here");
    else if (resolve_literal(address, &literal))
        found(peer, &literal, 1, NULL);
    else
        resolver_ask(node->resolver, address, found, peer);
}
