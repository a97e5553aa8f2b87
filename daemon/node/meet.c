/* SPDX-License-Identifier: Apache-2.0 */
/* How connections come about: accepted from strangers, under caps, or dialled. */
#include "node/os.h"
#include "node/peer_inner.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel keeps no more unsent bytes than this: alerts overtake what waits behind the lanes only, and a
 * slow link is seen to move. */
#define UNSENT_MAX (128 * 1024)

static void tune(struct peer *peer)
{
    uv_os_fd_t fd;
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_tcp_keepalive(&peer->tcp, 1, 60);
    if (uv_fileno((const uv_handle_t *)&peer->tcp, &fd) == 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int){UNSENT_MAX}, sizeof(int));
}

/* --- accepting --- */

static void know(struct peer *peer)
{
    struct sockaddr_storage name;
    int len = sizeof name;
    if (uv_tcp_getpeername(&peer->tcp, (struct sockaddr *)&name, &len) != 0)
        return;
    resolve_text((struct sockaddr *)&name, peer->address);
    if (name.ss_family == AF_INET)
        iu_prefix_of(iu_bytes_of(&((struct sockaddr_in *)&name)->sin_addr, 4), &peer->prefix);
    else if (name.ss_family == AF_INET6)
        iu_prefix_of(iu_bytes_of(&((struct sockaddr_in6 *)&name)->sin6_addr, 16), &peer->prefix);
}

void peer_accept(struct node *node, uv_stream_t *listener)
{
    struct peer *peer = peer_new(node, false, LOOKING);
    bool here = uv_accept(listener, (uv_stream_t *)&peer->tcp) == 0 && !node->stopping;
    if (here)
        know(peer);
    if (!here || !strangers_enter(peer)) {
        peer_close(peer, "");
        return;
    }
    tune(peer);
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
    tune(peer);
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

static void dial_out(struct peer *peer, const char *address)
{
    struct node *node = peer->node;
    struct sockaddr_storage literal;
    snprintf(peer->address, sizeof peer->address, "%s", address);
    if (node->peers->count > node->connections_max || node->stopping)
        peer_close(peer, "too many connections here");
    else if (resolve_literal(address, &literal))
        found(peer, &literal, 1, NULL);
    else
        resolver_ask(node->resolver, address, found, peer);
}

void peer_dial(struct node *node, uint64_t dial, const char *address)
{
    struct peer *peer = peer_new(node, true, RESOLVING);
    peer->dial = dial;
    dial_out(peer, address);
}

void peer_probe(struct node *node, uint64_t number, const char *address, peer_probed probed)
{
    struct peer *peer = peer_new(node, true, RESOLVING);
    peer->dial = number;
    peer->probe = true;
    peer->probed = probed;
    dial_out(peer, address);
}
