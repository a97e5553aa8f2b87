/* SPDX-License-Identifier: Apache-2.0 */
#include "node/listen.h"

#include "node/node.h"
#include "node/peer.h"

#include <stdlib.h>

#define BACKLOG 512  /* a connection that finds it full waits for a second */
#define LISTEN_MAX 8 /* as config.c bounds `listen` */
#define TURN_MAX                                                                                             \
    8 /* connections taken in one turn of the loop: a crowd that comes at once waits, not a publish */

struct listeners {
    struct node *node;
    size_t handles, tcp_count;
    uv_tcp_t tcp[LISTEN_MAX];
    bool waits[LISTEN_MAX]; /* a connection, until the next turn; meanwhile libuv asks for no other */
    unsigned taken;         /* in this turn */
    uv_idle_t turn;
};

static void on_turn(uv_idle_t *idle)
{
    struct listeners *listeners = idle->data;
    listeners->taken = 0;
    for (size_t i = 0; i < listeners->tcp_count; i++)
        if (listeners->waits[i]) {
            listeners->waits[i] = false;
            listeners->taken++;
            peer_accept(listeners->node, (uv_stream_t *)&listeners->tcp[i]);
        }
    if (listeners->taken == 0)
        uv_idle_stop(idle);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct listeners *listeners = listener->data;
    if (status != 0)
        return;
    if (listeners->taken == 0)
        uv_idle_start(&listeners->turn, on_turn);
    if (listeners->taken < TURN_MAX) {
        listeners->taken++;
        peer_accept(listeners->node, listener);
    } else {
        listeners->waits[(uv_tcp_t *)listener - listeners->tcp] = true;
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct listeners *listeners = handle->data;
    if (--listeners->handles == 0)
        free(listeners);
}

static int open_one(struct listeners *listeners, const char *address)
{
    struct sockaddr_storage at;
    uv_tcp_t *tcp = &listeners->tcp[listeners->tcp_count];
    if (!resolve_now(&listeners->node->loop, address, &at))
        return UV_EADDRNOTAVAIL;
    uv_tcp_init(&listeners->node->loop, tcp);
    tcp->data = listeners;
    listeners->tcp_count++;
    listeners->handles++;
    int status = uv_tcp_bind(tcp, (const struct sockaddr *)&at, 0);
    return status ? status : uv_listen((uv_stream_t *)tcp, BACKLOG, on_connection);
}

struct listeners *listen_open(struct node *node, struct iu_buf *why)
{
    struct listeners *listeners = calloc(1, sizeof *listeners);
    iu_must(listeners != NULL);
    listeners->node = node;
    listeners->handles = 1;
    uv_idle_init(&node->loop, &listeners->turn);
    listeners->turn.data = listeners;
    for (size_t i = 0; i < node->config.listen.count; i++) {
        const char *address = node->config.listen.items[i];
        int status = open_one(listeners, address);
        if (status == 0)
            continue;
        if (status == UV_EADDRINUSE)
            iu_buf_printf(why, "cannot listen on %s: another program uses this port", address);
        else
            iu_buf_printf(why, "cannot listen on %s: %s", address, uv_strerror(status));
        listen_close(listeners);
        return NULL;
    }
    return listeners;
}

void listen_close(struct listeners *listeners)
{
    if (!listeners)
        return;
    uv_close((uv_handle_t *)&listeners->turn, on_closed);
    for (size_t i = 0; i < listeners->tcp_count; i++)
        uv_close((uv_handle_t *)&listeners->tcp[i], on_closed);
}
