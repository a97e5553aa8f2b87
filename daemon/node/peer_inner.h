/* SPDX-License-Identifier: Apache-2.0 */
/* What peer.c, which keeps connections, and meet.c, which makes them, share and nobody else sees. */
#ifndef NODE_PEER_INNER_H
#define NODE_PEER_INNER_H

#include "base/set.h"
#include "node/node.h"
#include "node/peer.h"
#include "node/strangers.h"

#define PEER_READ_MAX 65536

enum state { RESOLVING, CONNECTING, LOOKING, SHAKING, UP, ENDING, CLOSING };

struct peer {
    struct node *node;
    struct peer *next, **link;
    uint64_t conn, dial; /* dial: of a probe its number */
    peer_probed probed;  /* of a probe that was not told yet */
    enum state state;
    bool outbound, told, probe, dirty, reading, shut, quiet; /* quiet: ENDING, and nothing came since */
    int handles;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connecting;
    uv_shutdown_t shutting;
    struct tls *tls;
    struct iu_buf first; /* LOOKING: what came so far */
    struct iu_buf out;   /* plain, for the next flush */
    size_t writing;      /* bytes whose write has not been reported yet */
    uint64_t jobs_len;
    struct peer *older, *newer; /* while it is a stranger: see strangers.c */
    bool stranger;
    uint64_t since_ms; /* it came, or its ClientHello did */
    struct iu_prefix prefix;
    struct sockaddr_storage *tries; /* addresses of the name, and how many are left */
    size_t try_count, try_next;
    char address[IU_ADDRESS_MAX + 1], why[200];
};

struct peers {
    struct peer *first;
    struct iu_map *by_conn; /* conn -> struct peer * */
    size_t count;
    struct strangers strangers;
    uint64_t conns; /* last number given */
    struct peer **dirty;
    size_t dirty_count, dirty_cap;
    struct iu_buf plain, net;
    char read[PEER_READ_MAX];
};

/* A connection in its first state, with the deadline of the handshake. */
struct peer *peer_new(struct node *node, bool outbound, enum state state);
void peer_move(struct peer *peer, enum state state);
/* Ends it; the last close callback tells the net and frees. The first reason given stays. */
void peer_close(struct peer *peer, const char *why);
/* One of its handles is closed. */
void peer_let_go(struct peer *peer);
void peer_read_on(struct peer *peer);
/* TLS begins on a connection that was dialled. */
void peer_shake(struct peer *peer);

#endif
